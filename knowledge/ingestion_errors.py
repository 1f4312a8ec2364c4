"""Why a document did not become searchable, and what a coach can do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from knowledge.extraction.document import Cause
from knowledge.models import IngestionStep

INTERRUPTED = "interrupted"
INTERNAL = "internal"
FILE_MISSING = "file_missing"
PROVIDER = "provider"
MODEL_CHANGED = "model_changed"

WORTH_ANOTHER_TRY = frozenset(
    {
        *(Cause.timeout, Cause.out_of_memory, Cause.crashed),
        *(INTERRUPTED, INTERNAL, PROVIDER, MODEL_CHANGED),
    }
)
"""Causes that may be gone next time; the others lie in the file, and asking again cannot help."""


class StageFailed(Exception):
    """A stage could not do its work; `cause` is one that `explain` knows, `detail` is technical."""

    def __init__(self, cause: str, detail: str = "") -> None:
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause = cause
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Explanation:
    """What happened and what to do next, each a sentence or two for a coach."""

    happened: str
    next_step: str


_TRY_AGAIN = "Try again; if it happens once more, tell whoever runs Sideline for you."
_EXPORT = "Open it in the program that made it, save or export it again, and add the new file."

EXPLANATIONS: Mapping[str, Explanation] = {
    Cause.empty: Explanation(
        "The file has no text in it.", "Check that it is the right file and add it again."
    ),
    Cause.encrypted: Explanation(
        "The file is locked with a password.", "Save a copy without the password and add that copy."
    ),
    Cause.malformed: Explanation("The file is damaged, so it could not be opened.", _EXPORT),
    Cause.unsupported: Explanation(
        "This kind of file cannot be read.",
        "Save it as PDF, Word, PowerPoint, EPUB, HTML, Markdown, text, VTT or SRT and add that.",
    ),
    Cause.wrong_type: Explanation(
        "The file is not what its name says.",
        "Give it the right ending, or export it again, and add it anew.",
    ),
    Cause.too_large: Explanation(
        "The file is larger than what can be read safely.", "Split it into parts and add them one by one."
    ),
    Cause.too_many_pages: Explanation(
        "The file has more pages than can be read safely.", "Split it into parts and add them one by one."
    ),
    Cause.archive_bomb: Explanation(
        "The file unpacks to far more than it should, so it was not opened.", _EXPORT
    ),
    Cause.image_bomb: Explanation(
        "A picture in the file is too large to be opened safely.",
        "Make the pictures smaller, or scan at a lower resolution, and add the file again.",
    ),
    Cause.timeout: Explanation("Reading the file took too long.", "Try again, or split the file into parts."),
    Cause.out_of_memory: Explanation(
        "Reading the file needed more memory than is allowed.", "Split the file into parts and add them."
    ),
    Cause.crashed: Explanation("The reader broke down on this file.", _EXPORT),
    Cause.unreadable: Explanation(
        "No page has text that could be read, not even from its picture.",
        "Scan it again, straight and at 300 dots per inch, or add a version with text.",
    ),
    Cause.cancelled: Explanation("The reading was stopped.", "Start it again whenever you like."),
    INTERRUPTED: Explanation("The work was interrupted three times before it was done.", _TRY_AGAIN),
    INTERNAL: Explanation("Something went wrong on our side.", _TRY_AGAIN),
    FILE_MISSING: Explanation("The stored file is gone.", "Add exactly the same file again."),
    PROVIDER: Explanation(
        "The service that indexes the text did not answer.", "Wait a few minutes and try again."
    ),
    MODEL_CHANGED: Explanation(
        "The search index is being moved to another model.",
        "Try again when the move is finished; whoever runs Sideline for you can say when.",
    ),
}
_UNKNOWN = Explanation("The document could not be made searchable.", _TRY_AGAIN)


def explain(cause: str, stage: str = "") -> Explanation:
    """Return what happened and the next step; `stage` adds where, unless the cause says it by itself."""
    found = EXPLANATIONS.get(cause, _UNKNOWN)
    if cause not in {INTERNAL, INTERRUPTED} or stage not in IngestionStep.Stage.values:
        return found
    where = IngestionStep.Stage(stage).label
    return Explanation(f"{found.happened} (Stage: {where}.)", found.next_step)


def can_pass(cause: str) -> bool:
    """Whether a version that was given up for this may be read next time; else only another file helps."""
    return cause in WORTH_ANOTHER_TRY or cause == Cause.cancelled or cause not in EXPLANATIONS


UNREADABLE_PAGES = "unreadable_pages"
OCR_PAGES = "ocr_pages"


def notice_text(notice: Mapping[str, Any]) -> str:
    """Return one notice of a version as a sentence."""
    pages = _names(notice.get("pages", ()))
    many = len(notice.get("pages", ())) != 1
    if notice.get("kind") == UNREADABLE_PAGES:
        return f"Page{'s' if many else ''} {pages} could not be read and cannot be found by a search."
    if notice.get("kind") == OCR_PAGES:
        return (
            f"The text of page{'s' if many else ''} {pages} was read from the picture and may have mistakes."
        )
    return ""


def _names(pages: Sequence[object], most: int = 12) -> str:
    names = [str(page) for page in pages[:most]]
    if len(pages) > most:
        names.append(f"{len(pages) - most} more")
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" and {names[-1]}" if names else ""
