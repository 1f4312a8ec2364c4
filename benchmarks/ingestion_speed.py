"""How fast a PDF becomes a document, and what it costs in memory, beside other tools on the same book.

Run `python benchmarks/ingestion_speed.py [BOOK.pdf] [--repeat 3]`. Without a book it makes one of about
600 pages with headings, running headers, page numbers, lists, hyphenation and a table on every tenth
page. Every row is a process of its own; peak memory is that process's largest resident set.
"""

import argparse
import importlib.util
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import psutil
import pymupdf

from knowledge.extraction.sandbox import extract

PAGES, LINES, PER_CHAPTER = 600, 38, 30
WORDS = [
    "teacher",
    "student",
    "lesson",
    "question",
    "evidence",
    "reflection",
    "practice",
    "feedback",
    "classroom",
    "learning",
    "goal",
    "discussion",
    "assessment",
    "strategy",
    "the",
    "of",
    "and",
    "to",
    "in",
    "a",
    "is",
    "that",
    "for",
    "it",
    "with",
    "as",
    "on",
    "be",
    "by",
    "this",
    "are",
    "from",
]


def make_book(path: Path, pages: int = PAGES) -> None:
    """Write a book with everything that extraction has to notice."""
    chance = random.Random(7)
    book = pymupdf.open()  # type: ignore[no-untyped-call]
    outline = []
    for number in range(pages):
        page = book.new_page(width=432, height=648)
        page.insert_text((54, 36), f"The Reflective Classroom   {number + 1}", fontsize=8)
        y = 64.0
        if number % PER_CHAPTER == 0:
            title = f"Chapter {number // PER_CHAPTER + 1}: {chance.choice(WORDS).title()} and practice"
            page.insert_text((54, y + 10), title, fontsize=18, fontname="hebo")
            outline.append([1, title, number + 1])
            y += 40
        if number % 10 == 4:
            y = draw_table(page, y, chance)
        while y < 610:
            words = chance.choices(WORDS, k=11)
            if chance.random() < 0.4:
                at = chance.randrange(2, 11)
                words[at - 1 : at + 1] = [words[at - 1] + ".", words[at].title()]
            end = "." if chance.random() < 0.15 else "-" if chance.random() < 0.1 else ""
            page.insert_text((54, y), " ".join(words) + end, fontsize=10)
            y += 14
    book.set_toc(outline)
    book.save(path, garbage=3, deflate=True)  # type: ignore[no-untyped-call]


def draw_table(page: "pymupdf.Page", top: float, chance: random.Random) -> float:
    """Draw a ruled table of six rows and three columns; the y below it."""
    for row in range(7):
        page.draw_line((54, top + row * 18), (378, top + row * 18))
    for column in range(4):
        page.draw_line((54 + column * 108, top), (54 + column * 108, top + 108))
    for row in range(6):
        for column in range(3):
            word = ("Strategy", "When", "Minutes")[column] if row == 0 else chance.choice(WORDS)
            page.insert_text((58 + column * 108, top + row * 18 + 12), word, fontsize=9)
    return top + 130


def ours(path: Path) -> int:
    """Our extraction, sandbox, structure, cleaning and labels included."""
    document = extract(path, filename=path.name)
    if not document.blocks or not document.chapters:
        raise SystemExit("nothing extracted")
    return len(document.pages)


def raw(path: Path) -> int:
    """Characters alone."""
    with pymupdf.open(path) as book:  # type: ignore[no-untyped-call]
        return sum(1 for page in book if page.get_text() is not None)


def pypdf(path: Path) -> int:
    """The same with pypdf, where it is installed."""
    module = importlib.import_module("pypdf")
    return sum(1 for page in module.PdfReader(path).pages if page.extract_text() is not None)


RUNS: dict[str, Callable[[Path], int]] = {"ours": ours, "raw": raw, "pypdf": pypdf}
NAMES = {
    "ours": "Sideline, sandboxed child, whole call",
    "raw": "PyMuPDF get_text, in process, no import",
    "pypdf": "pypdf, in process, no import",
}


def run_one(name: str, path: Path) -> None:
    """Run one tool in this process and print seconds, pages and peak megabytes of who did the work."""
    start = time.perf_counter()
    pages = RUNS[name](path)
    seconds = time.perf_counter() - start
    who = resource.RUSAGE_CHILDREN if name == "ours" else resource.RUSAGE_SELF
    used = resource.getrusage(who)
    print(seconds, pages, used.ru_maxrss / 1024, used.ru_utime + used.ru_stime)


def measure(name: str, path: Path, repeat: int) -> tuple[float, int, float, float]:
    """Median seconds, pages, the largest peak and the median CPU seconds of `repeat` fresh processes."""
    results = []
    for _ in range(repeat):
        command = [sys.executable, __file__, str(path), "--only", name]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds, pages, peak, cpu = output.split()[-4:]
        results.append((float(seconds), int(pages), float(peak), float(cpu)))
    peak_mb = max(r[2] for r in results)
    return (
        statistics.median(r[0] for r in results),
        results[0][1],
        peak_mb,
        statistics.median(r[3] for r in results),
    )


def main() -> None:
    """Measure all tools on one book and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("book", nargs="?", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", choices=RUNS)
    options = parser.parse_args()
    if options.only:
        run_one(options.only, options.book)
        return
    with tempfile.TemporaryDirectory() as folder:
        book = options.book or Path(folder) / "book.pdf"
        if not options.book:
            make_book(book)
        print(f"{book.name}, {psutil.cpu_count()} cores, median of {options.repeat}")
        print(f"{'':42}{'pages/s':>9}{'s':>8}{'CPU s':>8}{'peak MB':>9}")
        for name in RUNS:
            if name == "pypdf" and importlib.util.find_spec("pypdf") is None:
                continue
            seconds, pages, peak, cpu = measure(name, book, options.repeat)
            print(f"{NAMES[name]:42}{pages / seconds:>9.0f}{seconds:>8.2f}{cpu:>8.2f}{peak:>9.0f}")
        print("targets: at least 250 pages/s on a book of 600 pages, at most 400 MB")


if __name__ == "__main__":
    main()
