"""Bars for a page, placed by the server: numbers in, positions in an SVG out. The table beside them says the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from conversations.analytics_masking import Count

WIDTH = 640
HEIGHT = 160
ROW = 28
LABEL = 200
"""Room for the name before a lying bar."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; a number that is not shown has none, and its place stays marked."""

    name: str
    value: int | None
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Where words stand beside a lying bar."""
        return self.y + self.height * 0.72

    @property
    def end(self) -> float:
        """Where a lying bar ends."""
        return self.x + self.width


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars and the size of their drawing."""

    bars: list[Bar]
    width: int
    height: int
    most: int


def standing(counts: Sequence[Count]) -> Chart:
    """Return a bar for each day, side by side."""
    most = max((count.value or 0 for count in counts), default=0)
    step = WIDTH / max(1, len(counts))
    bars = []
    for number, count in enumerate(counts):
        height = HEIGHT * (count.value or 0) / (most or 1)
        bars.append(_bar(count, number * step, HEIGHT - height, step * 0.8, height))
    return Chart(bars, WIDTH, HEIGHT, most)


def lying(counts: Sequence[Count]) -> Chart:
    """Return a bar for each name, one below the other."""
    most = max((count.value or 0 for count in counts), default=0)
    room = WIDTH - LABEL - 60
    bars = [
        _bar(count, LABEL, number * ROW, room * (count.value or 0) / (most or 1), ROW * 0.7)
        for number, count in enumerate(counts)
    ]
    return Chart(bars, WIDTH, ROW * len(counts), most)


def _bar(count: Count, x: float, y: float, width: float, height: float) -> Bar:
    return Bar(count.name, count.value, *(round(number, 1) for number in (x, y, width, height)))
