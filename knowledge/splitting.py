"""Cutting a document into passages: pure, deterministic, with exact offsets.

The text of a document is its blocks joined by a blank line; every offset refers to that text.

The splitter of LangChain cuts each chapter into consecutive cores that leave no character out, so their
places follow from their lengths. (Its own start index is searched for with an overlap counted in
characters; ours is counted in tokens, and a text that repeats itself would be found in the wrong place.)
Each core then takes in the end of what precedes it in its chapter: the overlap.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise

from langchain_text_splitters import RecursiveCharacterTextSplitter

from knowledge.extraction.document import Block, BlockKind, Chapter, ExtractedDocument
from knowledge.passage_drafts import BETWEEN_BLOCKS, PassageDraft, full_text
from knowledge.utterances import Utterance

SEPARATORS = [r"\n\n", r"\n", r"(?<=[.!?…])\s+", r"\s+", r"[\s\S]{60}", ""]
"""Where a cut may be, best first: blocks, lines, sentences, words, and inside a word without end."""
SENTENCE_START = re.compile(r"(?:(?<=[.!?…]\s)|(?<=\n))(?=\S)")
WORD_START = re.compile(r"(?<=\s)(?=\S)")
LONGEST_TOKEN = 12
"""Characters that count as at least one token: tokenizers give a word of any length a single 'unknown'."""
REMEMBERED = 20_000
"""Pieces whose length is remembered, the sentences of a long chapter among them."""

CountTokens = Callable[[str], int]
_Stretch = tuple[int, int]
"""First character, and the one after the last."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters from `start` to `end`; `fresh` is where what earlier passages do not hold begins."""

    start: int
    fresh: int
    end: int


def split(
    document: ExtractedDocument, *, count_tokens: CountTokens, size: int = 500, overlap: int = 100
) -> list[PassageDraft]:
    """Cut `document` into passages of at most `size` tokens, each repeating up to `overlap` of the last.

    No passage crosses a chapter, and each character that is not white space is in at least one passage.
    """
    text = full_text(document)
    measure = _measure(count_tokens)
    outline = _Outline(document)
    drafts: list[PassageDraft] = []
    for chapter, start, end in outline.chapters(len(text)):
        for span in _spans(text, (start, end), outline, measure, size=size, overlap=overlap):
            drafts.append(outline.draft(len(drafts), chapter, span, text, measure))
    return drafts


