"""Cuts a question that asks two things, or three, into its parts, each of which can be asked by itself."""

import re

from coaching.providers.words import SILENT, WORD, stems

MOST_PARTS = 3
FEWEST_TERMS = 2
"""Words that say something which a part must have; with fewer it leans on the rest of the question."""
ASKED_OF = r"(?:is|are|was|were|do|does|did|can|could|should|shall|will|would|must|may|might|has|have|had)\b"
SOMEBODY = r"(?:i|we|you|they|he|she|it|there|the|an?|our|my|your|their|every(?:body|one)|teams?|teachers?|students?)\b"
# "and what", "and how often do", "and should we"; but not "and what to do", "and when it is late", "and have read".
BEGINS = (
    rf"(?:(?:what|who)\b(?! to\b)|how (?:many|much|often|long|far|old|big)\b|(?:how|why|when|where) {ASKED_OF}"
    rf"|{ASKED_OF} {SOMEBODY})"
)
ASKS = re.compile(BEGINS, re.IGNORECASE)
CUT = re.compile(
    rf"\?+\s+(?:(?:and|but|or)\s+)?|[,;]?\s+(?:and|but)\s+(?:(?:also|then)\s+)?(?={BEGINS})", re.IGNORECASE
)
POINTING = re.compile(r"\b(?:it|them)\b", re.IGNORECASE)


def parts_of(question: str) -> list[str]:
    """Return the parts of a double question in order, each a question; none when it asks one thing."""
    pieces = [piece.strip(" ?") for piece in CUT.split(" ".join(question.split()))]
    if not 2 <= len(pieces) <= MOST_PARTS or not all(map(ASKS.search, pieces)):
        return []
    parts: list[str] = []
    for piece in pieces:
        part = POINTING.sub(_last_word(parts[-1]), piece) if parts else piece
        if len(set(stems(part))) < FEWEST_TERMS:
            return []
        parts.append(f"{part}?")
    return parts


def _last_word(part: str) -> str:
    """Return the last word of a part that says something: what the next part points to."""
    words: list[str] = WORD.findall(part)
    return next((word for word in reversed(words) if word.lower() not in SILENT), "")
