"""Lines to paragraphs, list items and headings; pure functions over `layout.Line`."""

import itertools
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from knowledge.extraction.cleaning import HYPHENS, join_all
from knowledge.extraction.layout import Line, PageLines

BULLET = re.compile(r"^(?:[-*•‣◦▪■●○\u2013·✓❖➢]\s+|\(?(?:\d{1,2}|[a-zA-Z])[.)]\s+)(?=\S)")
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff]")
TERMINAL = (".", "!", "?", ":", ";", "”", '"', "»", "…", ".)", ".”", ".\u2019", "؟", "。")
CHAPTER_LINE = re.compile(
    r"^(?:chapter|part|unit|module|lesson|section)\s+(?:\d{1,3}|[ivxlc]{1,7})\b", re.IGNORECASE
)
CHAPTER_NUMBER_ONLY = re.compile(
    r"^(?:chapter|part|unit|module|lesson)\s+(?:\d{1,3}|[ivxlc]{1,7})[.:]?$", re.IGNORECASE
)
BULLET_ONLY = re.compile(r"^[-*•‣◦▪■●○\u2013·✓❖➢]\s")
SENTENCE_INSIDE = re.compile(r"\w{4,}[.!?]\s+\w.{30,}")
CONTENTS = re.compile(r"^(?:table of )?contents$", re.IGNORECASE)
# A title and its page, with what is left of the row of dots between them.
CONTENTS_ENTRY = re.compile(r"… (?:\d{1,4}|[ivxlc]{1,7})$", re.IGNORECASE)
NO_HEADING = (BULLET_ONLY, SENTENCE_INSIDE, CONTENTS_ENTRY)
SENTENCE_END = (".", ",", ";", ":")
LONGEST_HEADING = 160
LARGER = 1.12
MOST_LINES = 150
SAME_SIZE = 0.7


@dataclass(slots=True)
class Piece:
    """Lines that belong together, with the looks of the first."""

    lines: list[Line]
    size: float
    bold: bool
    heading: bool = False
    text: str = ""

    @property
    def page(self) -> int:
        """The page on which the piece starts."""
        return self.lines[0].page

    @property
    def is_list_item(self) -> bool:
        """Whether it starts with a bullet or a number."""
        return BULLET.match(self.lines[0].text) is not None


@dataclass(slots=True)
class Looks:
    """What running text looks like in this document."""

    size: float = 10.0
    leading: float = 12.0
    mostly_bold: bool = False
    mostly_mono: bool = False
    margins: dict[int, float] = field(default_factory=dict)


def looks_of(pages: Iterable[PageLines]) -> Looks:
    """Size and line distance by which most characters are set, and each page's right margin."""
    sizes: Counter[float] = Counter()
    leadings: Counter[float] = Counter()
    bold = mono = total = 0
    looks = Looks()
    for page in pages:
        previous: Line | None = None
        for line in page.lines:
            length = len(line.text)
            sizes[round(line.size * 2) / 2] += length
            total += length
            bold += length * line.bold
            mono += length * line.mono
            if previous is not None and 0 < line.y0 - previous.y0 < 4 * line.size:
                leadings[round((line.y0 - previous.y0) * 2) / 2] += 1
            previous = line
        looks.margins[page.index] = max((line.x1 for line in page.lines), default=page.width)
    if sizes:
        looks.size = sizes.most_common(1)[0][0]
    if leadings:
        looks.leading = max(leadings.most_common(1)[0][0], looks.size)
    looks.mostly_bold = bold * 2 > total
    looks.mostly_mono = mono * 2 > total
    return looks


def pieces_of(pages: Iterable[PageLines], looks: Looks) -> list[Piece]:
    """All pieces of a document in reading order, continued over columns and pages."""
    pieces: list[Piece] = []
    open_body: Piece | None = None
    for page in pages:
        for line in page.lines:
            last = pieces[-1] if pieces else None
            if last is not None and not _starts_new(last, line, looks):
                last.lines.append(line)
                continue
            if open_body is not None and open_body.lines[-1].page != line.page and _goes_on(open_body, line):
                open_body.lines.append(line)
                if open_body is not last:
                    _move_to_end(pieces, open_body)
                continue
            piece = Piece([line], line.size, line.bold)
            pieces.append(piece)
            if not line.is_table and abs(line.size - looks.size) < SAME_SIZE:
                open_body = piece
    for piece in pieces:
        piece.text = _text_of(piece, looks)
        piece.heading = _is_heading(piece, looks)
    _demote_split_sentences(pieces)
    _demote_contents(pieces)
    return _with_chapter_numbers(pieces)


def _move_to_end(pieces: list[Piece], piece: Piece) -> None:
    """Put a paragraph after the notes that interrupted it, so that its next line finds it last."""
    at = next(i for i in range(len(pieces) - 1, -1, -1) if pieces[i] is piece)
    pieces.append(pieces.pop(at))


