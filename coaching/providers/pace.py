"""The deadlines of one answer: the whole, the first token, and silence between tokens."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

AFTER_THE_END_S = 1.0
"""How long a finished answer waits for the token counts that may follow it."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds that we wait for a provider; the whole answer's deadline comes with each request."""

    connect_s: float = 2.0
    first_token_s: float = 5.0
    idle_s: float = 15.0


Result = TypeVar("Result")


class Pace:
    """Says until when the next read may take, on the clock of the running loop, and ends one that takes longer.

    An answer is a hundred reads. One timer looks after all of them: it is set anew when it fires, not with each read,
    which would cost as much as the read (`benchmarks.provider_cpu`).
    """

    def __init__(self, deadlines: Deadlines, *, deadline_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self._ends_at = self._now() + deadline_s
        self._first_due = min(self._ends_at, self._now() + deadlines.first_token_s)
        self._idle_s = deadlines.idle_s
        self._begun = False
        self._timer: asyncio.TimerHandle | None = None
        self._reader: asyncio.Task[Any] | None = None
        """The task that waits now, and until when."""
        self._reads_until = 0.0
        self._is_late = False

    def due(self) -> float:
        """Return the loop's time at which a read that begins now has taken too long."""
        if not self._begun:
            return self._first_due
        return min(self._ends_at, self._now() + self._idle_s)

    async def wait(self, reading: Awaitable[Result]) -> Result:
        """Return what a read returns.

        Raises:
            TimeoutError: it took longer than it may.
        """
        reader = self._reader = cast("asyncio.Task[Any]", asyncio.current_task())
        cancelled_before = reader.cancelling()
        self._reads_until = self.due()
        if self._timer is None or self._timer.when() > self._reads_until:
            self._set_timer()
        try:
            return await reading
        except asyncio.CancelledError:
            if self._is_late and reader.cancelling() <= cancelled_before + 1:
                raise TimeoutError from None
            raise
        finally:
            self._reader = None
            if self._is_late:
                self._is_late = False
                reader.uncancel()

    def close(self) -> None:
        """Look after nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        self.close()
        self._timer = self._loop.call_at(self._reads_until, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._reader is None:
            return
        if self._now() < self._reads_until:
            self._set_timer()
            return
        self._is_late = True
        self._reader.cancel()

    def spoke(self) -> None:
        """Note a token: from now on only silence and the whole deadline count."""
        self._begun = True

    def finished(self) -> None:
        """Note that the answer is complete and only its counts are missing."""
        self._begun = True
        self._idle_s = AFTER_THE_END_S
