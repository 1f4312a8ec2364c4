"""PDF with PyMuPDF: one pass over each page gives its characters with their looks, and its rules."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymupdf

from knowledge.extraction.cleaning import clean, one_line, without_leaders
from knowledge.extraction.document import Cause, Chapter, ExtractedDocument, ExtractionError, Page
from knowledge.extraction.layout import Line, PageLines, group, join_same_baseline, reading_order
from knowledge.extraction.names import authors_of, language_of, year_of
from knowledge.extraction.paragraphs import looks_of, pieces_of
from knowledge.extraction.pdf_tables import Box, take_out_tables
from knowledge.extraction.right_to_left import has_arabic, spelled
from knowledge.extraction.running_lines import take_out_running_lines
from knowledge.extraction.structure import (
    LEAST_CHAPTER,
    Bookmark,
    blocks_of,
    chapters_from_bookmarks,
    chapters_from_headings,
)

FLAGS = pymupdf.TEXT_MEDIABOX_CLIP | pymupdf.TEXT_COLLECT_VECTORS
TEXT_BLOCK, VECTOR_BLOCK = 0, 3
MONOSPACED, BOLD = 8, 16
BOLD_NAMES = ("bold", "black", "heavy", "semibold")
FEW_LETTERS = 24
SHARE_OF_PAGE = 0.4
NO_TITLE = re.compile(
    r"^(?:untitled|microsoft \w+ - .*|.*\.(?:docx?|indd|qxd|tex|dvi|pdf|pptx?|odt))$|^\W*$", re.IGNORECASE
)


@dataclass(slots=True)
class Reading:
    """The document so far, and the pages that hold a picture in place of text."""

    document: ExtractedDocument
    pages_to_recognise: list[int] = field(default_factory=list)
    pages_too_large: list[int] = field(default_factory=list)


def open_pdf(path: Path, most_pages: int) -> pymupdf.Document:
    """Open a PDF; raises ExtractionError for one that is encrypted, broken or has too many pages."""
    pymupdf.TOOLS.mupdf_display_errors(False)  # type: ignore[no-untyped-call]
    pymupdf.TOOLS.mupdf_display_warnings(False)  # type: ignore[no-untyped-call]
    try:
        document = pymupdf.open(path, filetype="pdf")  # type: ignore[no-untyped-call]
    except (pymupdf.FileDataError, pymupdf.EmptyFileError) as error:
        raise ExtractionError(Cause.malformed, "cannot be opened") from error
    if document.needs_pass:
        raise ExtractionError(Cause.encrypted, "needs a password")
    if document.page_count == 0:
        raise ExtractionError(Cause.malformed, "no pages")
    if document.page_count > most_pages:
        raise ExtractionError(Cause.too_many_pages, f"{document.page_count} pages")
    return document


def read_pdf(
    path: Path, *, most_pages: int, most_pixels: int, on_progress: Callable[[int, int], None]
) -> Reading:
    """Read every page; a page that cannot be parsed counts as one without text."""
    document = open_pdf(path, most_pages)
    pages: list[PageLines] = []
    pictures: list[int] = []
    oversized: list[int] = []
    total = document.page_count
    for index in range(total):
        page = document[index]
        lines = read_page(page, index)
        pages.append(lines)
        if _has_few_letters(lines) and _is_picture(page, lines):
            lines.lines = []
            (pictures if largest_image(document, index) <= most_pixels else oversized).append(index)
        if index % 16 == 15 or index == total - 1:
            on_progress(index + 1, total)
    return Reading(_assembled(document, pages, {*pictures, *oversized}), pictures, oversized)


def read_page(page: pymupdf.Page, index: int) -> PageLines:
    """The lines of one page in reading order, tables as single lines."""
    raw = _raw(page)
    groups = []
    boxes: list[Box] = []
    for block in raw["blocks"]:
        if block["type"] == TEXT_BLOCK:
            lines = _block_lines(block["lines"], index)
            if lines:
                groups.append(group(lines))
        elif block["type"] == VECTOR_BLOCK and block["isrect"]:
            boxes.append(block["bbox"])
    ordered = [line for part in reading_order(groups) for line in part.lines]
    if len(boxes) >= 4:
        ordered = take_out_tables(ordered, boxes)
    return PageLines(index, raw["width"], raw["height"], _without_leaders(join_same_baseline(ordered)))


def _without_leaders(lines: list[Line]) -> list[Line]:
    for line in lines:
        line.text = without_leaders(line.text)
    return [line for line in lines if line.text]


def _raw(page: pymupdf.Page) -> dict[str, Any]:
    """What PyMuPDF reads on a page; only where there is Arabic it is asked for single characters, which take longer."""
    text_page = page.get_textpage(flags=FLAGS)
    raw: dict[str, Any] = page.get_text("dict", textpage=text_page)  # type: ignore[no-untyped-call]
    if has_arabic(_spans(raw)):
        raw = page.get_text("rawdict", textpage=text_page)  # type: ignore[no-untyped-call]
        for span in _spans(raw):
            span["text"] = spelled(span["chars"])
    return raw


def _spans(raw: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (span for block in raw["blocks"] for line in block.get("lines", ()) for span in line["spans"])


def _block_lines(raw_lines: list[dict[str, Any]], index: int) -> list[Line]:
    lines: list[Line] = []
    for raw in raw_lines:
        spans = raw["spans"]
        text = clean("".join([span["text"] for span in spans])).strip()
        if not text or abs(raw["dir"][0]) < 0.5:
            continue
        main = spans[0] if len(spans) == 1 else max(spans, key=lambda span: len(span["text"]))
        x0, y0, x1, y1 = raw["bbox"]
        bold = all(_is_bold(span) for span in spans if span["text"].strip())
        mono = bool(main["flags"] & MONOSPACED)
        baseline = spans[0]["origin"][1]
        size = round(main["size"], 1)
        lines.append(Line(index, x0, y0, x1, y1, text, size, bold, mono=mono, baseline=baseline))
    return lines


def _is_bold(span: dict[str, Any]) -> bool:
    if span["flags"] & BOLD:
        return True
    name = span["font"].lower()
    return any(word in name for word in BOLD_NAMES)


def _has_few_letters(page: PageLines) -> bool:
    """Whether hardly any letter or digit was decoded; stops counting as soon as it is enough."""
    found = 0
    for line in page.lines:
        found += sum(map(str.isalnum, line.text[:200]))
        if found >= FEW_LETTERS:
            return False
    return True


def _is_picture(page: pymupdf.Page, lines: PageLines) -> bool:
    """Whether images cover much of the page."""
    covered = sum(
        abs(pymupdf.Rect(info["bbox"]) & page.rect)  # type: ignore[no-untyped-call]
        for info in page.get_image_info()
    )
    return bool(covered > SHARE_OF_PAGE * lines.width * lines.height)


def largest_image(document: pymupdf.Document, index: int) -> int:
    """Pixels of the largest image that a page uses; nothing is decoded."""
    return max((image[2] * image[3] for image in document.get_page_images(index, full=True)), default=0)


def _assembled(document: pymupdf.Document, pages: list[PageLines], pictures: set[int]) -> ExtractedDocument:
    printed = take_out_running_lines(pages)
    labels = _own_labels(document) or printed
    pieces = pieces_of(pages, looks_of(pages))
    blocks = blocks_of(pieces)
    chapters: Iterable[Chapter] = chapters_from_bookmarks(_bookmarks(document), pieces)
    chapters = chapters or chapters_from_headings(blocks, least_chars=LEAST_CHAPTER)
    metadata = document.metadata or {}
    return ExtractedDocument(
        format="pdf",
        title=_title(metadata, [p.text for p in pieces[:12] if p.heading and p.page == 0]),
        authors=authors_of(one_line(metadata.get("author") or "")),
        year=year_of(piece.text for piece in [*pieces[:60], *pieces[-10:]]),
        blocks=tuple(blocks),
        pages=tuple(
            Page(p.index, labels.get(p.index, ""), "unreadable" if p.index in pictures else "text")
            for p in pages
        ),
        chapters=tuple(chapters),
        language=language_of(document.language or ""),
    )


def _own_labels(document: pymupdf.Document) -> dict[int, str]:
    if not document.get_page_labels():  # type: ignore[no-untyped-call]
        return {}
    labels = [document[index].get_label() for index in range(document.page_count)]  # type: ignore[no-untyped-call]
    return {index: one_line(label or "") for index, label in enumerate(labels)}


def _bookmarks(document: pymupdf.Document) -> list[Bookmark]:
    try:
        entries = document.get_toc(simple=False)
    except (RuntimeError, ValueError, IndexError, KeyError):
        return []
    return [
        Bookmark(level, one_line(title), page - 1, target["to"].y if "to" in target else None)
        for level, title, page, target in entries
        if page > 0
    ]


def _title(metadata: dict[str, Any], headings: list[str]) -> str:
    title = one_line(metadata.get("title") or "")
    if title and not NO_TITLE.match(title):
        return title[:300]
    return headings[0] if headings else ""
