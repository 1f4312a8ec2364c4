"""The text of a document, and what splitting makes of it: passages that are not stored yet."""

from dataclasses import dataclass

from knowledge.extraction.document import ExtractedDocument
from knowledge.utterances import Utterance

BETWEEN_BLOCKS = "\n\n"


@dataclass(frozen=True, slots=True)
class PassageDraft:
    """A passage before it is stored: `text` is exactly the document's text from `start` to `end`."""

    ordinal: int
    chapter_number: int | None
    chapter_title: str
    headings: tuple[str, ...]
    page_index: int | None
    page_index_end: int | None
    page_label: str
    page_label_end: str
    start: int
    end: int
    text: str
    token_count: int
    page_offsets: tuple[int, ...] = ()
    """Where in `text` each page begins, from `page_index` to `page_index_end`."""
    speaker: str = ""
    """Everybody who speaks in it, in the order of their first words."""
    start_seconds: float | None = None
    end_seconds: float | None = None
    utterances: tuple[Utterance, ...] = ()
    """Of a transcript: who says what in `text`, and when."""


def full_text(document: ExtractedDocument) -> str:
    """Return the text that all offsets refer to."""
    return BETWEEN_BLOCKS.join(block.text for block in document.blocks)
