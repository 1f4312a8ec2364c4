"""Lines on pages, and the order in which a person reads them; pure functions, points from the top left."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field

SAME_BASELINE = 0.3
WIDE_GAP = 3.0
LEAST_FOR_COLUMNS = 8
BESIDE_SHARE = 0.2
CROSSING_SHARE = 0.5


@dataclass(slots=True)
class Line:
    """One printed line: its box, text and looks. `cells` is set for a table, whose text is whole rows."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float
    text: str
    size: float
    bold: bool = False
    is_table: bool = False
    mono: bool = False
    baseline: float = 0.0


@dataclass(slots=True)
class PageLines:
    """One page: its size in points and its lines in reading order."""

    index: int
    width: float
    height: float
    lines: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class Group:
    """Lines that the page keeps together, with the box around them."""

    x0: float
    y0: float
    x1: float
    y1: float
    lines: list[Line]


def group(lines: list[Line]) -> Group:
    """The box around some lines."""
    return Group(
        min(line.x0 for line in lines),
        min(line.y0 for line in lines),
        max(line.x1 for line in lines),
        max(line.y1 for line in lines),
        lines,
    )


def join_same_baseline(lines: Iterable[Line]) -> list[Line]:
    """Put the pieces of one printed line together: a bullet and its text, words set far apart."""
    joined: list[Line] = []
    for line in lines:
        last = joined[-1] if joined else None
        if last is not None and _continues_baseline(last, line):
            last.text = f"{last.text} {line.text}"
            last.bold = last.bold and (line.bold or not line.text[0].isalnum())
            last.x1, last.y1 = max(last.x1, line.x1), max(last.y1, line.y1)
            last.size = max(last.size, line.size)
        else:
            joined.append(line)
    return joined


def _continues_baseline(last: Line, line: Line) -> bool:
    if last.is_table or line.is_table:
        return False
    tolerance = SAME_BASELINE * max(last.size, line.size)
    return abs(last.baseline - line.baseline) < tolerance and -2 < line.x0 - last.x1 < WIDE_GAP * max(
        last.size, line.size
    )


def reading_order(groups: list[Group]) -> list[Group]:
    """The order of the content stream when it runs downwards in each column, else by columns and gaps."""
    if _runs_downwards(groups):
        return groups
    return by_columns(groups) or _cut(groups)


def by_columns(groups: list[Group]) -> list[Group]:
    """The order on a page of two columns: left before right, above and below what crosses both.

    Empty when the page has no gutter: an upright strip that few groups cross and many stand beside.
    """
    gutter = _gutter(groups)
    if gutter is None:
        return []
    ordered: list[Group] = []
    left: list[Group] = []
    right: list[Group] = []
    for item in sorted(groups, key=lambda g: g.y0):
        if item.x1 <= gutter:
            left.append(item)
        elif item.x0 >= gutter:
            right.append(item)
        else:
            ordered += [*left, *right, item]
            left, right = [], []
    return [*ordered, *left, *right]


def _gutter(groups: list[Group]) -> float | None:
    """The x that the fewest groups cross, in the middle half of the text."""
    if len(groups) < LEAST_FOR_COLUMNS:
        return None
    start, end = min(g.x0 for g in groups), max(g.x1 for g in groups)
    middle = [g.x1 + 1 for g in groups if start + 0.25 * (end - start) < g.x1 < start + 0.75 * (end - start)]
    best: tuple[int, float] | None = None
    for x in {round(x) for x in middle}:
        crossing = sum(g.x0 < x < g.x1 for g in groups)
        beside = min(sum(g.x1 <= x for g in groups), sum(g.x0 >= x for g in groups))
        if beside >= BESIDE_SHARE * len(groups) and (best is None or crossing < best[0]):
            best = (crossing, x)
    return best[1] if best is not None and best[0] <= CROSSING_SHARE * len(groups) else None


def _runs_downwards(groups: list[Group]) -> bool:
    for above, below in itertools.pairwise(groups):
        overlaps = min(above.x1, below.x1) - max(above.x0, below.x0) > 1
        if overlaps and below.y1 <= above.y0 + 1:
            return False
    return True


def _cut(groups: list[Group]) -> list[Group]:
    """Recursive XY cut with a stack: first between columns, then between rows, else top to bottom."""
    ordered: list[Group] = []
    waiting = [groups]
    while waiting:
        part = waiting.pop()
        pieces = _split(part, vertical=True) if len(part) > 1 else [part]
        if len(pieces) == 1 and len(part) > 1:
            pieces = _split(part, vertical=False)
        if len(pieces) == 1:
            ordered += sorted(part, key=lambda g: (round(g.y0), g.x0))
        else:
            waiting += reversed(pieces)
    return ordered


def _split(groups: list[Group], *, vertical: bool) -> list[list[Group]]:
    """Split at the gaps that no group crosses: between columns (`vertical`) or between rows."""
    ordered = sorted(groups, key=(lambda g: g.x0) if vertical else (lambda g: g.y0))
    pieces: list[list[Group]] = []
    reach = float("-inf")
    for item in ordered:
        start, end = (item.x0, item.x1) if vertical else (item.y0, item.y1)
        if start > reach - 0.5 or not pieces:
            pieces.append([])
        pieces[-1].append(item)
        reach = max(reach, end)
    return pieces
