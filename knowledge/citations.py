"""Which passage each claim of an answer stands on, and how well.

A claim is the sentence before its markers. Its quote is located in the cited passage: exactly (case,
blanks and kinds of quotation mark set aside), then fuzzily. `verified`: the words are in the passage.
`paraphrase`: one or two sentences of the passage share most of the claim's words and all its numbers.
`unsupported`: neither, or the claim puts words between quotation marks that the passage does not have.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import groupby

from knowledge.markers import Marker, MarkerParser
from knowledge.quotes import Span, best_sentences, locate, strip_markup
from knowledge.retrieved import RetrievedPassage

PARAPHRASE_FROM = 0.5
"""The share of a claim's words that one or two sentences of the passage must have."""
QUOTED = re.compile(r"[“\"«„]([^”\"»“„]{12,600})[”\"»“]")
SENTENCE_END = re.compile(
    r"[.!?…][\"”\u2019')*_]*(?=(?:\s*\[\d{1,3}\])*(?:\s|$))"
    r"|\n\s*\n+|\n(?=\s*(?:[-*+>#•|]|\d{1,2}[.)])\s)"
)
ONLY_MARKERS = re.compile(r"(?:\s*\[\d{1,3}\])*\s*")
FEWEST_QUOTED_WORDS = 4
"""Fewer words between quotation marks are a term, not a quotation."""


class Label(StrEnum):
    """How a claim stands on its passage."""

    VERIFIED = "verified"
    PARAPHRASE = "paraphrase"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Citation:
    """One marker of an answer: the claim before it and the words of the passage that it stands on."""

    number: int
    marker_offset: int
    claim: str
    claim_offset: int
    label: Label
    passage_id: str
    document_id: str
    version_id: str
    title: str
    authors: tuple[str, ...]
    year: int | None
    chapter_title: str
    page_label: str
    page_index: int | None
    quote: str
    """The passage's own words; empty when the claim is unsupported."""
    quote_start: int
    """Character offset in the passage's text."""
    quote_end: int
    start_seconds: float | None = None
    speaker: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return what is stored on the message: only what JSON knows."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {**values, "label": str(self.label), "authors": list(self.authors)}


@dataclass(frozen=True, slots=True)
class _Claim:
    text: str
    offset: int
    markers: tuple[Marker, ...]


def resolve(text: str, passages: Mapping[int, RetrievedPassage]) -> list[Citation]:
    """Return one citation for each marker in `text` whose number is one of `passages`, in order.

    `text` is an answer as `MarkerParser` passed it on. A number outside `passages` is never cited.
    """
    parser = MarkerParser(passages.keys())
    shown = parser.feed(text) + parser.close()
    return [
        _citation(claim, marker, passages[marker.number])
        for claim in _claims(shown, parser.markers)
        for marker in claim.markers
    ]


def _claims(text: str, markers: Sequence[Marker]) -> list[_Claim]:
    """Give each run of markers the sentence that it closes or stands in."""
    ends = [found.end() for found in SENTENCE_END.finditer(text)]
    claims = []
    for offsets in _runs(markers):
        start, end = _sentence_around(text, ends, offsets[0].offset)
        claim = strip_markup(text[start:end])
        claims.append(_Claim(text=claim, offset=start, markers=tuple(offsets)))
    return claims


def _runs(markers: Sequence[Marker]) -> list[list[Marker]]:
    """Group the markers that stand side by side."""

    def place(item: tuple[int, Marker]) -> int:
        # In a run, each offset less the length of the markers before it is the same.
        index, marker = item
        return marker.offset - sum(len(f"[{before.number}]") for before in markers[:index])

    return [[marker for _, marker in group] for _, group in groupby(enumerate(markers), key=place)]


def _sentence_around(text: str, ends: Sequence[int], offset: int) -> tuple[int, int]:
    """Return the sentence in which the character at `offset` stands, or which ends just before it."""
    start = 0
    for end in ends:
        if end > offset:
            return start, end
        if text[start:end].strip() and ONLY_MARKERS.fullmatch(text, end, offset):
            return start, end
        start = end
    return start, len(text)


def _citation(claim: _Claim, marker: Marker, passage: RetrievedPassage) -> Citation:
    label, span = _judge(claim.text, passage.text)
    page_index, page_label = passage.page_at(span.start)
    start_seconds, speaker = passage.said_at(span.start)
    return Citation(
        number=marker.number,
        marker_offset=marker.offset,
        claim=claim.text,
        claim_offset=claim.offset,
        label=label,
        passage_id=str(passage.passage_id),
        document_id=str(passage.document_id),
        version_id=str(passage.version_id),
        title=passage.title,
        authors=passage.authors,
        year=passage.year,
        chapter_title=passage.chapter_title,
        page_label=page_label,
        page_index=page_index,
        quote=passage.text[span.start : span.end],
        quote_start=span.start,
        quote_end=span.end,
        start_seconds=start_seconds,
        speaker=speaker,
    )


@lru_cache(maxsize=256)
def _judge(claim: str, passage: str) -> tuple[Label, Span]:
    """Return how `claim` stands on `passage`, and on which of its characters."""
    quoted = [
        found.group(1)
        for found in QUOTED.finditer(claim)
        if len(found.group(1).split()) >= FEWEST_QUOTED_WORDS
    ]
    if quoted:
        spans = [locate(words, passage) for words in quoted]
        found = [span for span in spans if span is not None]
        return (Label.VERIFIED, found[0]) if len(found) == len(spans) else (Label.UNSUPPORTED, Span(0, 0))
    if span := locate(claim, passage):
        return Label.VERIFIED, span
    overlap, span = best_sentences(claim, passage)
    return (Label.PARAPHRASE, span) if overlap >= PARAPHRASE_FROM else (Label.UNSUPPORTED, Span(0, 0))
