"""A page as a picture, with the places of quotes on it; pure values and functions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from knowledge.extraction.cleaning import clean

Box = tuple[float, float, float, float]
SHORTEST_PART = 24
LEAST_LIKENESS = 85.0
LONGEST_QUOTE = 4_000
LAM_ALEF = re.compile("[\u0622\u0623\u0625\u0627\u0644]{2,}")


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A part of a page; 0 is its left or top edge, 1 its right or bottom edge."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """A picture of a page in pixels, and for each quote its rectangles, one per line, maybe none."""

    image: bytes
    media_type: str
    width: int
    height: int
    rectangles: tuple[tuple[Rectangle, ...], ...]


@dataclass(frozen=True, slots=True)
class Word:
    """One printed word: its box in points, and the number of its line on the page."""

    box: Box
    text: str
    line: tuple[int, int]


class PageText:
    """The letters of a page in a row: hyphens, line ends, quotation marks and case make no difference."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._words = words
        self._letters = ""
        self._word_of: list[int] = []
        for index, word in enumerate(words):
            letters = letters_of(word.text)
            self._letters += letters
            self._word_of += [index] * len(letters)

    def find(self, quote: str) -> list[Box]:
        """Boxes of the quote, one per line: the whole of it, else the longest end of it on this page."""
        wanted = letters_of(quote[:LONGEST_QUOTE])
        if not wanted or not self._letters:
            return []
        span = self._exact(wanted) or self._either_end(wanted)
        if span is not None:
            return self._boxes(*span)
        cells = [cell for row in quote.split("\n") for cell in row.replace(" | ", "; ").split("; ")]
        if len(cells) > 1:
            found = [self._exact(letters_of(cell.rpartition(": ")[2])) for cell in cells]
            return [box for part in found if part for box in self._boxes(*part)]
        span = self._alike(wanted)
        return self._boxes(*span) if span else []

    def _exact(self, wanted: str) -> tuple[int, int] | None:
        at = self._letters.find(wanted) if wanted else -1
        return (at, at + len(wanted)) if at >= 0 else None

    def _either_end(self, wanted: str) -> tuple[int, int] | None:
        """The longest beginning or end of a quote that runs over to the next page or from the last."""
        shortest, longest = min(SHORTEST_PART, len(wanted)), 0
        best: tuple[int, int] | None = None
        for from_start in (True, False):
            low, high = max(shortest, longest + 1), len(wanted) - 1
            while low <= high:
                middle = (low + high) // 2
                span = self._exact(wanted[:middle] if from_start else wanted[-middle:])
                if span is None:
                    high = middle - 1
                else:
                    best, longest, low = span, middle, middle + 1
        return best if longest * 2 >= len(wanted) or longest >= 2 * SHORTEST_PART else None

    def _alike(self, wanted: str) -> tuple[int, int] | None:
        alignment = fuzz.partial_ratio_alignment(wanted, self._letters, score_cutoff=LEAST_LIKENESS)
        if alignment is None or len(wanted) > len(self._letters):
            return None
        return alignment.dest_start, alignment.dest_end

    def _boxes(self, start: int, end: int) -> list[Box]:
        """One box per line around the words from letter `start` to letter `end`."""
        lines: dict[tuple[int, int], Box] = {}
        for index in range(self._word_of[start], self._word_of[end - 1] + 1):
            word = self._words[index]
            last = lines.get(word.line)
            lines[word.line] = word.box if last is None else _around(last, word.box)
        return list(lines.values())


def letters_of(text: str) -> str:
    """Letters and digits alone, in small letters, ligatures taken apart.

    Lam and alef beside each other come in one order: one glyph stands for both, and PyMuPDF's words have it turned round.
    """
    text = clean(text)
    if not text.isascii():
        text = LAM_ALEF.sub(lambda run: "".join(sorted(run[0])), text)
    return "".join(char for char in text.casefold() if char.isalnum())


def _around(first: Box, second: Box) -> Box:
    return (
        min(first[0], second[0]),
        min(first[1], second[1]),
        max(first[2], second[2]),
        max(first[3], second[3]),
    )
