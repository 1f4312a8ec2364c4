"""How many turns of this process are still being prepared; while many are, answers that have begun are sent less often.

Who has begun to read loses nothing when the next words come three at a time. Who still waits sees nothing. So a process
that has more to do than it can joins more of what it reads before it sends it on. A turn that waits for its provider is
not counted: it has nothing from our hurry.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

FEW: Final = 4
"""So many may be prepared at once before anybody's words wait."""
STEP_SECONDS: Final = 0.02
"""For each one more."""
LONGEST_SECONDS: Final = 0.3


class Crowd:
    """The turns that are being prepared."""

    def __init__(self) -> None:
        self.size = 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count a turn that is prepared within."""
        self.size += 1
        try:
            yield
        finally:
            self.size -= 1

    def patience_seconds(self) -> float:
        """Return how much longer than usual words may wait for others to go out with."""
        return min(LONGEST_SECONDS, max(0, self.size - FEW) * STEP_SECONDS)


crowd: Final = Crowd()
