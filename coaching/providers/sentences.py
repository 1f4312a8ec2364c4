"""Cuts a passage into sentences that can be quoted by themselves.

Passages come from documents: beside prose there are headings, list items and table rows on lines of their
own. A heading cannot be quoted, but names what follows; a short line that ends in a colon is quoted together with its list.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LINE = re.compile(r"[^\n]+")
BLANK = re.compile(r"\s+")
ITEM = re.compile(
    r"\s*(?:[-*•‣▪◦\u2013·☐☑]|\[[ xX]\]|\(?(?:\d{1,2}\.){0,8}\d{1,2}[.)]|\(?(?:[a-z]|[ivx]{2,5})[.)])\s+"
)
BREAK = re.compile(r"(?<=[.!?…])[\"\u201d\u2019')\]]*(?:\[\d{1,3}\])*\s+(?=[\"\u201c\u2018'(\[]?[A-Z0-9À-Þ])")
ENDED = re.compile(r"[.!?…:;][\"\u201d\u2019')\]]*$")
ABBREVIATION = re.compile(
    r"(?:^|[\s(\"\u201c])(?:(?:[A-Z]\.)*[A-Z]|Dr|Mr|Mrs|Ms|Prof|St|Sr|Jr|Rev|Gen|Col|Lt|Sgt|Capt|Gov|Sen|Rep|Hon|Mt|Ft|vs|etc|e\.g|i\.e"
    r"|cf|al|No|Nos|Fig|Figs|Vol|pp?|ed|eds|approx|ca|c|Inc|Ltd|Co|Corp|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.$"
)
HEADING_WORDS = 14
"""A line of at most so many words without an end is a heading or a cell."""
LIST_CHARACTERS = 420
"""A list longer than this is quoted item by item."""
LONGEST = 600
"""A sentence longer than this has lost its full stops, as captions do: it is cut at a blank."""
FEWEST_WORDS = 3


@dataclass(frozen=True, slots=True)
class Sentence:
    """A stretch of a passage: `text` has its words with single blanks, `start` and `end` are its place there."""

    text: str
    start: int
    end: int
    quotable: bool = True


def split_sentences(passage: str) -> list[Sentence]:
    """Cut `passage` into sentences in reading order; headings and fragments are not `quotable`."""
    sentences: list[Sentence] = []
    for start, end, ended in _paragraphs(passage):
        pieces = (short for piece in _pieces(passage, start, end) for short in _short(passage, *piece))
        sentences.extend(_sentence(passage, *piece, ended=ended) for piece in pieces)
    return sentences


def _paragraphs(passage: str) -> Iterator[tuple[int, int, bool]]:
    """Yield start and end of each paragraph or list, and whether it is more than a heading.

    A line that neither ends a sentence nor stands alone goes on in the next one: text from a PDF is broken into lines.
    """
    lines = [(found.start(), found.end()) for found in LINE.finditer(passage) if found.group().strip()]
    index = 0
    while index < len(lines):
        start, end = lines[index]
        last = _last_of_list(passage, lines, index)
        if last > index and lines[last][1] - start <= LIST_CHARACTERS:
            index, end = last, lines[last][1]
            yield start, end, True
        else:
            while index + 1 < len(lines) and _goes_on(passage, lines[index], lines[index + 1]):
                index += 1
                end = lines[index][1]
            yield start, end, _is_prose(passage[start:end])
        index += 1


def _last_of_list(passage: str, lines: list[tuple[int, int]], index: int) -> int:
    """Return the index of the last item of the list that the line at `index` announces, or `index`."""
    start, end = lines[index]
    if not passage[start:end].rstrip().endswith(":"):
        return index
    last = index
    while last + 1 < len(lines) and ITEM.match(passage, *lines[last + 1]):
        last += 1
    return last


def _goes_on(passage: str, line: tuple[int, int], following: tuple[int, int]) -> bool:
    text = passage[line[0] : line[1]].rstrip()
    after = passage[following[0] : following[1]].lstrip()
    joined = passage[line[1] : following[0]].count("\n") == 1
    return joined and not ENDED.search(text) and not ITEM.match(passage, *following) and after[:1].islower()


def _is_prose(text: str) -> bool:
    return bool(ENDED.search(text.rstrip()) or ITEM.match(text)) or len(text.split()) > HEADING_WORDS


def _pieces(passage: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the sentences of one paragraph; a list with its announcement stays whole."""
    text = passage[start:end]
    if "\n" in text and ITEM.match(text[text.rfind("\n") + 1 :]):
        yield start, end
        return
    begin = start
    for found in BREAK.finditer(passage, start, end):
        if ABBREVIATION.search(passage[begin : found.start()]) or _speaks(passage[begin : found.end()]):
            continue
        yield begin, found.end()
        begin = found.end()
    if begin < end:
        yield begin, end


def _speaks(text: str) -> bool:
    """Whether a quotation that begins in `text` goes on behind it."""
    opened = text.count("\u201c") > text.count("\u201d") or text.count('"') % 2 == 1
    return opened and len(text) < LONGEST // 2


def _short(passage: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut what is longer than any sentence into even stretches."""
    count = -(-(end - start) // LONGEST)
    for left in range(count, 1, -1):
        blank = BLANK.search(passage, start + (end - start) // left, end)
        if blank is None:
            break
        yield start, blank.end()
        start = blank.end()
    yield start, end


def _sentence(passage: str, start: int, end: int, *, ended: bool) -> Sentence:
    raw = passage[start:end]
    lead = len(raw) - len(raw.lstrip())
    if item := ITEM.match(raw):
        lead = item.end() if "\n" not in raw.strip() else lead
    text = raw[lead:].rstrip()
    return Sentence(
        text=BLANK.sub(" ", text),
        start=start + lead,
        end=start + lead + len(text),
        quotable=ended and len(text.split()) >= FEWEST_WORDS,
    )
