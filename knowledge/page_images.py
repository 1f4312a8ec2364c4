"""Pictures of pages and the places of quotes on them: drawn in a confined child process, kept beside the file."""

import hashlib
from dataclasses import dataclass

import orjson
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from knowledge.extraction.document import ExtractionError
from knowledge.extraction.pages import Rectangle
from knowledge.extraction.sandbox import render_page
from knowledge.ingestion import files
from knowledge.ingestion_errors import StageFailed
from knowledge.models import DocumentVersion

WIDTHS = (480, 800, 1200, 1800)
"""The only widths that are drawn, in pixels: nobody can fill the disk by asking for others."""
USUAL_WIDTH = 1200


class NoPicture(Exception):
    """The page cannot be drawn; the reason is in the cause of this."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Where a quote stands on a page: rectangles in parts of the page, and the page's height by its width."""

    height: float
    rectangles: tuple[Rectangle, ...]


def image(version: DocumentVersion, *, page_index: int, width: int) -> bytes:
    """Return a page as PNG, `width` rounded up to one of `WIDTHS`. Raises NoPicture."""
    width = next((known for known in WIDTHS if known >= width), WIDTHS[-1])
    name = f"{files.folder(version.pk)}/page-{page_index}-{width}.png"
    kept = _read(name)
    if kept is not None:
        return kept
    try:
        with files.source_path(version) as path:
            drawn = render_page(path, page_index=page_index, width=width, quotes=())
    except (ExtractionError, StageFailed, OSError) as error:
        raise NoPicture from error
    _keep(name, drawn.image)
    return drawn.image


def marks(version: DocumentVersion, *, page_index: int, quote: str) -> Marks:
    """Return where `quote` stands on a page; no rectangles when it is not there. Raises NoPicture."""
    digest = hashlib.sha256(quote.encode()).hexdigest()[:16]
    name = f"{files.folder(version.pk)}/marks-{page_index}-{digest}.json"
    kept = _read(name)
    if kept is None:
        try:
            with files.source_path(version) as path:
                drawn = render_page(path, page_index=page_index, width=WIDTHS[0], quotes=(quote,))
        except (ExtractionError, StageFailed, OSError) as error:
            raise NoPicture from error
        found = drawn.rectangles[0] if drawn.rectangles else ()
        places = [(part.x0, part.y0, part.x1, part.y1) for part in found]
        kept = orjson.dumps({"height": drawn.height / drawn.width, "rectangles": places})
        _keep(name, kept)
    stored = orjson.loads(kept)
    return Marks(
        height=stored["height"],
        rectangles=tuple(Rectangle(*place) for place in stored["rectangles"]),
    )


def _read(name: str) -> bytes | None:
    try:
        with default_storage.open(name) as stored:
            return bytes(stored.read())
    except OSError:
        return None


def _keep(name: str, content: bytes) -> None:
    """Keep the bytes under exactly this name; another process may have been first."""
    kept_as = default_storage.save(name, ContentFile(content))
    if kept_as != name:
        default_storage.delete(kept_as)
