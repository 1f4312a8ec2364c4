"""The words of one page, or of one section where there are no pages, with a quote marked in them. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from knowledge.extraction.document import Block, BlockKind, ExtractedDocument
from knowledge.passage_drafts import BETWEEN_BLOCKS
from knowledge.utterances import clock

LONGEST_SECTION = 60
"""Blocks of one section; a longer chapter has several."""


@dataclass(frozen=True, slots=True)
class Part:
    """Words that are marked, or not."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """One block as it is shown. `level` is that of a heading, else 0; `time` is as on a clock."""

    kind: str
    parts: tuple[Part, ...]
    level: int = 0
    speaker: str = ""
    time: str = ""

    @property
    def is_marked(self) -> bool:
        """Whether a part of the quote is here."""
        return any(part.marked for part in self.parts)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page, or a section of a document without pages: `blocks` from `first` to before `end`."""

    index: int
    first: int
    end: int
    label: str
    title: str


@dataclass(frozen=True)
class Leaves:
    """A document cut into what is shown at once."""

    document: ExtractedDocument

    @cached_property
    def has_pages(self) -> bool:
        """Whether the document was printed on pages or slides."""
        return bool(self.document.pages)

    @cached_property
    def all(self) -> tuple[Leaf, ...]:
        """Return the pages, or the sections, in order."""
        leaves = _pages(self.document) if self.has_pages else _sections(self.document)
        return tuple(leaves) or (Leaf(index=0, first=0, end=0, label="", title=""),)

    def at(self, index: int) -> Leaf:
        """Return the leaf of this index, the last one if there are fewer."""
        return self.all[max(0, min(index, len(self.all) - 1))]

    def holding(self, offset: int) -> Leaf:
        """Return the leaf in which the character at `offset` of the document's text stands."""
        block = max(0, bisect_right(self._starts, offset) - 1)
        return next((leaf for leaf in self.all if leaf.first <= block < leaf.end), self.all[0])

    def shown(self, leaf: Leaf, marked: tuple[int, int]) -> list[Shown]:
        """Return the blocks of a leaf; `marked` are the first and the last offset of the quote."""
        return [
            _shown(block, start, marked)
            for block, start in zip(
                self.document.blocks[leaf.first : leaf.end],
                self._starts[leaf.first : leaf.end],
                strict=True,
            )
        ]

    @cached_property
    def _starts(self) -> list[int]:
        lengths = [len(block.text) + len(BETWEEN_BLOCKS) for block in self.document.blocks]
        return list(accumulate(lengths[:-1], initial=0)) if lengths else []


def _pages(document: ExtractedDocument) -> list[Leaf]:
    """Return every page, the empty ones too; blocks follow their pages, a block without one its neighbour."""
    ends = dict.fromkeys(range(len(document.pages)), 0)
    for place, block in enumerate(document.blocks, start=1):
        if block.page_index is not None and block.page_index in ends:
            ends[block.page_index] = place
    leaves, first = [], 0
    for page in document.pages:
        end = max(first, ends.get(page.index, 0))
        leaves.append(Leaf(index=page.index, first=first, end=end, label=page.label, title=""))
        first = end
    return leaves


def _sections(document: ExtractedDocument) -> list[Leaf]:
    borders = sorted({0, *(chapter.first_block for chapter in document.chapters)})
    titles = {chapter.first_block: chapter.title for chapter in document.chapters}
    leaves: list[Leaf] = []
    for first, border in zip(borders, [*borders[1:], len(document.blocks)], strict=True):
        for start in range(first, border, LONGEST_SECTION):
            end = min(start + LONGEST_SECTION, border)
            leaves.append(
                Leaf(index=len(leaves), first=start, end=end, label="", title=titles.get(first, ""))
            )
    return leaves


def _shown(block: Block, start: int, marked: tuple[int, int]) -> Shown:
    return Shown(
        kind=block.kind.value,
        parts=mark(block.text, marked[0] - start, marked[1] - start),
        level=block.level if block.kind is BlockKind.heading else 0,
        speaker=block.speaker,
        time=clock(block.start_s),
    )


def mark(text: str, start: int, end: int) -> tuple[Part, ...]:
    """Return `text` in parts, the characters from `start` to before `end` marked, as far as they are in it."""
    start, end = max(0, start), min(len(text), end)
    if start >= end:
        return (Part(text=text, marked=False),) if text else ()
    parts: Sequence[Part] = (
        Part(text[:start], marked=False),
        Part(text[start:end], marked=True),
        Part(text[end:], marked=False),
    )
    return tuple(part for part in parts if part.text)
