"""How often the student data rules find what is a student's, how often they err, and how long they take.

    python -m benchmarks.student_data [--misses]

`recall` is the share of the messages with student data in which all of it was found, `precision` the share of the
messages that were questioned which hold any. The messages were made up for this (`student_data_messages.toml`);
the rules were written against the open half alone.
"""

import argparse
import statistics
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coaching.policies import student_data

MESSAGES = Path(__file__).with_name("student_data_messages.toml")
HALVES = ("open", "sealed")
ROUNDS = 5
LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class Sample:
    """A message, and the words in it that are a student's."""

    half: str
    text: str
    student: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """How one half was judged."""

    held: int
    """Messages that hold student data."""
    found: int
    """Those of them in which all of it was found."""
    noticed: int
    """Those of them that were questioned at all."""
    quiet: int
    """Messages without student data that were left alone."""
    false: int
    """Messages without student data that were questioned."""

    @property
    def recall(self) -> float:
        """Share of the messages with student data in which all of it was found."""
        return self.found / self.held

    @property
    def precision(self) -> float:
        """Share of the questioned messages that hold student data."""
        return self.noticed / (self.noticed + self.false)


def samples(half: str) -> list[Sample]:
    """Return the messages of one half."""
    rows = tomllib.loads(MESSAGES.read_text(encoding="utf-8"))["message"]
    return [
        Sample(row["half"], row["text"], tuple(row.get("student", ()))) for row in rows if row["half"] == half
    ]


def finds_all(sample: Sample) -> bool:
    """Whether every word of a student in the message lies within a finding."""
    found = [finding.of(sample.text).lower() for finding in student_data.find(sample.text)]
    return all(any(words.lower() in each for each in found) for words in sample.student)


def score(judged: Sequence[Sample]) -> Score:
    """Count hits and errors."""
    held = [sample for sample in judged if sample.student]
    others = [sample for sample in judged if not sample.student]
    false = sum(bool(student_data.find(sample.text)) for sample in others)
    return Score(
        held=len(held),
        found=sum(map(finds_all, held)),
        noticed=sum(bool(student_data.find(sample.text)) for sample in held),
        quiet=len(others) - false,
        false=false,
    )


def microseconds(text: str) -> float:
    """Return the best time of a few rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        student_data.find(text)
        best = min(best, (time.perf_counter() - begun) * 1e6)
    return best


def print_times() -> None:
    """Print microseconds for the messages of the file, and for long and hostile ones."""
    times = sorted(microseconds(sample.text) for half in HALVES for sample in samples(half))
    print(
        f"{len(times)} messages: median {statistics.median(times):.0f} us, "
        f"p95 {times[int(len(times) * 0.95)]:.0f} us, worst {times[-1]:.0f} us"
    )
    hostile = {
        "plain words": "we plan the next meeting together ",
        "student student": "student ",
        "names": "Maria Lopez and ",
        "capitals": "A B C D E F ",
        "digits": "555 123 ",
        "student Maria": "student Maria, ",
        "one long word": "a",
        "at signs": "a@a.",
    }
    for name, piece in hostile.items():
        text = (piece * (LONGEST // len(piece) + 1))[:LONGEST]
        print(f"{LONGEST:,} characters, {name}: {microseconds(text) / 1000:.1f} ms")


def print_misses(judged: Sequence[Sample]) -> None:
    """Print the messages that were judged wrongly."""
    for sample in judged:
        found = [(each.of(sample.text), each.rule) for each in student_data.find(sample.text)]
        if (sample.student and not finds_all(sample)) or (found and not sample.student):
            print("  MISSED" if sample.student else "  FALSE ", repr(sample.text), found)


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--misses", action="store_true", help="print the messages that were judged wrongly")
    arguments = parser.parse_args()
    print(f"{'half':<8}{'with':>6}{'recall':>8}{'without':>9}{'false':>7}{'precision':>11}")
    for half in HALVES:
        judged = samples(half)
        got = score(judged)
        others = got.quiet + got.false
        print(f"{half:<8}{got.held:>6}{got.recall:>8.3f}{others:>9}{got.false:>7}{got.precision:>11.3f}")
        if arguments.misses and half == "open":
            print_misses(judged)
    print_times()


if __name__ == "__main__":
    main()
