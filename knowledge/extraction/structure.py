"""From pieces of text to blocks and chapters; pure functions."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowledge.extraction.document import Block, BlockKind, Chapter
from knowledge.extraction.paragraphs import Piece

FRONT_MATTER = re.compile(
    r"^(?:(?:front |book )?cover|(?:half )?title ?(?:page)?|(?:table of )?contents|copyright(?: page)?|publisher|"
    r"imprint|colophon|dedication|epigraph|list of (?:figures|tables))$",
    re.IGNORECASE,
)
SAME_LOOKS = 0.6
LEAST_CHAPTER = 200
MOST_CHAPTERS = 500


@dataclass(frozen=True, slots=True)
class Bookmark:
    """One entry of a document's own outline; `y` is in points from the top, None when unknown."""

    level: int
    title: str
    page: int
    y: float | None


def blocks_of(pieces: Sequence[Piece]) -> list[Block]:
    """One block per piece, headings with their level."""
    levels = _heading_levels(pieces)
    return [_block(piece, levels) for piece in pieces]


def _block(piece: Piece, levels: dict[tuple[float, bool], int]) -> Block:
    if piece.lines[0].is_table:
        return Block(BlockKind.table, piece.text, page_index=piece.page)
    if piece.heading:
        level = levels[piece.size, piece.bold]
        return Block(BlockKind.heading, piece.text, level=level, page_index=piece.page)
    kind = BlockKind.list_item if piece.is_list_item else BlockKind.paragraph
    return Block(kind, piece.text, page_index=piece.page)


def _heading_levels(pieces: Iterable[Piece]) -> dict[tuple[float, bool], int]:
    """Levels 1 to 6 by size, larger first; sizes that differ by less than half a point are one."""
    looks = sorted({(p.size, p.bold) for p in pieces if p.heading}, key=lambda key: (-key[0], not key[1]))
    levels: dict[tuple[float, bool], int] = {}
    level, last = 0, None
    for size, bold in looks:
        if last is None or last[0] - size > SAME_LOOKS or last[1] != bold:
            level, last = min(level + 1, 6), (size, bold)
        levels[size, bold] = level
    return levels


def chapters_from_bookmarks(bookmarks: Sequence[Bookmark], pieces: Sequence[Piece]) -> list[Chapter]:
    """The bookmarks of the highest level that has at least two real chapters, placed on the pieces."""
    entries = _chapter_entries(bookmarks)
    chapters: list[Chapter] = []
    for entry in entries:
        at = _piece_of(entry, pieces)
        if at is not None and (not chapters or at > chapters[-1].first_block):
            chapters.append(Chapter(len(chapters) + 1, entry.title, at))
    return chapters


def _chapter_entries(bookmarks: Sequence[Bookmark]) -> list[Bookmark]:
    for level in (1, 2):
        entries = [b for b in bookmarks if b.level == level and b.title]
        while entries and FRONT_MATTER.match(entries[0].title):
            del entries[0]
        if len(entries) >= 2:
            return sorted(entries, key=lambda b: (b.page, b.y or 0.0))
    return []


def _piece_of(bookmark: Bookmark, pieces: Sequence[Piece]) -> int | None:
    """Index of the first piece at or under the bookmark's place; a title on its page wins."""
    wanted = _letters(bookmark.title)
    below: int | None = None
    for index, piece in enumerate(pieces):
        if piece.page < bookmark.page:
            continue
        if piece.page > bookmark.page:
            return index if below is None else below
        text = _letters(piece.text[:200])
        if wanted and (text == wanted or (piece.heading and (wanted in text or (text and text in wanted)))):
            return index
        if below is None and (bookmark.y is None or piece.lines[0].y1 >= bookmark.y):
            below = index
    return below


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def chapters_from_headings(blocks: Sequence[Block], *, least_chars: int = 0) -> list[Chapter]:
    """Headings of the highest level that occurs at least twice with text below, as chapters.

    `least_chars` is the mean length that makes a section a chapter: headings that are guessed from
    looks may be labels of a form.
    """
    total = sum(len(block.text) for block in blocks)
    for level in range(1, 7):
        starts = _starts(blocks, level)
        if len(starts) < 2:
            continue
        if len(starts) > MOST_CHAPTERS or total < least_chars * len(starts):
            return []
        return [Chapter(n, blocks[at].text, at) for n, at in enumerate(starts, start=1)]
    return []


def _starts(blocks: Sequence[Block], level: int) -> list[int]:
    """Where headings of a level stand that have text of their own and are not front matter."""
    at = [i for i, b in enumerate(blocks) if b.kind is BlockKind.heading and b.level == level]
    ends = [*at[1:], len(blocks)]
    return [
        start
        for start, end in zip(at, ends, strict=False)
        if not FRONT_MATTER.match(blocks[start].text)
        and any(b.kind is not BlockKind.heading for b in blocks[start:end])
    ]
