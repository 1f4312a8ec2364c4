"""Slides with python-pptx: one page per slide, its title as heading, its notes last."""

import io
from collections.abc import Iterator
from typing import Any

import pptx

from knowledge.extraction.cleaning import one_line
from knowledge.extraction.document import Block, BlockKind, Cause, ExtractedDocument, ExtractionError, Page
from knowledge.extraction.names import authors_of
from knowledge.extraction.ooxml import check_parts
from knowledge.extraction.tables import readable

MOST_SHAPES = 5_000


def read_pptx(data: bytes) -> ExtractedDocument:
    """A presentation; raises ExtractionError(empty) when no slide holds text."""
    check_parts(data)
    presentation = pptx.Presentation(io.BytesIO(data))
    slides = list(presentation.slides)
    blocks = tuple(
        block for index, slide in enumerate(slides) for block in _slide(slide, index) if block.text
    )
    if not blocks:
        raise ExtractionError(Cause.empty, "no text")
    core = presentation.core_properties
    return ExtractedDocument(
        format="pptx",
        title=(one_line(core.title or "") or _first_heading(blocks))[:300],
        authors=authors_of(one_line(core.author or "")),
        year=None,
        blocks=blocks,
        pages=tuple(Page(index, str(index + 1), "text") for index in range(len(slides))),
        chapters=(),
        language=one_line(core.language or "")[:12],
    )


def _first_heading(blocks: tuple[Block, ...]) -> str:
    return next((block.text for block in blocks if block.kind is BlockKind.heading), "")


def _slide(slide: Any, index: int) -> Iterator[Block]:
    title = slide.shapes.title
    if title is not None and title.has_text_frame:
        yield Block(BlockKind.heading, one_line(title.text_frame.text), level=1, page_index=index)
    for shape in sorted(_shapes(slide.shapes), key=lambda s: (s.top or 0, s.left or 0)):
        if title is None or shape.shape_id != title.shape_id:
            yield from _shape(shape, index)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        notes = one_line(slide.notes_slide.notes_text_frame.text)
        if notes:
            yield Block(BlockKind.paragraph, f"Notes: {notes}", page_index=index)


def _shapes(shapes: Any) -> Iterator[Any]:
    """All shapes, those in groups as well, without recursion."""
    waiting = list(shapes)
    for _ in range(MOST_SHAPES):
        if not waiting:
            return
        shape = waiting.pop()
        if hasattr(shape, "shapes"):
            waiting += list(shape.shapes)
        else:
            yield shape


def _shape(shape: Any, index: int) -> Iterator[Block]:
    if getattr(shape, "has_table", False):
        rows = [[one_line(cell.text) for cell in row.cells] for row in shape.table.rows]
        yield Block(BlockKind.table, readable(rows), page_index=index)
    elif shape.has_text_frame:
        paragraphs = [(one_line(p.text), p.level) for p in shape.text_frame.paragraphs if one_line(p.text)]
        listed = len(paragraphs) > 1 and shape.is_placeholder
        for text, level in paragraphs:
            if listed or level:
                yield Block(BlockKind.list_item, f"• {text}", page_index=index)
            else:
                yield Block(BlockKind.paragraph, text, page_index=index)
