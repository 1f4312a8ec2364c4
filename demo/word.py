"""Sets the agenda as a Word document with headings, lists and tables."""

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import docx
from docx.document import Document
from docx.shared import Cm, Pt, RGBColor
from docx.text.paragraph import Paragraph as WordParagraph

from demo.markdown import Block, Callout, Grid, Heading, ItemList, Line, Paragraph

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_RIVER = RGBColor(0x1D, 0x4E, 0x5F)


def write(blocks: Sequence[Block], path: Path, *, title: str, author: str, at: datetime) -> None:
    """Set the blocks and write the same bytes each time; `at` is the date the document bears."""
    document = docx.Document()
    _look(document)
    for block in blocks:
        _set(document, block)
    properties = document.core_properties
    properties.title, properties.author, properties.last_modified_by = title, author, author
    properties.created = properties.modified = at
    properties.comments = ""
    properties.language = "en-GB"
    buffer = io.BytesIO()
    document.save(buffer)
    path.write_bytes(_without_times(buffer.getvalue()))


def _look(document: Document) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.4)
    section.top_margin = section.bottom_margin = Cm(2.2)
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = "Calibri", Pt(11)
    normal.paragraph_format.space_after = Pt(6)
    for name in ("Title", "Heading 1"):
        document.styles[name].font.color.rgb = _RIVER


def _set(document: Document, block: Block) -> None:
    match block:
        case Heading():
            document.add_heading(block.text, level=block.level - 1)
        case Paragraph():
            _write_runs(document.add_paragraph(), block.runs)
        case ItemList():
            for line in block.items:
                _write_runs(document.add_paragraph(style=_list_style(block)), line)
        case Callout():
            for line in block.paragraphs:
                _write_runs(document.add_paragraph(style="Quote"), line)
        case Grid():
            _set_table(document, block)


def _list_style(block: ItemList) -> str:
    return "List Number" if block.ordered else "List Bullet"


def _set_table(document: Document, block: Grid) -> None:
    table = document.add_table(rows=0, cols=len(block.header), style="Light Grid Accent 1")
    for row in (block.header, *block.rows):
        for cell, line in zip(table.add_row().cells, row, strict=True):
            _write_runs(cell.paragraphs[0], line)
            cell.paragraphs[0].paragraph_format.space_after = Pt(2)
    document.add_paragraph(block.caption)


def _write_runs(paragraph: WordParagraph, line: Line) -> None:
    for run in line:
        written = paragraph.add_run(run.text)
        written.bold = run.bold or None
        written.italic = run.italic or None


def _without_times(data: bytes) -> bytes:
    """Return the same archive with every entry dated alike."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(result, "w") as target:
        for entry in source.infolist():
            plain = zipfile.ZipInfo(entry.filename, _ZIP_TIME)
            plain.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(plain, source.read(entry))
    return result.getvalue()
