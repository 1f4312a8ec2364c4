"""The doors of extraction: look at a file, read it, show a page; all parsing happens in child processes."""

from collections.abc import Callable
from pathlib import Path

from knowledge.extraction.document import Cause, ExtractedDocument, ExtractionError
from knowledge.extraction.formats import Format, sniff
from knowledge.extraction.limits import Budget, Limits
from knowledge.extraction.process import run_child
from knowledge.extraction.wire import PROGRESS, Frame, Kind

__all__ = ["extract", "sniff"]


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
    return answer.document()


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
