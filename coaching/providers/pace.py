"""The deadlines of one answer: the whole, the first token, and silence between tokens."""

import asyncio
from dataclasses import dataclass

AFTER_THE_END_S = 1.0
"""How long a finished answer waits for the token counts that may follow it."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds that we wait for a provider; the whole answer's deadline comes with each request."""

    connect_s: float = 2.0
    first_token_s: float = 5.0
    idle_s: float = 15.0


class Pace:
    """Says until when the next read may take, on the clock of the running loop."""

    def __init__(self, deadlines: Deadlines, *, deadline_s: float) -> None:
        self._now = asyncio.get_running_loop().time
        self._ends_at = self._now() + deadline_s
        self._first_due = min(self._ends_at, self._now() + deadlines.first_token_s)
        self._idle_s = deadlines.idle_s
        self._begun = False

    def due(self) -> float:
        """Return the loop's time at which a read that begins now has taken too long."""
        if not self._begun:
            return self._first_due
        return min(self._ends_at, self._now() + self._idle_s)

    def spoke(self) -> None:
        """Note a token: from now on only silence and the whole deadline count."""
        self._begun = True

    def finished(self) -> None:
        """Note that the answer is complete and only its counts are missing."""
        self._begun = True
        self._idle_s = AFTER_THE_END_S
