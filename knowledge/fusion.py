"""From two rankings to one: reciprocal ranks, one calibrated scale, no passage twice. Pure."""

import math
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)

RANK_CONSTANT = 5.0
"""Small, because the legs are good: their first places count for much more than their tenth."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic curve from the measures of a passage to the probability that it answers the question.

    Fitted by `benchmarks/retrieval_quality.py --fit`; see `docs/retrieval.md`.
    """

    constant: float
    similarity: float
    words: float

    def probability(self, *, similarity: float, words: float) -> float:
        """Return a probability from the cosine and from the share of the question's words, 0 to about 1.5."""
        height = self.constant + self.similarity * similarity + self.words * words
        return 1 / (1 + math.exp(-height))


BOTH_LEGS = Calibration(constant=-6.8, similarity=8.1, words=4.5)
TEXT_ONLY = Calibration(constant=-5.6, similarity=0.0, words=7.3)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where a passage stands, to tell whether two of them are nearly the same."""

    version: Hashable
    ordinal: int
    start: int
    end: int
    pages: tuple[int | None, int | None]
    text: str


def fuse(rankings: Iterable[tuple[float, Sequence[Key]]]) -> dict[Key, float]:
    """Add up weight / (constant + rank) over weighted rankings, best first in each and in the result."""
    scores: dict[Key, float] = {}
    for weight, ranking in rankings:
        for rank, key in enumerate(ranking, start=1):
            scores[key] = scores.get(key, 0.0) + weight / (RANK_CONSTANT + rank)
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


def of_domain(
    ranking: Sequence[Key], domains: Mapping[Key, Collection[str]], domain: str, *, most: int
) -> list[Key]:
    """Return the first `most` of a ranking that belong to `domain`."""
    return [key for key in ranking if domain in domains.get(key, ())][:most]


def without_repeats(items: Iterable[Item], stretch: Callable[[Item], Stretch], *, most: int) -> list[Item]:
    """Return the first `most` items, leaving out those nearly the same as a better one."""
    kept: list[tuple[Item, Stretch]] = []
    for item in items:
        here = stretch(item)
        if not any(nearly_the_same(here, better) for _, better in kept):
            kept.append((item, here))
        if len(kept) == most:
            break
    return [item for item, _ in kept]


def nearly_the_same(one: Stretch, other: Stretch) -> bool:
    """Whether two passages overlap by half, are neighbours on the same pages, or say the same."""
    if one.version == other.version:
        overlap = min(one.end, other.end) - max(one.start, other.start)
        if overlap * 2 >= min(one.end - one.start, other.end - other.start):
            return True
        neighbours = abs(one.ordinal - other.ordinal) == 1
        return neighbours and overlap > 0 and one.pages == other.pages and one.pages[0] is not None
    shorter, longer = sorted((len(one.text), len(other.text)))
    return shorter * 10 >= longer * 9 and _same_words(one.text, other.text)


def _same_words(one: str, other: str) -> bool:
    words, others = set(one.split()), set(other.split())
    return len(words & others) * 10 >= len(words | others) * 9
