"""The doors of extraction: look at a file, read it, show a page; all parsing happens in child processes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from knowledge.extraction.document import Cause, ExtractedDocument, ExtractionError
from knowledge.extraction.formats import Format, sniff
from knowledge.extraction.limits import Budget, Limits
from knowledge.extraction.pages import Rectangle, RenderedPage
from knowledge.extraction.process import run_child
from knowledge.extraction.recognition import merged, recognise
from knowledge.extraction.wire import PROGRESS, Frame, Kind

WIDEST = 4_000

__all__ = ["extract", "render_page", "sniff"]


def extract(
    path: Path,
    *,
    filename: str,
    limits: Limits | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ExtractedDocument:
    """Read an untrusted file in a confined child process.

    `filename` is the name it was uploaded under; `on_progress` gets (done, total) in pages or parts.
    Raises ExtractionError.
    """
    limits = limits or Limits()
    kind = sniff(path, filename, limits)
    request = {
        "path": str(path.resolve()),
        "format": kind.value,
        "pages": limits.pages,
        "pixels": limits.pixels,
    }
    budget = Budget(limits.address_space_mb, limits.cpu_s, limits.wall_s, limits.output_mb)
    answer = Answer(on_progress)
    module = "pdf_child" if kind is Format.pdf else "text_child"
    run_child(
        f"knowledge.extraction.{module}", request, budget=budget, on_frame=answer.take, cancelled=cancelled
    )
    document = answer.document()
    if kind is not Format.pdf:
        return document
    return _with_scans(
        document, answer, path=path, limits=limits, on_progress=on_progress, cancelled=cancelled
    )


def _with_scans(
    document: ExtractedDocument,
    answer: "Answer",
    *,
    path: Path,
    limits: Limits,
    on_progress: Callable[[int, int], None] | None,
    cancelled: Callable[[], bool] | None,
) -> ExtractedDocument:
    """The document with its scanned pages read; raises ExtractionError when no page has any text."""
    scans, oversized = answer.page_lists()
    if scans:
        pages = len(document.pages)

        def tell(done: int) -> None:
            if on_progress is not None:
                on_progress(pages + done, pages + len(scans))

        found = recognise(path, scans, limits=limits, on_page=tell, cancelled=cancelled)
        document = merged(document, found)
    if document.blocks:
        return document
    if oversized:
        raise ExtractionError(Cause.image_bomb, "images of too many pixels")
    raise ExtractionError(Cause.unreadable if scans else Cause.empty, "no text on any page")


def render_page(
    path: Path, *, page_index: int, width: int, quotes: Sequence[str], limits: Limits | None = None
) -> RenderedPage:
    """Draw one page of a PDF as PNG, `width` pixels wide, and find each quote on it.

    Raises ExtractionError; unsupported for a file without pages to draw.
    """
    limits = limits or Limits()
    if sniff(path, "file.pdf", limits) is not Format.pdf:
        raise ExtractionError(Cause.unsupported, "only a PDF has pages to draw")
    request = {
        "path": str(path.resolve()),
        "page_index": page_index,
        "width": min(max(width, 16), WIDEST),
        "quotes": list(quotes),
        "pages": limits.pages,
        "pixels": limits.pixels,
    }
    budget = Budget(limits.address_space_mb, limits.cpu_s, limits.wall_s, limits.output_mb)
    answer = Answer(None)
    run_child("knowledge.extraction.page_child", request, budget=budget, on_frame=answer.take)
    return answer.rendered_page()


class Answer:
    """Collects what a child says."""

    def __init__(self, on_progress: Callable[[int, int], None] | None) -> None:
        self._on_progress = on_progress
        self._result: bytes | None = None
        self.parts: list[bytes] = []

    def take(self, frame: Frame) -> None:
        """Keep a part or the result, pass progress on."""
        if frame.kind is Kind.progress:
            if self._on_progress is not None:
                done, total = PROGRESS.unpack(frame.payload)
                self._on_progress(done, total)
        elif frame.kind is Kind.part:
            self.parts.append(frame.payload)
        else:
            self._result = frame.payload

    def document(self) -> ExtractedDocument:
        """The document that came back; raises ExtractionError(crashed) when none did."""
        try:
            return ExtractedDocument.from_json(self._result or b"")
        except ValueError as error:
            raise ExtractionError(Cause.crashed, "the child gave no document") from error

    def page_lists(self) -> tuple[list[int], list[int]]:
        """Indexes of the scanned pages, and of those whose picture is too large to open."""
        if not self.parts:
            return [], []
        scans, oversized = orjson.loads(self.parts[0])
        return [int(index) for index in scans], [int(index) for index in oversized]

    def rendered_page(self) -> RenderedPage:
        """The picture that came back; raises ExtractionError(crashed) when none did."""
        if not self.parts or not self._result:
            raise ExtractionError(Cause.crashed, "the child gave no picture")
        width, height, places = orjson.loads(self.parts[0])
        rectangles = tuple(tuple(Rectangle(*box) for box in boxes) for boxes in places)
        return RenderedPage(self._result, "image/png", int(width), int(height), rectangles)
