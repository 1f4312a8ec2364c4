"""Looks at a zip archive's directory before anything in it is unpacked."""

import struct
import zipfile
from pathlib import Path, PurePosixPath

from knowledge.extraction.document import Cause, ExtractionError
from knowledge.extraction.limits import MEGABYTE, Limits

END_RECORD = struct.Struct("<4s4H2LH")
END_MAGIC = b"PK\x05\x06"
LONGEST_COMMENT = 65_535
LARGEST_DIRECTORY_MB = 2
SMALL_ENTRY = MEGABYTE
ARCHIVES = frozenset({".zip", ".7z", ".rar", ".gz", ".bz2", ".xz", ".tar", ".tgz", ".jar", ".zst"})
ENCRYPTED_FLAG = 0x1


def inspect(path: Path, limits: Limits) -> dict[str, int]:
    """The entries of a safe archive with their unpacked sizes.

    Raises ExtractionError: archive_bomb for too many, too large, too dense, overlapping or nested
    entries, encrypted, malformed for a broken directory.
    """
    _check_directory_size(path, limits)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise ExtractionError(Cause.malformed, "broken archive directory") from error
    _check_entries(entries, path.stat().st_size, limits)
    return {entry.filename: entry.file_size for entry in entries}


def _check_directory_size(path: Path, limits: Limits) -> None:
    """Read only the end record: a directory of millions of entries would fill the memory here."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - LONGEST_COMMENT - END_RECORD.size))
        tail = file.read()
    at = tail.rfind(END_MAGIC)
    if at < 0 or len(tail) - at < END_RECORD.size:
        raise ExtractionError(Cause.malformed, "archive without an end")
    fields = END_RECORD.unpack_from(tail, at)
    entries, directory_bytes = fields[4], fields[5]
    if entries > limits.archive_entries or directory_bytes > LARGEST_DIRECTORY_MB * MEGABYTE:
        raise ExtractionError(Cause.archive_bomb, "too many entries")


def _check_entries(entries: list[zipfile.ZipInfo], file_bytes: int, limits: Limits) -> None:
    if any(entry.flag_bits & ENCRYPTED_FLAG for entry in entries):
        raise ExtractionError(Cause.encrypted, "encrypted archive entry")
    if len(entries) > limits.archive_entries:
        raise ExtractionError(Cause.archive_bomb, "too many entries")
    if sum(entry.file_size for entry in entries) > limits.archive_total_mb * MEGABYTE:
        raise ExtractionError(Cause.archive_bomb, "unpacks to too much")
    if sum(entry.compress_size for entry in entries) > file_bytes:
        raise ExtractionError(Cause.archive_bomb, "overlapping entries")
    if any(_is_dense(entry, limits) for entry in entries):
        raise ExtractionError(Cause.archive_bomb, "compressed too much")
    if any(PurePosixPath(entry.filename).suffix.lower() in ARCHIVES for entry in entries):
        raise ExtractionError(Cause.archive_bomb, "archive inside an archive")


def _is_dense(entry: zipfile.ZipInfo, limits: Limits) -> bool:
    return entry.file_size > SMALL_ENTRY and entry.file_size > limits.archive_ratio * entry.compress_size
