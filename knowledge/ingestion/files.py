"""The files of a version: what was uploaded and what was read from it, in one folder of their own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from uuid import UUID

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage

from knowledge.extraction.document import ExtractedDocument
from knowledge.ingestion_errors import FILE_MISSING, StageFailed
from knowledge.models import DocumentVersion

ROOT = "documents"
LONGEST_SUFFIX = 10
PIECE_BYTES = 1 << 20


def folder(version_id: UUID) -> str:
    """Return where the files of a version are kept."""
    return f"{ROOT}/{version_id}"


def store_source(version_id: UUID, filename: str, content: "File[bytes]") -> str:
    """Store uploaded bytes and return their name; nothing of the person's file name but its ending is used."""
    suffix = PurePath(filename).suffix.lower()
    safe = suffix if suffix[1:].isalnum() and len(suffix) <= LONGEST_SUFFIX else ""
    content.seek(0)
    return default_storage.save(f"{folder(version_id)}/source{safe}", content)


def has_source(version: DocumentVersion) -> bool:
    """Say whether the uploaded bytes are still there."""
    return default_storage.exists(str(version.file))


def store_extracted(version: DocumentVersion, stage: str, document: ExtractedDocument) -> str:
    """Store the text with its structure and return its name."""
    return default_storage.save(f"{folder(version.pk)}/{stage}.json", ContentFile(document.to_json()))


def load_extracted(version: DocumentVersion) -> ExtractedDocument:
    """Read back what the extraction stored; raises StageFailed when it is gone or not ours."""
    try:
        with default_storage.open(str(version.extracted)) as stored:
            return ExtractedDocument.from_json(stored.read())
    except (OSError, ValueError) as error:
        raise StageFailed(FILE_MISSING, type(error).__name__) from error


@contextmanager
def source_path(version: DocumentVersion) -> Iterator[Path]:
    """Give the uploaded file as a path on this machine; a remote one is copied for as long as it takes."""
    try:
        local = Path(version.file.path)
    except NotImplementedError:
        with tempfile.NamedTemporaryFile(suffix=PurePath(str(version.file)).suffix) as copy:
            with default_storage.open(str(version.file)) as stored:
                for piece in stored.chunks(PIECE_BYTES):
                    copy.write(piece)
            copy.flush()
            yield Path(copy.name)
        return
    if not local.is_file():
        raise StageFailed(FILE_MISSING)
    yield local


def remove(version_id: UUID) -> None:
    """Delete the files of a version; those that are gone already are no error."""
    try:
        _, names = default_storage.listdir(folder(version_id))
    except FileNotFoundError:
        return
    for name in names:
        default_storage.delete(f"{folder(version_id)}/{name}")
    default_storage.delete(folder(version_id))
