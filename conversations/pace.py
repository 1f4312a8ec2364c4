"""How fast one socket may speak."""

import time
from collections.abc import Callable

PER_SECOND = 10.0
BURST = 30.0


class Pace:
    """A token bucket: `BURST` frames at once, `PER_SECOND` after that."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tokens = BURST
        self._at = clock()

    def allows(self) -> bool:
        """Whether one more frame may come now."""
        now = self._clock()
        self._tokens = min(BURST, self._tokens + (now - self._at) * PER_SECOND)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
