"""What turns add to the counters of this process."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from prometheus_client import Counter, Histogram

from conversations.models import Message

_SECONDS = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.2, 1.6, 2.0, 2.5, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Bounds in seconds; the targets 1.2 and 2.5 are among them, so that they can be read off exactly."""

TURNS: Final = Counter("sideline_turns", "Turns that ended, by how.", ["ended"])
FIRST_TOKEN: Final = Histogram(
    "sideline_turn_first_token_seconds", "From accepting a message to the first text.", buckets=_SECONDS
)
SECONDS: Final = Histogram(
    "sideline_turn_seconds", "From accepting a message to the complete answer.", buckets=_SECONDS
)
SEARCH: Final = Histogram(
    "sideline_search_seconds",
    "How long looking passages up took, its statements included.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0),
)


def looked_up(trace: Mapping[str, object]) -> None:
    """Count how long a search took by its trace, wherever it was done."""
    if isinstance(took_ms := trace.get("total_ms"), int | float):
        SEARCH.observe(took_ms / 1000)


def turn_ended(reply: Message, *, first_token_at: datetime | None) -> None:
    """Count a turn by its settled reply, which was made when the question was accepted.

    Only complete answers say how long an answer takes.
    """
    TURNS.labels(reply.state).inc()
    if first_token_at is not None:
        FIRST_TOKEN.observe((first_token_at - reply.created_at).total_seconds())
    if reply.state == Message.State.COMPLETE and reply.completed_at is not None:
        SECONDS.observe((reply.completed_at - reply.created_at).total_seconds())


def turn_interrupted() -> None:
    """Count a turn that was closed because its process had died."""
    TURNS.labels("interrupted").inc()