def _starts_new(piece: Piece, line: Line, looks: Looks) -> bool:
    """Whether `line` begins a new piece rather than going on with `piece`."""
    last = piece.lines[-1]
    if line.is_table or last.is_table or abs(last.size - line.size) > SAME_SIZE or piece.bold != line.bold:
        return True
    if len(piece.lines) >= MOST_LINES or CONTENTS_ENTRY.search(last.text):
        return True
    if line.mono != last.mono and not looks.mostly_mono and max(len(line.text), len(last.text)) > 3:
        return True
    if line.page != last.page or line.y0 < last.y0 - line.size:
        return not _goes_on(piece, line)
    if line.y0 - last.y0 > max(looks.leading, line.size * 1.3) * 1.45 or BULLET.match(line.text):
        return True
    return _is_set_off(piece, last, line, looks)


def _is_set_off(piece: Piece, last: Line, line: Line, looks: Looks) -> bool:
    """Whether an indent or a short last line sets the two lines apart."""
    ended = last.text.endswith(TERMINAL)
    if RIGHT_TO_LEFT.search(last.text[:20]):
        return ended and last.x0 > min(item.x0 for item in [*piece.lines, line]) + 0.22 * (line.x1 - line.x0)
    if line.mono and not looks.mostly_mono:
        return False
    if line.x0 > last.x0 + 0.8 * line.size and not (len(piece.lines) == 1 and piece.is_list_item):
        return ended or last.x1 < looks.margins[line.page] - 0.25 * (last.x1 - last.x0)
    if not ended:
        return False
    column_right = max(item.x1 for item in piece.lines[-4:])
    right = max(column_right, line.x1)
    return last.x1 < right - 0.22 * (right - last.x0) and not line.text[:1].islower()


def _goes_on(piece: Piece, line: Line) -> bool:
    """Whether a line at the top of a column or page continues the text."""
    last = piece.lines[-1]
    if line.is_table or last.is_table or abs(last.size - line.size) > SAME_SIZE or piece.bold != line.bold:
        return False
    if BULLET.match(line.text) or len(piece.lines) >= MOST_LINES or CONTENTS_ENTRY.search(last.text):
        return False
    if last.text.endswith(HYPHENS) and last.text[-2:-1].isalpha():
        return True
    return not last.text.endswith(TERMINAL) and line.text[:1].islower()


def _text_of(piece: Piece, looks: Looks) -> str:
    if piece.lines[0].is_table:
        return piece.lines[0].text
    if piece.lines[0].mono and not looks.mostly_mono:
        return "\n".join(line.text for line in piece.lines)
    return join_all([line.text for line in piece.lines])


def _is_heading(piece: Piece, looks: Looks) -> bool:
    text = piece.text
    if len(piece.lines) > 3 or not 2 <= len(text) <= LONGEST_HEADING or piece.lines[0].is_table:
        return False
    if text.endswith(SENTENCE_END) or any(pattern.search(text) for pattern in NO_HEADING):
        return False
    if not any(letter.isalpha() for letter in text):
        return False
    if piece.size >= looks.size * LARGER:
        return True
    if CHAPTER_LINE.match(text) and len(piece.lines) == 1 and len(text) < 80:
        return True
    return piece.bold and not looks.mostly_bold and piece.size >= looks.size * 0.95 and len(text) <= 120


def _demote_split_sentences(pieces: list[Piece]) -> None:
    """A bold line that runs on in small letters is the start of a sentence, not a heading."""
    for piece, following in itertools.pairwise(pieces):
        if piece.heading and not following.heading and following.text[:1].islower():
            piece.heading = abs(piece.size - following.size) > SAME_SIZE or piece.page != following.page


def _demote_contents(pieces: list[Piece]) -> None:
    """The lines of a printed table of contents are no headings, on its page and those it runs on to."""
    start = next((i for i, p in enumerate(pieces) if p.heading and CONTENTS.match(p.text)), None)
    if start is None:
        return
    by_page: dict[int, list[Piece]] = {}
    for piece in pieces[start + 1 :]:
        by_page.setdefault(piece.page, []).append(piece)
    for page, members in by_page.items():
        numbered = sum(piece.text[-1:].isdigit() for piece in members)
        if page != pieces[start].page and numbered * 2 < len(members):
            return
        for piece in members:
            piece.heading = False


def _with_chapter_numbers(pieces: list[Piece]) -> list[Piece]:
    """Join "Chapter 3" with the title that stands under it."""
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if (
            last is not None
            and piece.heading
            and last.heading
            and CHAPTER_NUMBER_ONLY.match(last.text)
            and last.page == piece.page
        ):
            last.text = f"{last.text.rstrip('.:')}: {piece.text}"
            last.size = max(last.size, piece.size)
            last.lines += piece.lines
        else:
            joined.append(piece)
    return joined
