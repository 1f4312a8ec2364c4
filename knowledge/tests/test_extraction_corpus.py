"""Every real document ends as a document or with the cause that is true of it."""

import functools
import json
import os
from pathlib import Path

import pytest

from knowledge.extraction.document import BlockKind, Cause, ExtractedDocument, ExtractionError
from knowledge.extraction.limits import Limits
from knowledge.extraction.sandbox import extract, render_page

ELSEWHERE = {"scanned/skew.pdf"}
"""A scan that takes ten seconds, and is ingested from its file to its passages by another test."""
LIMITS = Limits(ocr_pages=1, cpu_s=60, wall_s=180.0)
CAUSES = {
    "encrypted/libreoffice-writer-password.pdf": Cause.encrypted,
    "encrypted/r6-user-password.pdf": Cause.encrypted,
    "malformed/issue-147.pdf": Cause.malformed,
    "malformed/issue-146.pdf": Cause.malformed,
    "malformed/issue-335a.pdf": Cause.malformed,
    "malformed/fuzz-16214.pdf": Cause.malformed,
    "malformed/invalid.pdf": Cause.malformed,
    "docx/text_document_01.odt": Cause.unsupported,
    "captions/webvtt-py-empty.vtt": Cause.empty,
}
BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
FOLDER = Path(os.environ.get("SHARED_DATA", BESIDE)) / "documents"
ROOT = FOLDER if (FOLDER / "manifest.jsonl").is_file() else None
FILES = (
    [json.loads(line)["file"] for line in (ROOT / "manifest.jsonl").read_text("utf-8").splitlines() if line]
    if ROOT
    else []
)
pytestmark = pytest.mark.skipif(ROOT is None, reason="the shared documents are not on this machine")


@functools.cache
def read(name: str) -> ExtractedDocument:
    assert ROOT is not None
    return extract(ROOT / name, filename=Path(name).name, limits=LIMITS)


def texts(document: ExtractedDocument) -> str:
    return "\n".join(block.text for block in document.blocks)


@pytest.mark.parametrize("name", [name for name in FILES if name not in ELSEWHERE])
def test_a_document_is_read_or_refused_for_its_cause(name: str) -> None:
    if name in CAUSES:
        with pytest.raises(ExtractionError) as raised:
            read(name)
        assert raised.value.cause is CAUSES[name]
        return
    document = read(name)
    assert document.blocks
    assert all(block.text == block.text.strip() != "" for block in document.blocks)
    assert [chapter.number for chapter in document.chapters] == list(range(1, len(document.chapters) + 1))
    assert all(chapter.first_block < len(document.blocks) for chapter in document.chapters)
    assert ExtractedDocument.from_json(document.to_json()) == document


def test_a_book_has_its_chapters_labels_and_clean_pages() -> None:
    book = read("book/WaldenFull.pdf")
    assert (book.title, book.authors, len(book.pages)) == ("Walden", ("Henry David Thoreau",), 249)
    assert len(book.chapters) == 18
    assert book.chapters[0].title == "Economy"
    assert book.blocks[book.chapters[1].first_block].text == "WHERE I LIVED, AND WHAT I LIVED FOR"
    assert [book.pages[index].label for index in (3, 4, 66)] == ["", "1", "63"]
    assert "This small lake was of most value as a neighbor in the intervals of a gentle rain-storm" in texts(
        book
    )
    assert not [block for block in book.blocks if block.text.isdigit() and (block.page_index or 0) > 3]


def test_two_columns_are_read_one_after_the_other() -> None:
    text = texts(read("layout/multicolumn.pdf"))
    assert text.index("Nulla malesuada porttitor diam") < text.index("Quisque ullamcorper placerat ipsum")


def test_a_scan_keeps_the_spaces_between_its_words() -> None:
    assert "the branches wouldn" in texts(read("scanned/c02-22.pdf"))


def test_right_to_left_text_keeps_its_order() -> None:
    text = texts(read("layout/right_to_left_01.pdf"))
    assert "R وPython" in text
    assert "تعتبر البرمجة بلغة" in text
    assert text.startswith("تحسين الإنتاجية وحل المشكلات من خلال البرمجة بلغة R وPython")
    assert "من الأدوات القوية التي يمكن أن تعزز الإنتاجية" in text
    assert "تكون لها تأثيرات إيجابية بعيدة المدى على الأداء الشخصي والمهني" in text


def test_speakers_and_times_come_with_captions() -> None:
    first = read("captions/webvtt_example_01.vtt").blocks[0]
    assert (first.kind, first.speaker, first.start_s, first.end_s, first.text) == (
        BlockKind.caption, "Roger Bingham", 11.0, 13.0, "We are in New York City",
    )  # fmt: skip
    named = read("captions/example.srt").blocks[4]
    assert (named.speaker, named.text) == ("MAN 2", "E equals m c-squared is not about an old Einstein.")


def test_a_scan_is_recognised() -> None:
    document = read("scanned/c02-22.pdf")
    assert document.pages[0].text_source == "ocr"
    assert "kitchen" in texts(document)


def test_a_page_that_cannot_be_recognised_is_named() -> None:
    document = read("scanned/multipage.pdf")
    assert [page.text_source for page in document.pages].count("ocr") == 1
    assert document.pages[1].text_source == "unreadable"


def test_a_page_is_drawn_with_its_quotes() -> None:
    assert ROOT is not None
    quote = "of most value as a neighbor in the intervals of a gentle rain-storm in August, when, both air and water"
    page = render_page(
        ROOT / "book/WaldenFull.pdf", page_index=66, width=600, quotes=[quote, "words that stand nowhere"]
    )
    assert (page.width, page.media_type, page.image[:4]) == (600, "image/png", b"\x89PNG")
    found, missing = page.rectangles
    assert len(found) == 2
    assert all(0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1 for box in found)
    assert missing == ()
