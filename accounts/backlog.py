"""How much work of one kind waits in rows: every background job is a row, whichever room it belongs to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backlog:
    """The unfinished rows of one kind of work."""

    waiting: int
    """Rows that are not finished, those at work among them."""
    overdue: int
    """Rows for which somebody should have come by now and nobody has."""
    oldest_s: float
    """Seconds since the oldest unfinished row was written; 0 when there is none."""
