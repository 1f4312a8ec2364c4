"""What a search hands on, as plain values."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from coaching.providers.ports import SourceText
from knowledge.utterances import Utterance, speakers_of, utterance_at


@dataclass(frozen=True, slots=True)
class RetrievedPassage:
    """A passage found for a question, with what is needed to quote and to open it."""

    passage_id: UUID
    document_id: UUID
    version_id: UUID
    title: str
    authors: tuple[str, ...]
    year: int | None
    chapter_title: str
    headings: tuple[str, ...]
    page_label: str
    page_index: int | None
    text: str
    score: float
    """The calibrated probability, 0 to 1, that this passage answers the question."""
    legs: Mapping[str, float] = field(default_factory=dict)
    """By leg: `vector` and `text` (its own score), `vector_rank` and `text_rank` (from 1), `fused`."""
    page_index_end: int | None = None
    page_offsets: tuple[int, ...] = ()
    """Where in `text` each page begins, from `page_index` on."""
    page_labels: tuple[str, ...] = ()
    """The printed labels of those pages."""
    domains: tuple[str, ...] = ()
    speaker: str = ""
    start_seconds: float | None = None
    utterances: tuple[Utterance, ...] = ()
    """Of a transcript: who says what in `text`, and when."""

    def page_at(self, offset: int) -> tuple[int | None, str]:
        """Return the index and the printed label of the page on which the character at `offset` stands."""
        if self.page_index is None or not self.page_offsets:
            return self.page_index, self.page_label
        nth = max(bisect_right(self.page_offsets, offset) - 1, 0)
        label = self.page_labels[nth] if nth < len(self.page_labels) else ""
        return self.page_index + nth, label if nth else self.page_label

    def said_at(self, offset: int) -> tuple[float | None, str]:
        """Return when the words at `offset` are said, and by whom; of the whole passage where that is all we know."""
        utterance = utterance_at(self.utterances, offset)
        return utterance[1:] if utterance else (self.start_seconds, self.speaker)

    def as_source(self, number: int) -> SourceText:
        """Return the passage as a model reads it, to be cited by `number`."""
        return SourceText(number, self.title, self.text, self.score, speakers_of(self.utterances))


@dataclass(frozen=True, slots=True)
class Retrieval:
    """The answer of one search: the passages, best first, and how they were found."""

    passages: tuple[RetrievedPassage, ...] = ()
    considered: int = 0
    """How many different passages the legs brought up."""
    confidence: float = 0.0
    """The score of the best passage; 0 when nothing was found."""
    trace: Mapping[str, object] = field(default_factory=dict)
    """For the record of the turn: strategies, counts, times in milliseconds. No words of the question."""
