"""What came out of the child process, made fit to be stored: pure functions.

The child reads hostile files and may itself have been taken over, so nothing that it says is believed.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate
from typing import Any

from knowledge.extraction.document import Block, Cause, Chapter, ExtractedDocument
from knowledge.ingestion_errors import OCR_PAGES, UNREADABLE_PAGES, StageFailed

NOT_STORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Control characters but tab and newline, and halves of a character: the database refuses some of them."""
LONGEST_TITLE = 300
LONGEST_NAME = 120
LONGEST_LABEL = 20
MOST_AUTHORS = 50
YEARS = range(1000, 3000)


def clean(document: ExtractedDocument) -> ExtractedDocument:
    """Return the document without unstorable characters and empty blocks; the same object if it was clean."""
    blocks = tuple(_clean_block(block) for block in document.blocks)
    kept = [bool(block.text.strip()) for block in blocks]
    before = list(accumulate(kept, initial=0))
    cleaned = replace(
        document,
        title=_line(document.title, LONGEST_TITLE),
        authors=tuple(name for author in document.authors if (name := _line(author, 200)))[:MOST_AUTHORS],
        year=document.year if document.year in YEARS else None,
        blocks=tuple(block for block, keep in zip(blocks, kept, strict=True) if keep),
        chapters=_clean_chapters(document.chapters, before),
        pages=tuple(replace(page, label=_line(page.label, LONGEST_LABEL)) for page in document.pages),
    )
    return document if cleaned == document else cleaned


def _clean_block(block: Block) -> Block:
    return replace(block, text=NOT_STORABLE.sub("", block.text), speaker=_line(block.speaker, LONGEST_NAME))


def _clean_chapters(chapters: tuple[Chapter, ...], before: list[int]) -> tuple[Chapter, ...]:
    """Move the chapters to where their blocks are now, in order, without those that have none left."""
    last = len(before) - 1
    firsts: dict[int, str] = {}
    for chapter in sorted(chapters, key=lambda chapter: chapter.first_block):
        if chapter.first_block < last and before[chapter.first_block] < before[last]:
            firsts[before[chapter.first_block]] = _line(chapter.title, LONGEST_TITLE)
    return tuple(Chapter(number, title, first) for number, (first, title) in enumerate(firsts.items(), 1))


def _line(text: str, longest: int) -> str:
    return " ".join(NOT_STORABLE.sub("", text).split())[:longest].strip()


def check(document: ExtractedDocument) -> None:
    """Raise StageFailed when the document has no text, or points at pages that it does not have."""
    if not document.blocks:
        raise StageFailed(Cause.empty)
    pages = {page.index for page in document.pages}
    if pages != set(range(len(document.pages))):
        raise StageFailed(Cause.malformed, "page numbers")
    if pages and any(block.page_index not in {None, *pages} for block in document.blocks):
        raise StageFailed(Cause.malformed, "a block on no page")


def own_title(document: ExtractedDocument) -> str:
    """Return what the file calls itself; the name of the first of several chapters is not it."""
    if len(document.chapters) > 1 and document.title == document.chapters[0].title:
        return ""
    return document.title


def notices(document: ExtractedDocument) -> list[Mapping[str, Any]]:
    """Return what a reader should know: pages that could not be read, and pages read from their picture."""
    found: list[Mapping[str, Any]] = []
    for kind, source in ((UNREADABLE_PAGES, "unreadable"), (OCR_PAGES, "ocr")):
        pages = [page.label or str(page.index + 1) for page in document.pages if page.text_source == source]
        if pages:
            found.append({"kind": kind, "pages": pages})
    return found
