"""Pictures of pages and the places of quotes on them: drawn in confined child processes, of which there are few.

Pictures are kept beside the file, a bounded number for each version. Places are kept in memory: there are as many
as somebody can think of parts of a page, so they must never become files.
"""

import hashlib
import random
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection

from knowledge.extraction.document import ExtractionError
from knowledge.extraction.limits import Limits
from knowledge.extraction.pages import Rectangle, RenderedPage
from knowledge.extraction.sandbox import render_page
from knowledge.ingestion import files
from knowledge.ingestion_errors import StageFailed
from knowledge.models import DocumentVersion

WIDTHS = (480, 800, 1200, 1800)
"""The only widths that are drawn, in pixels: nobody can fill the disk by asking for others."""
MOST_PICTURES = 400
"""Pictures that are kept of one version; a further one takes the place of any other."""
MOST_PLACES = 1_000
"""Quotes of which a process remembers where they stand."""

AT_ONCE = 2
"""Children that draw for one process."""
IN_LINE = 12
"""Further requests that may wait for one of them."""
PATIENCE_S = 10.0
"""How long each of those waits."""
LIMITS = Limits(cpu_s=10, wall_s=30.0)
"""One page takes a second at most; one that was made to take long must not keep others waiting."""

_PICTURE = "page-"

Quoted = tuple[UUID, int, bytes]
"""A version, a page, and the hash of a quote."""


class NoPicture(Exception):
    """The page cannot be drawn; the reason is in the cause of this."""


class Busy(Exception):
    """More pages are asked for than can be drawn now; nothing was drawn, and asking again soon can help."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Where a quote stands on a page: rectangles in parts of the page, and the page's height by its width."""

    height: float
    rectangles: tuple[Rectangle, ...]


class Drawers:
    """The few who may draw at the same time, and the line before them."""

    def __init__(self, at_once: int = AT_ONCE, in_line: int = IN_LINE) -> None:
        self._line = BoundedSemaphore(at_once + in_line)
        self._drawing = BoundedSemaphore(at_once)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold the right to draw. Raises Busy when the line is full, or does not move."""
        if not self._line.acquire(blocking=False):
            raise Busy
        try:
            if not self._drawing.acquire(timeout=PATIENCE_S):
                raise Busy
            try:
                yield
            finally:
                self._drawing.release()
        finally:
            self._line.release()


class Places:
    """Where quotes stand, those asked for last."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: OrderedDict[Quoted, Marks] = OrderedDict()

    def get(self, key: Quoted) -> Marks | None:
        """Return what is remembered."""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key)

    def put(self, key: Quoted, marks: Marks) -> None:
        """Remember, and forget what nobody asked for longest."""
        with self._lock:
            self._known[key] = marks
            self._known.move_to_end(key)
            while len(self._known) > MOST_PLACES:
                self._known.popitem(last=False)


_drawers = Drawers()
_places = Places()


def can_draw(version: DocumentVersion) -> bool:
    """Say whether the pages of a version can be shown as pictures."""
    return version.file_format == "pdf"


def image(version: DocumentVersion, *, page_index: int, width: int) -> bytes:
    """Return a page as PNG, `width` rounded up to one of `WIDTHS`. Raises NoPicture, or Busy."""
    width = next((known for known in WIDTHS if known >= width), WIDTHS[-1])
    name = f"{files.folder(version.pk)}/{_PICTURE}{page_index}-{width}.png"
    kept = _read(name)
    if kept is not None:
        return kept
    drawn = _draw(version, page_index=page_index, width=width)
    _keep(version, name, drawn.image)
    return drawn.image


def marks(version: DocumentVersion, *, page_index: int, quote: str) -> Marks:
    """Return where `quote` stands on a page; no rectangles when it is not there. Raises NoPicture, or Busy."""
    key = (version.pk, page_index, hashlib.sha256(quote.encode()).digest())
    known = _places.get(key)
    if known is not None:
        return known
    drawn = _draw(version, page_index=page_index, width=WIDTHS[0], quotes=(quote,))
    found = Marks(drawn.height / drawn.width, drawn.rectangles[0] if drawn.rectangles else ())
    _places.put(key, found)
    return found


def _draw(
    version: DocumentVersion, *, page_index: int, width: int, quotes: Sequence[str] = ()
) -> RenderedPage:
    """Have a child draw a page. A request that waits holds no connection that others need."""
    if not connection.in_atomic_block:
        connection.close()
    try:
        with _drawers.one(), files.source_path(version) as path:
            return render_page(path, page_index=page_index, width=width, quotes=quotes, limits=LIMITS)
    except (ExtractionError, StageFailed, OSError) as error:
        raise NoPicture from error


def _read(name: str) -> bytes | None:
    try:
        with default_storage.open(name) as stored:
            return bytes(stored.read())
    except OSError:
        return None


def _keep(version: DocumentVersion, name: str, content: bytes) -> None:
    """Keep the picture under exactly this name; another process may have been first."""
    with suppress(FileNotFoundError):
        _make_room(version)
    kept_as = default_storage.save(name, ContentFile(content))
    if kept_as != name:
        default_storage.delete(kept_as)


def _make_room(version: DocumentVersion) -> None:
    """Forget pictures of a version until there is room for one more; which ones matters little."""
    folder = files.folder(version.pk)
    pictures = [name for name in default_storage.listdir(folder)[1] if name.startswith(_PICTURE)]
    random.shuffle(pictures)
    for name in pictures[MOST_PICTURES - 1 :]:
        default_storage.delete(f"{folder}/{name}")
