"""Which format a file has: by its first bytes, then by its structure; its name must not disagree."""

import re
import struct
import zipfile
import zlib
from enum import StrEnum
from pathlib import Path, PurePath

from knowledge.extraction import archives
from knowledge.extraction.document import Cause, ExtractionError
from knowledge.extraction.limits import MEGABYTE, Limits


class Format(StrEnum):
    """The formats that can be read."""

    pdf = "pdf"
    docx = "docx"
    pptx = "pptx"
    epub = "epub"
    html = "html"
    markdown = "markdown"
    text = "text"
    vtt = "vtt"
    srt = "srt"


SUFFIXES = {
    ".pdf": Format.pdf,
    ".docx": Format.docx,
    ".pptx": Format.pptx,
    ".epub": Format.epub,
    ".html": Format.html,
    ".htm": Format.html,
    ".xhtml": Format.html,
    ".md": Format.markdown,
    ".markdown": Format.markdown,
    ".txt": Format.text,
    ".text": Format.text,
    "": Format.text,
    ".vtt": Format.vtt,
    ".srt": Format.srt,
}
TEXTUAL = frozenset({Format.html, Format.markdown, Format.text, Format.vtt, Format.srt})
HEAD_BYTES = 8192
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED_OFFICE = "EncryptedPackage".encode("utf-16-le")
OTHER_MAGIC = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*", b"RIFF", b"BM", b"\x7fELF", b"MZ", b"{\\rtf",
    b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ", b"OggS", b"ID3", b"\x00\x00\x00\x18ftyp", b"SQLite",
)  # fmt: skip
UTF16 = (b"\xff\xfe", b"\xfe\xff")
PDF_TRACES = (b"endobj", b"xref", b"trailer", b" obj", b"stream")
HTML_START = re.compile(
    rb"\A(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html)\b",
    re.IGNORECASE | re.DOTALL,
)
VTT_START = re.compile(rb"\A(\xef\xbb\xbf)?WEBVTT")


def sniff(path: Path, filename: str, limits: Limits | None = None) -> Format:
    """The format of the file; no parser runs, an archive is only listed.

    Raises ExtractionError with empty, too_large, wrong_type, unsupported, encrypted, malformed,
    archive_bomb or image_bomb.
    """
    limits = limits or Limits()
    size = path.stat().st_size
    if size == 0:
        raise ExtractionError(Cause.empty, "no bytes")
    if size > limits.file_mb * MEGABYTE:
        raise ExtractionError(Cause.too_large, "file size")
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    suffix = PurePath(filename).suffix.lower()
    claimed = SUFFIXES.get(suffix)
    found = _by_content(path, head, claimed, limits)
    if claimed is None:
        raise ExtractionError(Cause.unsupported, "file type")
    if found in TEXTUAL and claimed in TEXTUAL:
        return found
    if found is not claimed and suffix:
        raise ExtractionError(Cause.wrong_type, f"named {claimed.value}, is {found.value}")
    return found


def _by_content(path: Path, head: bytes, claimed: Format | None, limits: Limits) -> Format:
    if b"%PDF-" in head[:1024]:
        return Format.pdf
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _archive_format(path, limits)
    if head.startswith(OLE):
        raise ExtractionError(*_old_office(path))
    if head.startswith(OTHER_MAGIC):
        raise ExtractionError(*_other(head, claimed, limits))
    if claimed is Format.pdf and any(trace in head for trace in PDF_TRACES):
        return Format.pdf
    if b"\x00" in head and not head.startswith(UTF16):
        raise ExtractionError(Cause.wrong_type if claimed in TEXTUAL else Cause.malformed, "binary content")
    return _textual_format(head, claimed)


def _textual_format(head: bytes, claimed: Format | None) -> Format:
    if VTT_START.match(head):
        return Format.vtt
    if HTML_START.match(head):
        return Format.html
    return claimed if claimed is not None and claimed in TEXTUAL else Format.text


def _archive_format(path: Path, limits: Limits) -> Format:
    entries = archives.inspect(path, limits)
    if not entries:
        raise ExtractionError(Cause.empty, "archive without entries")
    if "[Content_Types].xml" in entries:
        if "word/document.xml" in entries:
            return Format.docx
        if "ppt/presentation.xml" in entries:
            return Format.pptx
    if "META-INF/container.xml" in entries and _declares_epub(path, entries):
        return Format.epub
    raise ExtractionError(Cause.unsupported, "archive of another kind")


def _declares_epub(path: Path, entries: dict[str, int]) -> bool:
    if "mimetype" not in entries:
        return True
    try:
        with zipfile.ZipFile(path) as archive, archive.open("mimetype") as entry:
            return entry.read(64).strip() == b"application/epub+zip"
    except (zipfile.BadZipFile, OSError, NotImplementedError, zlib.error):
        return False


def _old_office(path: Path) -> tuple[Cause, str]:
    """A compound file: an Office document behind a password, or one of before 2007."""
    with path.open("rb") as file:
        content = file.read(4 * MEGABYTE)
    if ENCRYPTED_OFFICE in content:
        return Cause.encrypted, "Office document with a password"
    return Cause.unsupported, "Office format of before 2007"


def _other(head: bytes, claimed: Format | None, limits: Limits) -> tuple[Cause, str]:
    if head.startswith(b"\x89PNG") and len(head) >= 24:
        width, height = struct.unpack(">II", head[16:24])
        if width * height > limits.pixels:
            return Cause.image_bomb, "image of too many pixels"
    return (Cause.unsupported if claimed is None else Cause.wrong_type), "not a document"
