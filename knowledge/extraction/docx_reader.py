"""Word documents with python-docx: paragraphs by their styles, tables, footnotes."""

import io
import re
from collections.abc import Iterator
from typing import Any

import docx
from docx.document import Document
from docx.oxml.ns import qn
from lxml import etree

from knowledge.extraction.cleaning import one_line
from knowledge.extraction.document import Block, BlockKind, Cause, ExtractedDocument, ExtractionError
from knowledge.extraction.docx_lists import Lists
from knowledge.extraction.names import authors_of
from knowledge.extraction.ooxml import check_parts
from knowledge.extraction.structure import chapters_from_headings
from knowledge.extraction.tables import readable

HEADING_STYLE = re.compile(r"^heading\s*([1-9])$", re.IGNORECASE)
PARAGRAPH, TABLE, ROW, CELL = qn("w:p"), qn("w:tbl"), qn("w:tr"), qn("w:tc")
CONTROL, CONTROL_CONTENT = qn("w:sdt"), qn("w:sdtContent")
TEXT, TAB, BREAK, HYPHEN = qn("w:t"), qn("w:tab"), qn("w:br"), qn("w:noBreakHyphen")
# In place of the style ids: headings are the short paragraphs that are bold from end to end.
BY_LOOKS: dict[str, int] = {}
LONGEST_BOLD_HEADING = 120
TAB_STOPS = qn("w:tabs")
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"


def read_docx(data: bytes) -> ExtractedDocument:
    """A Word document; raises ExtractionError for one that holds no text or forbidden XML."""
    check_parts(data)
    document = docx.Document(io.BytesIO(data))
    headings = _heading_styles(document)
    blocks = [block for block in _body(document, headings) if block.text]
    if not any(block.kind is BlockKind.heading for block in blocks):
        blocks = [block for block in _body(document, BY_LOOKS) if block.text]
    blocks += _footnotes(document)
    if not blocks:
        raise ExtractionError(Cause.empty, "no text")
    core = document.core_properties
    first = next((block.text for block in blocks if block.kind is BlockKind.heading), "")
    return ExtractedDocument(
        format="docx",
        title=(one_line(core.title or "") or first)[:300],
        authors=authors_of(one_line(core.author or "")) if core.author != "python-docx" else (),
        year=None,
        blocks=tuple(blocks),
        pages=(),
        chapters=tuple(chapters_from_headings(blocks)),
        language=one_line(core.language or "")[:12],
    )


def _heading_styles(document: Document) -> dict[str, int]:
    """Style id to level, for the built-in headings, the title, and styles with an outline level."""
    levels: dict[str, int] = {}
    for style in document.styles.element.iter(qn("w:style")):
        name = style.find(qn("w:name"))
        match = HEADING_STYLE.match(name.get(qn("w:val"), "")) if name is not None else None
        outline = style.find(f".//{qn('w:outlineLvl')}")
        identifier = style.get(qn("w:styleId"), "")
        if match:
            levels[identifier] = min(int(match[1]), 6)
        elif name is not None and name.get(qn("w:val"), "").lower() == "title":
            levels[identifier] = 1
        elif outline is not None and outline.get(qn("w:val"), "9") < "6":
            levels[identifier] = int(outline.get(qn("w:val"))) + 1
    return levels


def _body(document: Document, headings: dict[str, int]) -> Iterator[Block]:
    lists = Lists(document)
    for element in _block_elements(document.element.body):
        if element.tag == TABLE:
            rows = _rows(element)
            text = readable(rows)
            if text:
                yield Block(BlockKind.table, text)
            else:
                yield from (Block(BlockKind.paragraph, cell) for row in rows for cell in row)
        else:
            yield _paragraph(element, headings, lists)


def _block_elements(container: Any) -> Iterator[Any]:
    """Paragraphs and tables in order, those inside content controls as well."""
    waiting = list(reversed(container))
    while waiting:
        element = waiting.pop()
        if element.tag in {PARAGRAPH, TABLE}:
            yield element
        elif element.tag in {CONTROL, CONTROL_CONTENT}:
            waiting += reversed(element)


def _paragraph(element: Any, headings: dict[str, int], lists: Lists) -> Block:
    text = one_line(_text(element))
    properties = element.find(qn("w:pPr"))
    style = properties.find(qn("w:pStyle")) if properties is not None else None
    name = style.get(qn("w:val"), "") if style is not None else ""
    item = lists.item(properties, name)
    # Counted also where it is not shown: the numbers of other items depend on it.
    mark = lists.mark(item) if item else ""
    if name in headings and text:
        return Block(BlockKind.heading, text, level=headings[name])
    if headings is BY_LOOKS and _looks_like_heading(element, text):
        return Block(BlockKind.heading, text, level=2)
    if text and mark:
        return Block(BlockKind.list_item, mark + text)
    return Block(BlockKind.paragraph, text)


def _looks_like_heading(paragraph: Any, text: str) -> bool:
    if not text or len(text) > LONGEST_BOLD_HEADING or text.endswith((".", ",", ";", ":")):
        return False
    runs = [
        run for run in paragraph.iter(qn("w:r")) if any(t.text and t.text.strip() for t in run.iter(TEXT))
    ]
    bold = [run.find(f"{qn('w:rPr')}/{qn('w:b')}") for run in runs]
    return bool(bold) and all(
        mark is not None and mark.get(qn("w:val"), "1") not in {"0", "false"} for mark in bold
    )


def _text(paragraph: Any) -> str:
    """The text as it stands: insertions kept, deletions gone, the fallback of a shape not said twice."""
    parts: list[str] = []
    walker = etree.iterwalk(paragraph, events=("start",))
    for _, node in walker:
        if node.tag in {FALLBACK, TAB_STOPS}:
            walker.skip_subtree()
        elif node.tag == TEXT:
            parts.append(node.text or "")
        elif node.tag in {TAB, BREAK}:
            parts.append(" ")
        elif node.tag == HYPHEN:
            parts.append("-")
        elif node.tag == PARAGRAPH and node is not paragraph:
            parts.append(" ")
    return "".join(parts)


def _rows(table: Any) -> list[list[str]]:
    """Cells as text, rows of equal length; a table inside a cell is part of the cell's text."""
    rows = [
        [one_line(" ".join(_text(p) for p in cell.iter(PARAGRAPH))) for cell in row.iterchildren(CELL)]
        for row in table.iterchildren(ROW)
    ]
    width = max((len(row) for row in rows), default=0)
    return [row + [""] * (width - len(row)) for row in rows]


def _footnotes(document: Document) -> list[Block]:
    blocks = []
    for relation in document.part.rels.values():
        if relation.is_external or not relation.reltype.endswith(("/footnotes", "/endnotes")):
            continue
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        for note in etree.fromstring(relation.target_part.blob, parser):
            text = one_line(" ".join(_text(p) for p in note.iter(PARAGRAPH)))
            if text:
                blocks.append(Block(BlockKind.paragraph, text))
    return blocks
