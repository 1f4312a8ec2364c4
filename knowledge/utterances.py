"""Who said what, and when, in the text of a passage from a transcript."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Utterance(NamedTuple):
    """What one speaker says at one moment, up to where the next utterance begins."""

    offset: int
    """Where in the passage's text it begins, in characters."""
    start_seconds: float | None
    speaker: str
    """Empty where the recording does not name anybody."""


def utterance_at(utterances: Sequence[Utterance], offset: int) -> Utterance | None:
    """Return the utterance in which the character at `offset` stands; None before the first."""
    index = bisect_right(utterances, offset, key=lambda each: each.offset) - 1
    return utterances[index] if index >= 0 else None


def speakers_of(utterances: Sequence[Utterance]) -> tuple[tuple[int, str], ...]:
    """Return from which character on who speaks."""
    return tuple((utterance.offset, utterance.speaker) for utterance in utterances)


def clock(seconds: float | None) -> str:
    """Return a time as it is said: 1:02, or 1:00:02 from an hour on; empty for None."""
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def place_of(citation: Mapping[str, Any]) -> str:
    """Return where in its document a stored citation's quote stands: "page 12", "Ada at 1:02", or nothing."""
    if citation.get("page_label"):
        return f"page {citation['page_label']}"
    time = clock(citation.get("start_seconds"))
    return " ".join(filter(None, [citation.get("speaker"), time and f"at {time}"]))
