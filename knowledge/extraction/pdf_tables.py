"""Tables with ruling lines: from the rules and the text between them to readable rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.extraction.layout import Line
from knowledge.extraction.tables import readable

Box = tuple[float, float, float, float]
THIN = 4.0
NEAR = 3.5
MOST_RULES = 1_500
MOST_CELLS = 2_000


@dataclass(slots=True)
class Grid:
    """The borders of columns and rows of one table, each ascending."""

    xs: list[float]
    ys: list[float]

    @property
    def box(self) -> Box:
        """The outline of the table."""
        return self.xs[0], self.ys[0], self.xs[-1], self.ys[-1]


def take_out_tables(lines: list[Line], boxes: Sequence[Box]) -> list[Line]:
    """The lines with each table as one line of kind table, at the place of its first text."""
    for grid in _grids(boxes):
        lines = _with_table(lines, grid)
    return lines


def _grids(boxes: Sequence[Box]) -> list[Grid]:
    """Groups of touching rules that form at least two rows and two columns."""
    rules = [edge for box in boxes for edge in _edges(box)]
    if not 4 <= len(rules) <= MOST_RULES:
        return []
    grids = []
    for part in _touching(rules):
        upright = [r for r in part if r[2] - r[0] < r[3] - r[1]]
        level = [r for r in part if r[2] - r[0] >= r[3] - r[1]]
        xs = _distinct([(r[0] + r[2]) / 2 for r in upright])
        ys = _distinct([(r[1] + r[3]) / 2 for r in level])
        if len(xs) >= 3 and len(ys) >= 3 and (len(xs) - 1) * (len(ys) - 1) <= MOST_CELLS:
            grids.append(Grid(xs, ys))
    return grids


def _edges(box: Box) -> list[Box]:
    """A thin box is a rule; a larger one is a cell or a frame and gives its four edges."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    if min(width, height) < THIN:
        return [box] if max(width, height) > 8 else []
    if height < 8 or width < 12:
        return []
    return [(x0, y0, x1, y0), (x0, y1, x1, y1), (x0, y0, x0, y1), (x1, y0, x1, y1)]


def _touching(rules: list[Box]) -> list[list[Box]]:
    """Connected groups of rules, by union and find over a sweep from left to right."""
    rules = sorted(set(rules))
    parent = list(range(len(rules)))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    active: list[int] = []
    for index, rule in enumerate(rules):
        active = [i for i in active if rules[i][2] + NEAR >= rule[0]]
        for other in active:
            if rules[other][1] - NEAR <= rule[3] and rule[1] - NEAR <= rules[other][3]:
                parent[root(index)] = root(other)
        active.append(index)
    groups: dict[int, list[Box]] = {}
    for index, rule in enumerate(rules):
        groups.setdefault(root(index), []).append(rule)
    return list(groups.values())


def _distinct(values: list[float]) -> list[float]:
    distinct: list[float] = []
    for value in sorted(values):
        if not distinct or value - distinct[-1] > NEAR:
            distinct.append(value)
    return distinct


def _with_table(lines: list[Line], grid: Grid) -> list[Line]:
    x0, y0, x1, y1 = grid.box
    inside = [
        line
        for line in lines
        if x0 - NEAR <= line.x0
        and line.x1 <= x1 + NEAR
        and y0 - NEAR <= (line.y0 + line.y1) / 2 <= y1 + NEAR
        and not line.is_table
    ]
    rows = _rows(inside, grid)
    text = readable(rows)
    if not text:
        return lines
    first = inside[0]
    table = Line(first.page, x0, y0, x1, y1, text, first.size, is_table=True)
    members = {id(line) for line in inside}
    kept: list[Line] = []
    for line in lines:
        if line is first:
            kept.append(table)
        elif id(line) not in members:
            kept.append(line)
    return kept


def _rows(lines: list[Line], grid: Grid) -> list[list[str]]:
    rows = [[""] * (len(grid.xs) - 1) for _ in range(len(grid.ys) - 1)]
    for line in lines:
        column = _place((line.x0 + min(line.x1, line.x0 + 12)) / 2, grid.xs)
        row = _place((line.y0 + line.y1) / 2, grid.ys)
        cell = rows[row][column]
        rows[row][column] = f"{cell} {line.text}" if cell else line.text
    return rows


def _place(value: float, borders: list[float]) -> int:
    place = sum(value >= border for border in borders) - 1
    return min(max(place, 0), len(borders) - 2)
