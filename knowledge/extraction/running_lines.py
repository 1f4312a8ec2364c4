"""Headers, footers and page numbers: found by what repeats from page to page, then taken out."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from knowledge.extraction.layout import Line, PageLines

EDGE_LINES = 3
EDGE_SHARE = 0.2
LARGEST_GAP = 2
SHORTEST_RUN = 3
DIGITS = re.compile(r"\d+")
ROMAN = re.compile(r"^m{0,3}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})$", re.IGNORECASE)
ROMAN_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
NUMBER_LINE = re.compile(
    r"^\W*(?:(?:page|seite|p\.?)\s*)?(\d{1,4}|[ivxlcdm]{1,8})(?:\s*(?:of|/|von)\s*\d{1,4})?\W*$",
    re.IGNORECASE,
)
NUMBER_AT_END = re.compile(r"^(?:(\d{1,4})\b\s*\D|.*\D\s(\d{1,4})$|.*\bpage\s+(\d{1,4})\b)", re.IGNORECASE)


def take_out_running_lines(pages: list[PageLines]) -> dict[int, str]:
    """Remove headers, footers and page numbers in place; return the printed label of each page.

    A line runs when the same words (digits aside) stand at the same height at the edge of at least
    three near pages, or on both pages of a document of two.
    """
    edges = {page.index: _edge_lines(page) for page in pages}
    running = _running(edges, len(pages))
    labels, number_lines = _page_numbers(edges)
    if running or number_lines:
        for page in pages:
            page.lines = _without(page.lines, running, number_lines)
    return labels


def _without(lines: list[Line], running: set[int], numbers: set[int]) -> list[Line]:
    """The other lines; where nothing else stands on the page, what runs is its text."""
    others = [line for line in lines if id(line) not in numbers]
    return [line for line in others if id(line) not in running] or others


def _edge_lines(page: PageLines) -> list[Line]:
    """The lines nearest to the top and bottom edge."""
    depth = page.height * EDGE_SHARE
    top = [line for line in page.lines if line.y1 < depth and not line.is_table]
    bottom = [line for line in page.lines if line.y0 > page.height - depth and not line.is_table]
    top.sort(key=lambda line: line.y0)
    bottom.sort(key=lambda line: -line.y1)
    return top[:EDGE_LINES] + bottom[:EDGE_LINES]


def _running(edges: dict[int, list[Line]], page_count: int) -> set[int]:
    """Ids of the lines whose fingerprint repeats on near pages."""
    places: dict[tuple[str, int], list[Line]] = defaultdict(list)
    for lines in edges.values():
        for line in lines:
            places[DIGITS.sub("#", line.text.casefold()), round(line.y0 / 12)].append(line)
            places[DIGITS.sub("#", line.text.casefold()), round(line.y0 / 12 + 0.5)].append(line)
    found: set[int] = set()
    for (words, _), lines in places.items():
        if len(lines) >= min(SHORTEST_RUN, max(2, page_count)) and _may_run(words, lines):
            found.update(_ids_of_runs(lines, SHORTEST_RUN if page_count > 2 else 2))
    return found


def _may_run(words: str, lines: list[Line]) -> bool:
    """Numbered titles ("Lesson 1", "Lesson 2" …) are no headers: their digits do not follow the pages."""
    if "#" not in words or len({line.text for line in lines}) == 1:
        return True
    steps = Counter(
        int(number) - line.page
        for line in lines
        for number in DIGITS.findall(line.text)[:4]
        if len(number) < 6
    )
    return steps.most_common(1)[0][1] >= len(lines) / 2 and not _looks_like_title(lines)


def _looks_like_title(lines: list[Line]) -> bool:
    return len(lines[0].text) > 6 and min(line.size for line in lines) >= 15


def _ids_of_runs(lines: list[Line], shortest: int) -> Iterable[int]:
    run: list[Line] = []
    for line in lines:
        if run and line.page - run[-1].page > LARGEST_GAP:
            if len({item.page for item in run}) >= shortest:
                yield from map(id, run)
            run = []
        run.append(line)
    if len({item.page for item in run}) >= shortest:
        yield from map(id, run)


def _page_numbers(edges: dict[int, list[Line]]) -> tuple[dict[int, str], set[int]]:
    """Printed numbers that grow with the pages, and the lines that hold nothing else."""
    candidates = [
        (page, line, number, style, alone)
        for page, lines in edges.items()
        for line in lines
        for number, style, alone in _numbers_in(line.text)
    ]
    offsets = Counter((number - page, style) for page, _, number, style, _ in candidates)
    needed = 2 if len(edges) < 6 else SHORTEST_RUN
    labels: dict[int, tuple[int, str]] = {}
    alone_ids: set[int] = set()
    for page, line, number, style, alone in sorted(candidates, key=lambda c: -offsets[c[2] - c[0], c[3]]):
        if offsets[number - page, style] < needed:
            continue
        if alone:
            alone_ids.add(id(line))
        labels.setdefault(page, (number, style))
    return _with_gaps_filled(labels, len(edges)), alone_ids


def _numbers_in(text: str) -> list[tuple[int, str, bool]]:
    """Numbers of a line as (value, style, whether the line holds nothing else)."""
    whole = NUMBER_LINE.match(text)
    if whole:
        digits = whole[1]
        if digits.isdigit():
            return [(int(digits), "arabic", True)]
        return (
            [(_roman_value(digits), "roman" if digits.islower() else "ROMAN", True)]
            if ROMAN.match(digits)
            else []
        )
    part = NUMBER_AT_END.match(text) if len(text) < 120 else None
    return [(int(number), "arabic", False) for number in part.groups() if number] if part else []


def _roman_value(numeral: str) -> int:
    values = [ROMAN_VALUES[letter] for letter in numeral.lower()]
    following = [*values[1:], 0]
    return sum(-value if value < after else value for value, after in zip(values, following, strict=True))


def _roman(number: int) -> str:
    pairs = (
        (100, "c"),
        (90, "xc"),
        (50, "l"),
        (40, "xl"),
        (10, "x"),
        (9, "ix"),
        (5, "v"),
        (4, "iv"),
        (1, "i"),
    )
    letters = ""
    for value, letter in pairs:
        letters += letter * (number // value)
        number %= value
    return letters


def _with_gaps_filled(labels: dict[int, tuple[int, str]], page_count: int) -> dict[int, str]:
    """Labels as text; a page that hides its number gets it when its neighbours agree on it."""
    filled = dict(labels)
    for page in range(1, page_count - 1):
        if page in labels:
            continue
        before = next((labels[p] + (p,) for p in range(page - 1, max(-1, page - 4), -1) if p in labels), None)
        after = next((labels[p] + (p,) for p in range(page + 1, page + 4) if p in labels), None)
        if before and after and before[0] - before[2] == after[0] - after[2] and before[1] == after[1]:
            filled[page] = (before[0] - before[2] + page, before[1])
    return {page: _printed(number, style) for page, (number, style) in filled.items()}


def _printed(number: int, style: str) -> str:
    if style == "arabic":
        return str(number)
    return _roman(number) if style == "roman" else _roman(number).upper()
