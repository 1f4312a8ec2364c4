"""How often the escalation rules call a person when they should, when they should not, and how long they take.

    python -m benchmarks.escalation_rules ../shared/data [--half open|sealed] [--misses NAME]

`recall` and `precision` are per sample: a message, a user with all their posts, or all turns of a conversation.
Ordinary texts expect nothing at all, of any reason. `--misses` prints which samples a rule got wrong; they
are distressing to read and must not be copied.
"""

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from benchmarks.escalation_data import CRISIS_SETS, ORDINARY_SETS, Loader, Sample, handoff
from coaching.policies import escalation

EVERY_REASON = frozenset(escalation.URGENCY)
HOSTILE = {
    "i want to (repeated)": "i want to ",
    "kill my (repeated)": "kill my self esteem ",
    "denials": "i do not want to kill myself ",
    "a student told me": "a student told me that she thinks she wants ",
    "can i please": "can i please just talk to a real actual live ",
    "one long word": "suicid",
    "spaces": "die \n\t ",
    "apostrophes": "don't ",
    "wide letters": "\uff4b\uff49\uff4c\uff4c \uff4d\uff59 ",
    "every stem": "self life suicide die alive wake keep kms pills cutting took harm want kill school coach quit sue report ",
}


@dataclass(frozen=True, slots=True)
class Score:
    """What was found among the samples of one set and half."""

    name: str
    expected: int
    found: int
    missed: tuple[Sample, ...]
    false: tuple[Sample, ...]
    quiet: int

    @property
    def recall(self) -> float:
        """Share of the expected samples that called somebody."""
        return self.found / self.expected if self.expected else float("nan")

    @property
    def precision(self) -> float:
        """Share of the calls that were expected."""
        calls = self.found + len(self.false)
        return self.found / calls if calls else float("nan")


def calls(sample: Sample, reasons: frozenset[str]) -> bool:
    """Whether any message of the sample calls for one of the reasons."""
    return any(finding.reason in reasons for text in sample.texts for finding in escalation.screen(text))


def score(name: str, samples: Iterable[Sample], reasons: frozenset[str]) -> Score:
    """Count hits and errors."""
    expected = found = quiet = 0
    missed: list[Sample] = []
    false: list[Sample] = []
    for sample in samples:
        called = calls(sample, reasons)
        expected += sample.expected
        found += sample.expected and called
        quiet += not (sample.expected or called)
        if called != sample.expected:
            (missed if sample.expected else false).append(sample)
    return Score(name, expected, found, tuple(missed), tuple(false), quiet)


def measure(data: Path, half: str) -> list[Score]:
    """Score every set: crisis for the first, requests for the second, nothing at all for ordinary texts."""
    plan: list[tuple[Loader, frozenset[str]]] = [
        *((loader, frozenset({escalation.CRISIS})) for loader in CRISIS_SETS),
        (handoff, frozenset({escalation.CLIENT_REQUEST})),
        *((loader, EVERY_REASON) for loader in ORDINARY_SETS),
    ]
    return [
        score(loader.__name__, (sample for sample in loader(data) if sample.half == half), reasons)
        for loader, reasons in plan
    ]


def microseconds(texts: Sequence[str], rounds: int = 3) -> list[float]:
    """Return the best time of each text over the rounds."""
    best = [float("inf")] * len(texts)
    for _ in range(rounds):
        for place, text in enumerate(texts):
            begun = time.perf_counter()
            escalation.screen(text)
            best[place] = min(best[place], (time.perf_counter() - begun) * 1e6)
    return best


def print_scores(scores: Iterable[Score]) -> None:
    """Print one line per set."""
    print(f"{'set':<14}{'expected':>9}{'found':>7}{'recall':>8}{'others':>8}{'false':>7}{'precision':>11}")
    for one in scores:
        others = one.quiet + len(one.false)
        line = (
            f"{one.name:<14}{one.expected:>9}{one.found:>7}{one.recall:>8.3f}{others:>8}{len(one.false):>7}"
        )
        print(f"{line}{one.precision:>11.3f}")


def print_errors(scores: Iterable[Score], name: str) -> None:
    """Print the samples of one set that were judged wrongly, and by which rule."""
    for one in (score for score in scores if score.name == name):
        for sample in one.missed:
            print("MISSED", repr(" | ".join(sample.texts)[:300]))
        for sample in one.false:
            found = chain.from_iterable(map(escalation.screen, sample.texts))
            rules = Counter((finding.rule, finding.matched) for finding in found)
            print("FALSE ", rules.most_common(5), repr(sample.texts[0][:200]))


def print_times(data: Path) -> None:
    """Print microseconds per message for ordinary messages, long posts and hostile texts."""
    ordinary = [text for loader in ORDINARY_SETS for sample in loader(data) for text in sample.texts][::20]
    posts = [text for loader in CRISIS_SETS for sample in loader(data) for text in sample.texts][::10]
    for name, texts in (("ordinary", ordinary), ("crisis sets", posts)):
        times = sorted(microseconds(texts))
        length = statistics.mean(map(len, texts))
        print(
            f"{name}: {len(times)} messages of {length:.0f} characters on average,"
            f" median {statistics.median(times):.0f} us, p99 {times[int(len(times) * 0.99)]:.0f} us"
        )
    for name, piece in HOSTILE.items():
        text = (piece * (20_000 // len(piece) + 1))[:20_000]
        print(f"20,000 characters, {name}: {microseconds([text])[0] / 1000:.2f} ms")


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--half", choices=("open", "sealed"), action="append")
    parser.add_argument("--misses", metavar="SET", help="print the errors of this set")
    arguments = parser.parse_args()
    for half in arguments.half or ("open", "sealed"):
        print(f"\n{half} half")
        scores = measure(arguments.data, half)
        print_scores(scores)
        print_errors(scores, arguments.misses or "")
    print()
    print_times(arguments.data)


if __name__ == "__main__":
    main()
