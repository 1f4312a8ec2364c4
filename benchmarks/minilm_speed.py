"""How fast and how faithful the embedded embedding model is, against torch where it is to be had.

    python -m benchmarks.minilm_speed ../shared/data/retrieval-squad [--torch-python PATH]

`PATH` is a Python of another environment that has torch and sentence-transformers; it is run in this same
benchmark, one after the other with ours, on the same texts. Texts are 1,000 characters, about 200 pieces.
Retrieval is by vector alone: every question against every paragraph. On a machine
that is busy otherwise only the rate per second of CPU can be compared.
"""

import argparse
import asyncio
import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.squad import Library, recall
from coaching.providers.minilm import MiniLM, multiplies_exactly
from coaching.providers.minilm_graph import Precision
from coaching.providers.minilm_tokenizer import model_file

TEXTS, CHARACTERS, QUERIES = 256, 1000, 200
PEER = """
import json, statistics, sys, time
import torch
from sentence_transformers import SentenceTransformer
given = json.load(sys.stdin)
model = SentenceTransformer(given["model"], device="cpu")
model.max_seq_length = 256
figures = {}
for threads in (1, 2):
    torch.set_num_threads(threads)
    model.encode(given["texts"][:8])
    began, cpu = time.perf_counter(), time.process_time()
    model.encode(given["texts"], batch_size=32)
    rate = len(given["texts"]) / (time.perf_counter() - began)
    cpu_rate = len(given["texts"]) / (time.process_time() - cpu)
    taken = []
    for query in given["queries"]:
        began = time.perf_counter()
        model.encode([query])
        taken.append(time.perf_counter() - began)
    figures[threads] = (rate, cpu_rate, 1000 * statistics.median(taken))
json.dump(figures, sys.stdout)
"""

Vectors = NDArray[np.float32]
Figures = tuple[float, float, float]


def texts_of(library: Library) -> list[str]:
    """Return texts of equal length, cut from the paragraphs."""
    everything = " ".join(library.texts)
    return [everything[number * CHARACTERS : (number + 1) * CHARACTERS] for number in range(TEXTS)]


def embed(model: MiniLM, texts: Sequence[str]) -> Vectors:
    """Embed with no deadline that matters."""
    return asyncio.run(model.embed(texts, deadline_s=900)).vectors


def speed(model: MiniLM, texts: Sequence[str], queries: Sequence[str]) -> Figures:
    """Return texts a second, texts a second of CPU and the median milliseconds of one query."""
    embed(model, texts[:8])
    began, cpu = time.perf_counter(), time.process_time()
    embed(model, texts)
    rate = len(texts) / (time.perf_counter() - began)
    cpu_rate = len(texts) / (time.process_time() - cpu)
    return rate, cpu_rate, asyncio.run(_median_query_ms(model, queries))


async def _median_query_ms(model: MiniLM, queries: Sequence[str]) -> float:
    taken = []
    for query in queries:
        began = time.perf_counter()
        await model.embed([query], deadline_s=30)
        taken.append(time.perf_counter() - began)
    return 1000 * float(np.median(taken))


def peer(python: Path, texts: Sequence[str], queries: Sequence[str]) -> dict[str, Figures]:
    """Measure sentence-transformers in its own environment: figures by number of threads."""
    given = json.dumps({"model": str(model_file("")), "texts": list(texts), "queries": list(queries)})
    done = subprocess.run(
        [python, "-W", "ignore", "-c", PEER], input=given, capture_output=True, text=True, check=True
    )
    figures: dict[str, Figures] = json.loads(done.stdout)
    return figures


def report_speed(library: Library, torch_python: Path | None) -> None:
    """Print a row for each engine and number of threads."""
    texts = texts_of(library)
    queries = [asked.question for asked in library.asked[:QUERIES]]
    print(f"{'engine':28}{'threads':>8}{'texts/s':>9}{'texts/CPU s':>13}{'query ms':>10}")
    if torch_python:
        for counted, measured in peer(torch_python, texts, queries).items():
            print(
                f"{'sentence-transformers, torch':28}{counted:>8}{measured[0]:9.1f}{measured[1]:13.1f}{measured[2]:10.2f}"
            )
    for precision in _precisions():
        for threads in (1, 2):
            figures = speed(MiniLM(threads=threads, precision=precision), texts, queries)
            print(
                f"{'ours, ' + precision:28}{threads:>8}{figures[0]:9.1f}{figures[1]:13.1f}{figures[2]:10.2f}"
            )


def report_quality(library: Library) -> None:
    """Print recall by vector alone, and how near each precision is to float32."""
    gold = np.array([asked.paragraph for asked in library.asked if asked.answers])
    questions = [asked.question for asked in library.asked[: len(gold)]]
    exact: Vectors | None = None
    for precision in _precisions():
        model = MiniLM(precision=precision)
        paragraphs, asked = embed(model, library.texts), embed(model, questions)
        exact = paragraphs if exact is None else exact
        cosines = (exact * paragraphs).sum(axis=1)
        found = "  ".join(f"{name} {value:.4f}" for name, value in recall(asked @ paragraphs.T, gold).items())
        print(f"{precision:8} {found}  cosine mean {cosines.mean():.4f} min {cosines.min():.4f}")


def report_memory() -> None:
    """Print what the model adds to this process."""
    process = psutil.Process()
    before = process.memory_info().rss
    began = time.perf_counter()
    model = MiniLM()
    model.warm()
    print(
        f"loaded in {time.perf_counter() - began:.2f} s, {(process.memory_info().rss - before) / 1e6:.0f} MB more"
    )


def _precisions() -> list[Precision]:
    whole = [Precision.WHOLE] if multiplies_exactly() else []
    return [Precision.FULL, Precision.NARROW, *whole]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--torch-python", type=Path)
    options = parser.parse_args()
    report_memory()
    library = Library.load(options.folder)
    report_speed(library, options.torch_python)
    report_quality(library)


if __name__ == "__main__":
    main()
