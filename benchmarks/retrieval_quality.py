"""How good retrieval is on SQuAD: recall, MRR, the ablation of its legs, and the calibration of its scores.

    python -m benchmarks.retrieval_quality [--fit] [--questions N]

The database of the settings is used for its server only; the benchmark has one of its own. BM25 is measured
in the same run, on the same paragraphs. The curves of `knowledge/fusion.py` are fitted (`--fit` prints them) on the
best passage of questions about one half of the articles and of CLAPnq, which people typed into a search engine,
with as many questions about something else; they are measured on the other half of the articles.
"""

import argparse
import asyncio
import json
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import django
import numpy as np
from numpy.typing import NDArray
from rank_bm25 import BM25Okapi

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
os.environ["EMBEDDING_MODEL"] = "coaching.providers.minilm.from_settings"
django.setup()

from django.db import connection

from benchmarks import retrieval_corpus as corpus
from coaching.providers import registry
from knowledge import retrieval
from knowledge.models import EmbeddingSpace
from knowledge.retrieved import Retrieval
from knowledge.scope import Scope

DATA = Path(os.environ.get("SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
DATABASE = "sideline_bench_quality"
MISSED = 10**6
RATIO = 1.8
"""What a cosine weighs against the share of the words: SQuAD alone would have 1.4, CLAPnq more than 3."""
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, its vector and the paragraph that answers it; None for one that has no answer."""

    text: str
    vector: Vectors
    gold: str | None
    article: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """An organization with paragraphs, and the paragraph of each passage."""

    scope: Scope
    paragraphs: dict[UUID, str]


def shelve(name: str, space: EmbeddingSpace, rows: Sequence[dict[str, Any]], vectors: Vectors) -> Shelf:
    texts = [corpus.Text(title=row["title"], body=row["text"]) for row in rows]
    organization, ids = corpus.load(name=name, space=space, texts=texts, vectors=vectors)
    return Shelf(Scope(organization), dict(zip(ids, [row["pid"] for row in rows], strict=True)))


def embed(texts: Sequence[str]) -> Vectors:
    model = registry.embeddings()
    parts = [
        asyncio.run(model.embed(texts[first : first + 512], deadline_s=600)).vectors
        for first in range(0, len(texts), 512)
    ]
    return np.concatenate(parts)


def rank_of(found: Sequence[str], gold: str | None) -> int:
    return found.index(gold) if gold in found else MISSED


def print_ranks(name: str, ranks: Sequence[int], spent_ms: float, cpu_ms: float) -> None:
    at = np.array(ranks)
    recalls = "".join(f"{np.mean(at < depth):>8.3f}" for depth in (1, 3, 5, 10))
    mrr = np.where(at < 10, 1 / (np.minimum(at, 10) + 1), 0).mean()
    print(f"{name:<22}{recalls}{mrr:>9.3f}{spent_ms:>9.2f}{cpu_ms:>9.2f}")


def bm25(rows: Sequence[dict[str, Any]], asked: Sequence[Asked]) -> None:
    split: Callable[[str], list[str]] = lambda text: re.findall(r"\w+", text.lower())  # noqa: E731
    index = BM25Okapi([split(row["text"]) for row in rows], k1=1.2, b=0.75)
    ids = [row["pid"] for row in rows]
    started = time.perf_counter()
    ranks = []
    for question in asked:
        best = np.argsort(-index.get_scores(split(question.text)), kind="stable")[:10]
        ranks.append(rank_of([ids[place] for place in best], question.gold))
    spent = (time.perf_counter() - started) * 1000 / len(asked)
    print_ranks("BM25 (rank_bm25)", ranks, spent, spent)


def ablation(shelf: Shelf, asked: Sequence[Asked]) -> None:
    print(f"\n{'':<22}{'r@1':>8}{'r@3':>8}{'r@5':>8}{'r@10':>8}{'MRR@10':>9}{'ms':>9}{'CPU ms':>9}")
    legs: dict[str, Callable[[Asked], tuple[str, Vectors | None]]] = {
        "both legs": lambda question: (question.text, question.vector),
        "text only": lambda question: (question.text, None),
        "vectors only": lambda question: ("", question.vector),
    }
    for name, parts in legs.items():
        started, cpu = time.perf_counter(), time.process_time()
        ranks = []
        for question in asked:
            text, vector = parts(question)
            found = retrieval.retrieve(scope=shelf.scope, question=text, vector=vector, limit=10)
            names = [shelf.paragraphs[passage.passage_id] for passage in found.passages]
            ranks.append(rank_of(names, question.gold))
        spent = (time.perf_counter() - started) * 1000 / len(asked)
        print_ranks(name, ranks, spent, (time.process_time() - cpu) * 1000 / len(asked))


def measured(shelf: Shelf, asked: Sequence[Asked], *, with_vector: bool) -> list[tuple[Asked, Retrieval]]:
    return [
        (
            question,
            retrieval.retrieve(
                scope=shelf.scope,
                question=question.text,
                vector=question.vector if with_vector else None,
                limit=6,
            ),
        )
        for question in asked
    ]


def samples(
    shelf: Shelf, results: Sequence[tuple[Asked, Retrieval]], *, ratio: float
) -> tuple[Vectors, NDArray[np.bool_]]:
    """Return (1, ratio · similarity + words) of each best passage, and whether it is the answer."""
    rows, labels = [], []
    for question, found in results:
        for passage in found.passages[:1]:
            rows.append((1.0, ratio * passage.legs.get("vector", 0.0) + passage.legs["text"]))
            labels.append(shelf.paragraphs[passage.passage_id] == question.gold)
    return np.array(rows, np.float32), np.array(labels)


def fit(measures: Vectors, labels: NDArray[np.bool_], *, steps: int = 40) -> NDArray[np.float64]:
    """Return the coefficients of a logistic regression, by Newton's method with a slight penalty."""
    rows, wanted = measures.astype(np.float64), labels.astype(np.float64)
    weights = np.zeros(rows.shape[1])
    penalty = 1e-3 * np.eye(rows.shape[1])
    for _ in range(steps):
        chance = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (chance - wanted) + penalty @ weights
        bend = (rows * (chance * (1 - chance))[:, None]).T @ rows + penalty
        weights -= np.linalg.solve(bend, slope)
    return weights


def print_calibration(shelf: Shelf, results: Sequence[tuple[Asked, Retrieval]]) -> None:
    scores = np.array([found.confidence for _, found in results])
    right = np.array(
        [
            bool(found.passages) and shelf.paragraphs[found.passages[0].passage_id] == question.gold
            for question, found in results
        ]
    )
    print(f"{'confidence':<14}{'n':>7}{'said':>8}{'true':>8}")
    error = 0.0
    for low in np.arange(0, 1, 0.1):
        here = (scores >= low) & (scores < low + 0.1 + (low > 0.85))
        if here.any():
            error += here.mean() * abs(scores[here].mean() - right[here].mean())
            print(
                f"{low:.1f} - {low + 0.1:.1f}     {here.sum():>7}{scores[here].mean():>8.3f}{right[here].mean():>8.3f}"
            )
    print(f"expected calibration error {error:.3f}")


def print_separation(name: str, answered: Sequence[Retrieval], others: Sequence[Retrieval]) -> None:
    yes = np.array([found.confidence for found in answered])
    no = np.sort([found.confidence for found in others])
    area = np.searchsorted(no, yes).mean() / len(no)
    at = 0.35
    print(
        f"{name:<34} AUC {area:.3f}; below {at}: {np.mean(no < at):.3f} of them, {np.mean(yes < at):.3f} of answerable ones"
    )


def load_questions(count: int | None) -> tuple[list[dict[str, Any]], list[Asked], list[Asked]]:
    paragraphs = corpus.squad(DATA, "paragraphs.jsonl")
    article = {row["pid"]: str(row["title"]) for row in paragraphs}
    rows = corpus.squad(DATA, "questions.jsonl")
    rows = [rows[place] for place in np.random.default_rng(0).permutation(len(rows))[:count]]
    impossible = corpus.squad(DATA, "unanswerable_v2.jsonl")
    impossible = [impossible[place] for place in np.random.default_rng(1).permutation(len(impossible))[:1000]]
    vectors = embed([str(row["question"]) for row in [*rows, *impossible]])
    asked = [
        Asked(str(row["question"]), vector, str(row["pid"]), article[row["pid"]])
        for row, vector in zip(rows, vectors, strict=False)
    ]
    without = [
        Asked(str(row["question"]), vector, None, str(row["title"]))
        for row, vector in zip(impossible, vectors[len(rows) :], strict=True)
    ]
    return paragraphs, asked, without


def run(options: argparse.Namespace) -> None:
    paragraphs, asked, without = load_questions(options.questions)
    model = registry.embeddings()
    space = corpus.space_of(provider=model.provider, model=model.model, dimensions=model.dimensions)
    vectors = embed([str(row["text"]) for row in paragraphs])
    everything = shelve("all", space, paragraphs, vectors)
    titles = sorted({str(row["title"]) for row in paragraphs})
    first, second = (set(titles[half::2]) for half in (0, 1))
    halves: list[Shelf] = []
    for articles in (first, second):
        places = [place for place, row in enumerate(paragraphs) if row["title"] in articles]
        halves.append(
            shelve(f"half {len(halves)}", space, [paragraphs[at] for at in places], vectors[places])
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    print(f"{len(paragraphs)} paragraphs, {len(asked)} questions")
    ablation(everything, asked)
    bm25(paragraphs, asked)
    calibrate(halves, (first, second), asked, fitting=space if options.fit else None)
    answered = [found for _, found in measured(everything, asked[:1000], with_vector=True)]
    unanswerable = [found for _, found in measured(everything, without, with_vector=True)]
    print_separation("unanswerable (SQuAD 2.0)", answered, unanswerable)


def typed_questions(space: EmbeddingSpace, foreign: Sequence[Asked]) -> tuple[Shelf, list[Asked]]:
    """Return CLAPnq: its passages, its answerable questions, and as many questions about something else."""
    with (DATA / "rag-clapnq" / "questions.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    texts = {row["text"]: {"pid": row["text"], "title": row["title"], "text": row["text"]} for row in rows}
    shelf = shelve(
        "clapnq",
        space,
        list(texts.values()),
        embed([f"{row['title']}\n{row['text']}" for row in texts.values()]),
    )
    answerable = [row for row in rows if row["answerable"]]
    vectors = embed([row["question"] for row in answerable])
    asked = [
        Asked(row["question"], vector, row["text"], "")
        for row, vector in zip(answerable, vectors, strict=True)
    ]
    return shelf, asked + [replace(question, gold=None) for question in foreign[: len(asked)]]


def print_fit(
    name: str,
    halves: Sequence[Shelf],
    typed: tuple[Shelf, list[Asked]],
    asked: Sequence[Asked],
    *,
    with_vector: bool,
) -> None:
    ratio = RATIO if with_vector else 0.0
    rows, labels = samples(halves[0], measured(halves[0], asked, with_vector=with_vector), ratio=ratio)
    shelf, questions = typed
    more, marks = samples(shelf, measured(shelf, questions, with_vector=with_vector), ratio=ratio)
    times = max(1, len(rows) // len(more))
    constant, slope = fit(
        np.vstack([rows, np.repeat(more, times, axis=0)]), np.r_[labels, np.repeat(marks, times)]
    )
    print(f"\nfitted, {name}: constant {constant:.2f}, similarity {slope * ratio:.2f}, words {slope:.2f}")


def calibrate(
    halves: Sequence[Shelf],
    articles: Sequence[set[str]],
    asked: Sequence[Asked],
    *,
    fitting: EmbeddingSpace | None,
) -> None:
    """Measure the curves on the second half of the articles; the other half's questions have no answer there."""
    typed = typed_questions(fitting, asked) if fitting else None
    for with_vector, name in ((True, "both legs"), (False, "text only")):
        if typed:
            print_fit(name, halves, typed, asked, with_vector=with_vector)
        results = measured(halves[1], asked, with_vector=with_vector)
        print(f"\ncalibration of the best passage, {name}, on articles that were not fitted on")
        print_calibration(halves[1], results)
        inside = [found for question, found in results if question.article in articles[1]]
        outside = [found for question, found in results if question.article not in articles[1]]
        print_separation(f"about other articles, {name}", inside, outside)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true", help="print the coefficients for knowledge/fusion.py")
    parser.add_argument("--questions", type=int, help="at most so many questions (default: all)")
    options = parser.parse_args()
    before = str(connection.settings_dict["NAME"])
    corpus.use_database_of_its_own(DATABASE)
    try:
        run(options)
    finally:
        corpus.drop_database(DATABASE, back_to=before)


if __name__ == "__main__":
    main()
