"""Files made to do harm end with a cause, quickly."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

import docx
import pytest
from reportlab.pdfgen import canvas

from knowledge.extraction.document import Cause, ExtractionError
from knowledge.extraction.limits import Limits
from knowledge.extraction.sandbox import extract, sniff

LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True))
    + "]><l>&j;</l>"
)


def cause_of(path: Path, *, limits: Limits | None = None) -> Cause:
    with pytest.raises(ExtractionError) as raised:
        extract(path, filename=path.name, limits=limits)
    return raised.value.cause


def archive(path: Path, entries: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


def word_file(path: Path, replace: dict[str, bytes | str]) -> Path:
    buffer = io.BytesIO()
    document = docx.Document()
    document.add_paragraph("An agenda.")
    document.save(buffer)
    with zipfile.ZipFile(buffer) as source:
        entries: dict[str, bytes | str] = {name: source.read(name) for name in source.namelist()}
    return archive(path, entries | replace)


def book(path: Path, pages: int) -> Path:
    drawing = canvas.Canvas(str(path))
    for number in range(pages):
        drawing.drawString(72, 700, f"The words of page {number + 1} are these.")
        drawing.showPage()
    drawing.save()
    return path


def raw_pdf(path: Path, *objects: bytes) -> Path:
    body = b"%PDF-1.7\n" + b"".join(
        b"%d 0 obj\n%s\nendobj\n" % (n, o) for n, o in enumerate(objects, start=1)
    )
    path.write_bytes(body + b"trailer << /Root 1 0 R >>\n%%EOF\n")
    return path


def test_a_dense_archive_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = word_file(tmp_path / "bomb.docx", {"word/media/zero.xml": bytes(30_000_000)})
    assert cause_of(bomb) is Cause.archive_bomb


def test_an_archive_of_too_many_entries_is_refused(tmp_path: Path) -> None:
    bomb = archive(tmp_path / "many.epub", {f"{number}.html": "x" for number in range(2_100)})
    assert cause_of(bomb) is Cause.archive_bomb


def test_an_archive_in_an_archive_is_refused(tmp_path: Path) -> None:
    inner = archive(tmp_path / "inner.zip", {"a.txt": "x"}).read_bytes()
    assert cause_of(archive(tmp_path / "outer.epub", {"inner.zip": inner})) is Cause.archive_bomb


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    big = archive(tmp_path / "big.epub", {"a.html": "".join(map(str, range(400_000)))})
    assert cause_of(big, limits=Limits(archive_total_mb=1)) is Cause.archive_bomb


def test_a_word_file_of_many_elements_ends_within_its_memory(tmp_path: Path) -> None:
    body = "".join(f"<w:p><w:r><w:t>{n}</w:t></w:r></w:p>" for n in range(400_000))
    xml = (
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        f"<w:body>{body}</w:body></w:document>"
    )
    path = word_file(tmp_path / "heavy.docx", {"word/document.xml": xml})
    assert cause_of(path, limits=Limits(address_space_mb=192, cpu_s=20)) is Cause.out_of_memory


def test_entities_that_expand_without_end_are_refused_in_word(tmp_path: Path) -> None:
    assert cause_of(word_file(tmp_path / "laughs.docx", {"word/document.xml": LAUGHS})) is Cause.malformed


def test_entities_that_expand_without_end_are_refused_in_a_book(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "laughs.epub", {"mimetype": "application/epub+zip", "META-INF/container.xml": LAUGHS}
    )
    assert cause_of(path) is Cause.malformed


def test_a_picture_named_as_document_is_of_the_wrong_type(tmp_path: Path) -> None:
    path = tmp_path / "photo.pdf"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480))
    assert cause_of(path) is Cause.wrong_type


def test_a_picture_of_too_many_pixels_is_a_bomb(tmp_path: Path) -> None:
    path = tmp_path / "photo.pdf"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 13_000, 13_000))
    assert cause_of(path) is Cause.image_bomb


def test_a_page_that_is_one_enormous_picture_is_never_decoded(tmp_path: Path) -> None:
    pixels = zlib.compress(bytes(1_000_000))
    path = raw_pdf(
        tmp_path / "poster.pdf",
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 600] /Contents 5 0 R /Resources << /XObject << /I 4 0 R >> >> >>",
        b"<< /Type /XObject /Subtype /Image /Width 30000 /Height 30000 /BitsPerComponent 8 /ColorSpace /DeviceGray "
        b"/Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(pixels), pixels),
        b"<< /Length 24 >>\nstream\n600 0 0 600 0 0 cm /I Do\nendstream",
    )
    assert cause_of(path) is Cause.image_bomb


def test_a_pdf_whose_stream_unpacks_to_gigabytes_ends(tmp_path: Path) -> None:
    stream = zlib.compress(b"(words) Tj " * 20_000_000, 9)
    path = raw_pdf(
        tmp_path / "stream.pdf",
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 600] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    causes = {
        Cause.out_of_memory,
        Cause.timeout,
        Cause.crashed,
        Cause.empty,
        Cause.malformed,
        Cause.too_large,
    }
    assert cause_of(path, limits=Limits(cpu_s=3, wall_s=12.0)) in causes


def test_a_thousand_pages_are_read_and_more_than_the_limit_are_not(tmp_path: Path) -> None:
    path = book(tmp_path / "long.pdf", 1_100)
    document = extract(path, filename="long.pdf")
    assert len(document.pages) == 1_100
    assert document.blocks[-1].page_index == 1_099
    assert cause_of(path, limits=Limits(pages=1_000)) is Cause.too_many_pages


def test_progress_counts_the_pages(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = book(tmp_path / "short.pdf", 40)
    extract(path, filename="short.pdf", on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(16, 40), (32, 40), (40, 40)]


def test_deeply_nested_html_ends_as_text(tmp_path: Path) -> None:
    path = tmp_path / "deep.html"
    path.write_text(
        "<html><p>Before.</p>" + "<div>" * 50_000 + "inside" + "</div>" * 50_000, encoding="utf-8"
    )
    assert extract(path, filename="deep.html").blocks[0].text == "Before."


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("empty.pdf", b"", Cause.empty),
        ("blank.txt", b" \n\t\n", Cause.empty),
        ("header.vtt", b"WEBVTT\n\n", Cause.empty),
        ("talk.srt", b"no times at all\n", Cause.malformed),
        ("letter.pdf", b"Dear colleague,\nthis is a letter.\n", Cause.wrong_type),
        ("page.docx", b"<!doctype html><p>Hello", Cause.wrong_type),
        ("binary.txt", b"ab\x00cd", Cause.wrong_type),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), Cause.unsupported),
        (
            "locked.docx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            Cause.encrypted,
        ),
        ("sheet.csv", b"a,b\n1,2\n", Cause.unsupported),
        ("cut.docx", b"PK\x03\x04" + bytes(200), Cause.malformed),
        ("program.pdf", b"\x7fELF" + bytes(200), Cause.wrong_type),
    ],
)
def test_what_a_file_is_not_is_said_clearly(tmp_path: Path, name: str, content: bytes, cause: Cause) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert cause_of(path) is cause


def test_a_file_over_the_size_limit_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    path.write_bytes(b"words " * 400_000)
    with pytest.raises(ExtractionError) as raised:
        sniff(path, "large.txt", Limits(file_mb=2))
    assert raised.value.cause is Cause.too_large
