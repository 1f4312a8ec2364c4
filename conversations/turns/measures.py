"""What turns add to the counters of this process."""

from typing import Final

from prometheus_client import Counter, Histogram

from conversations.models import Interaction

_SECONDS = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.2, 1.6, 2.0, 2.5, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Bounds in seconds; the targets 1.2 and 2.5 are among them, so that they can be read off exactly."""

TURNS: Final = Counter("sideline_turns", "Turns that ended, by how.", ["ended"])
FIRST_TOKEN: Final = Histogram(
    "sideline_turn_first_token_seconds", "From accepting a message to the first text.", buckets=_SECONDS
)
SECONDS: Final = Histogram(
    "sideline_turn_seconds", "From accepting a message to the complete answer.", buckets=_SECONDS
)


def turn_ended(turn: Interaction) -> None:
    """Count a turn that was settled; only complete answers say how long an answer takes."""
    TURNS.labels(turn.state).inc()
    if turn.first_token_at is not None:
        FIRST_TOKEN.observe((turn.first_token_at - turn.accepted_at).total_seconds())
    if turn.state == Interaction.State.DONE and turn.finished_at is not None:
        SECONDS.observe((turn.finished_at - turn.accepted_at).total_seconds())


def turn_interrupted() -> None:
    """Count a turn that was closed because its process had died."""
    TURNS.labels("interrupted").inc()