def _measure(count_tokens: CountTokens) -> CountTokens:
    # The splitter asks for each piece when it cuts, when it joins, and when it lets go.
    @lru_cache(maxsize=REMEMBERED)
    def measure(text: str) -> int:
        return max(count_tokens(text), -(-len(text) // LONGEST_TOKEN)) if text else 0

    return measure


def _spans(
    text: str, chapter: _Stretch, outline: "_Outline", measure: CountTokens, *, size: int, overlap: int
) -> Iterator[Span]:
    """Yield the spans of one chapter."""
    splitter = RecursiveCharacterTextSplitter(
        separators=SEPARATORS,
        is_separator_regex=True,
        keep_separator="end",
        strip_whitespace=False,
        chunk_size=size - overlap,
        chunk_overlap=0,
        length_function=measure,
    )
    ends = accumulate((len(core) for core in splitter.split_text(text[slice(*chapter)])), initial=chapter[0])
    cores = _with_their_headings(list(pairwise(ends)), outline, lambda at: measure(text[slice(*at)]) <= size)
    for core_start, core_end in _without_crumbs(cores, text, measure, size=size, crumb=overlap):
        core = text[core_start:core_end]
        if not core.strip():
            continue
        fresh, end = core_end - len(core.lstrip()), core_start + len(core.rstrip())
        reach = _overlap_start(text, chapter[0], fresh, measure, overlap)
        while reach < fresh and measure(text[reach:end]) > size:
            reach = _next_word(text, (reach + fresh + 1) // 2, fresh)
        yield Span(reach, fresh, end)


def _with_their_headings(
    cores: list[_Stretch], outline: "_Outline", fits: Callable[[_Stretch], bool]
) -> list[_Stretch]:
    """Move headings at the end of a core to the text that they stand over, where there is room for them."""
    moved = list(cores)
    for index in range(len(moved) - 1):
        start, end = moved[index]
        following_end = moved[index + 1][1]
        while (heading := outline.heading_before(end)) is not None and start < heading < end:
            if not fits((heading, following_end)):
                break
            end = heading
        moved[index], moved[index + 1] = (start, end), (end, following_end)
    return moved


def _without_crumbs(
    cores: list[_Stretch], text: str, measure: CountTokens, *, size: int, crumb: int
) -> list[_Stretch]:
    """Join cores of at most `crumb` tokens, such as a heading alone, with a neighbour that has room."""
    joined: list[_Stretch] = []
    for core in cores:
        if joined:
            last = joined[-1]
            both = (last[0], core[1])
            small = min(measure(text[slice(*last)]), measure(text[slice(*core)])) <= crumb
            if small and measure(text[slice(*both)]) <= size:
                joined[-1] = both
                continue
        joined.append(core)
    return joined


def _overlap_start(text: str, floor: int, fresh: int, measure: CountTokens, overlap: int) -> int:
    """Return where the overlap before `fresh` begins: a sentence if one starts in reach, else a word."""
    floor = max(floor, fresh - overlap * LONGEST_TOKEN)
    words = [floor + found.start() for found in WORD_START.finditer(text[floor:fresh])]
    if floor < fresh and not text[floor].isspace() and (floor == 0 or text[floor - 1].isspace()):
        words.insert(0, floor)
    first = bisect_right(words, -overlap - 1, key=lambda at: -measure(text[at:fresh]))
    if first == len(words):
        return fresh
    reach = words[first]
    sentence = SENTENCE_START.search(text, reach - 1 if reach else 0, fresh)
    return sentence.start() if sentence and sentence.start() >= reach else reach


def _next_word(text: str, at: int, end: int) -> int:
    found = WORD_START.search(text, at, end)
    return found.start() if found else end


class _Outline:
    """Where the blocks of a document begin, and which chapter, headings and pages hold at a character."""

    def __init__(self, document: ExtractedDocument) -> None:
        self._blocks = document.blocks
        self._chapters = document.chapters
        self._labels = {page.index: page.label for page in document.pages}
        lengths = (len(block.text) + len(BETWEEN_BLOCKS) for block in document.blocks)
        self._starts = list(accumulate(lengths, initial=0))
        self._headings = list(_heading_paths(document.blocks, document.chapters))

    def chapters(self, length: int) -> Iterator[tuple[Chapter | None, int, int]]:
        """Yield each chapter with its first character and the one after its last; front matter is None."""
        firsts = [chapter.first_block for chapter in self._chapters]
        if not firsts or firsts[0] > 0:
            yield None, 0, self._before(firsts[0]) if firsts else length
        ends = [*(self._before(first) for first in firsts[1:]), length]
        for chapter, end in zip(self._chapters, ends, strict=False):
            yield chapter, self._starts[chapter.first_block], end

    def heading_before(self, character: int) -> int | None:
        """Return where the heading begins that ends, blank line included, at `character`; None for other text."""
        index = bisect_left(self._starts, character) - 1
        if index < 0 or self._starts[index + 1] != character:
            return None
        return self._starts[index] if self._blocks[index].kind is BlockKind.heading else None

    def _before(self, block: int) -> int:
        return max(self._starts[block] - len(BETWEEN_BLOCKS), 0)

    def draft(
        self, ordinal: int, chapter: Chapter | None, span: Span, text: str, measure: CountTokens
    ) -> PassageDraft:
        """Describe the passage at `span`."""
        first, last = self._block_at(span.start), self._block_at(span.end - 1)
        blocks = self._blocks[first : last + 1]
        pages = [block.page_index for block in blocks if block.page_index is not None]
        begins = [block.start_s for block in blocks if block.start_s is not None]
        ends = [block.end_s for block in blocks if block.end_s is not None]
        words = text[span.start : span.end]
        return PassageDraft(
            ordinal=ordinal,
            chapter_number=chapter.number if chapter else None,
            chapter_title=chapter.title if chapter else "",
            headings=self._headings_of(self._block_at(span.fresh), last),
            page_index=min(pages, default=None),
            page_index_end=max(pages, default=None),
            page_label=self._labels.get(min(pages), "") if pages else "",
            page_label_end=self._labels.get(max(pages), "") if pages else "",
            page_offsets=tuple(self._page_offsets(first, last, span.start)) if pages else (),
            start=span.start,
            end=span.end,
            text=words,
            token_count=measure(words),
            speaker=", ".join(dict.fromkeys(block.speaker for block in blocks if block.speaker)),
            start_seconds=min(begins, default=None),
            end_seconds=max(ends, default=None),
            utterances=tuple(self._utterances(first, last, span.start)),
        )

    def _utterances(self, first: int, last: int, start: int) -> Iterator[Utterance]:
        """Yield what is said in a passage that starts at `start`; nothing where no block has a speaker or a time."""
        for index in range(first, last + 1):
            block = self._blocks[index]
            if block.speaker or block.start_s is not None:
                yield Utterance(max(self._starts[index] - start, 0), block.start_s, block.speaker)

    def _page_offsets(self, first: int, last: int, start: int) -> Iterator[int]:
        """Yield where each page begins in a passage that starts at `start`; a page without text begins with the next."""
        page: int | None = None
        for index in range(first, last + 1):
            here = self._blocks[index].page_index
            if here is None or (page is not None and here <= page):
                continue
            offset = max(self._starts[index] - start, 0)
            yield from [offset] * (1 if page is None else here - page)
            page = here

    def _block_at(self, character: int) -> int:
        return min(bisect_right(self._starts, character), len(self._blocks)) - 1

    def _headings_of(self, first: int, last: int) -> tuple[str, ...]:
        """Return the headings over the first text of the passage, or over its first block if it has none."""
        for index in range(first, last + 1):
            if self._blocks[index].kind is not BlockKind.heading:
                return self._headings[index]
        return self._headings[last]


def _heading_paths(blocks: Sequence[Block], chapters: Sequence[Chapter]) -> Iterator[tuple[str, ...]]:
    """Yield for each block the headings that it stands under, from the chapter down, without its title."""
    titles = {chapter.first_block: chapter.title for chapter in chapters}
    title, path = "", list[tuple[int, str]]()
    for index, block in enumerate(blocks):
        if index in titles:
            title, path = titles[index], []
        if block.kind is BlockKind.heading:
            path = [(level, text) for level, text in path if level < block.level]
            path.append((block.level, " ".join(block.text.split())))
        yield tuple(text for _, text in path if not _repeats(text, title))


def _repeats(heading: str, title: str) -> bool:
    """Whether a heading is only the chapter's title again, as in "Chapter 1: Trust"."""
    return bool(title) and heading.casefold().endswith(title.casefold())
