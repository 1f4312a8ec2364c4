"""A circuit breaker: leave a provider alone that keeps failing, and look again now and then."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

Clock = Callable[[], float]
"""Seconds that only go forward, such as `time.monotonic`."""

CONSECUTIVE_FAILURES = 5
WINDOW = 20
REST_S = 30.0


@dataclass(slots=True)
class CircuitBreaker:
    """Opens after five failures in a row or when half of the last twenty calls failed.

    While open it lets one call through every thirty seconds; the first of these that is answered
    closes it again. A call that neither fails nor is answered (stopped by the client) changes nothing.
    """

    clock: Clock = time.monotonic
    _failures_in_a_row: int = 0
    _failed: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW))
    _next_probe_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether calls are being held back."""
        return self._next_probe_at is not None

    @property
    def rests_for_s(self) -> float:
        """Seconds until the next probe may go; zero when closed."""
        return 0.0 if self._next_probe_at is None else max(0.0, self._next_probe_at - self.clock())

    def allow(self) -> bool:
        """Say whether a call may go now; an open circuit gives out a single probe per rest."""
        if self._next_probe_at is None:
            return True
        now = self.clock()
        if now < self._next_probe_at:
            return False
        self._next_probe_at = now + REST_S
        return True

    def answering(self) -> None:
        """Note the first token of an answer: enough to close an open circuit."""
        if self.is_open:
            self._next_probe_at = None
            self._failures_in_a_row = 0
            self._failed.clear()

    def succeeded(self) -> None:
        """Note a call that was answered whole."""
        self.answering()
        self._failures_in_a_row = 0
        self._failed.append(False)

    def failed(self) -> None:
        """Note a call that failed through no fault of the request."""
        self._failures_in_a_row += 1
        self._failed.append(True)
        half_failed = len(self._failed) == WINDOW and sum(self._failed) * 2 >= WINDOW
        if self.is_open or self._failures_in_a_row >= CONSECUTIVE_FAILURES or half_failed:
            self._next_probe_at = self.clock() + REST_S


@dataclass(slots=True)
class Breakers:
    """The breakers of this process, one per provider, model and owner of the key."""

    clock: Clock = time.monotonic
    _by_key: dict[tuple[str, str, str], CircuitBreaker] = field(default_factory=dict)

    def of(self, *, provider: str, model: str, key_owner: str) -> CircuitBreaker:
        """Return the breaker that all calls with these three share."""
        return self._by_key.setdefault((provider, model, key_owner), CircuitBreaker(clock=self.clock))
