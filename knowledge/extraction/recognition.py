"""Scanned pages: run the recognising child over them and put what it read into the document."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import orjson

from knowledge.extraction.document import (
    Block,
    BlockKind,
    Cause,
    Chapter,
    ExtractedDocument,
    ExtractionError,
    Page,
    TextSource,
)
from knowledge.extraction.limits import Budget, Limits
from knowledge.extraction.process import run_child
from knowledge.extraction.wire import Frame, Kind

START_S = 20.0
THREADS = 2
MOST_RESTARTS = 3
FINAL = frozenset({Cause.cancelled, Cause.encrypted, Cause.malformed, Cause.too_large})

Recognised = dict[int, list[Block]]


def recognise(
    path: Path,
    pages: Sequence[int],
    *,
    limits: Limits,
    on_page: Callable[[int], None],
    cancelled: Callable[[], bool] | None,
) -> Recognised:
    """Blocks by page index. A page on which the child dies is left out, the others go on without it."""
    found: Recognised = {}
    waiting = list(pages[: limits.ocr_pages])

    def take(frame: Frame) -> None:
        if frame.kind is Kind.part:
            index, rows = orjson.loads(frame.payload)
            found[int(index)] = [Block(BlockKind(k), str(text), page_index=int(index)) for k, text in rows]
            on_page(len(found))

    for _ in range(MOST_RESTARTS + 1):
        try:
            run_child(
                "knowledge.extraction.ocr_child",
                {"path": str(path.resolve()), "pages": limits.pages, "recognise": waiting},
                budget=_budget(len(waiting), limits),
                on_frame=take,
                cancelled=cancelled,
            )
        except ExtractionError as error:
            if error.cause in FINAL:
                raise
        waiting = [index for index in waiting if index not in found][1:]
        if not waiting:
            break
    return found


def _budget(pages: int, limits: Limits) -> Budget:
    wall_s = START_S + pages * limits.ocr_page_s
    return Budget(limits.ocr_address_space_mb, int(wall_s * THREADS), wall_s, limits.output_mb, threads=True)


def merged(document: ExtractedDocument, found: Mapping[int, Sequence[Block]]) -> ExtractedDocument:
    """The document with the recognised blocks at their pages; chapters keep pointing at their text."""
    if not any(found.values()):
        return document
    own = [block.page_index or 0 for block in document.blocks]
    arrivals = sorted((index, block) for index, blocks in found.items() for block in [blocks])
    blocks = list(document.blocks)
    shifts = [0] * (len(blocks) + 1)
    for index, added in reversed(arrivals):
        at = bisect_right(own, index)
        blocks[at:at] = added
        shifts[at] += len(added)
    moved = list(accumulate(shifts))
    return replace(
        document,
        blocks=tuple(blocks),
        pages=tuple(_page(page, found) for page in document.pages),
        chapters=tuple(
            Chapter(c.number, c.title, c.first_block + moved[c.first_block]) for c in document.chapters
        ),
    )


def _page(page: Page, found: Mapping[int, Sequence[Block]]) -> Page:
    source: TextSource = "ocr" if found.get(page.index) else page.text_source
    return replace(page, text_source=source)
