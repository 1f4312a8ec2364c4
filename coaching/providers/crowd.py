"""How many answers of this process are still being prepared; while many are, those that have begun are read less often.

Who has begun to read loses nothing when the next words come some at a time. Who still waits sees nothing. So a process
that has more to do than it can leaves what a provider sends with the system for a moment, and reads it in one piece.
An answer that waits for its provider is not counted: it has nothing from our hurry. (One that waits to be told what its
question is about is; that is one in nine, for half a second at most.)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

FEW: Final = 4
"""So many may be prepared at once before anybody's words wait."""
STEP_SECONDS: Final = 0.02
"""For each one more."""
LONGEST_SECONDS: Final = 0.6


class Crowd:
    """The answers that are being prepared."""

    def __init__(self) -> None:
        self.size = 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count an answer that is prepared within."""
        self.size += 1
        try:
            yield
        finally:
            self.size -= 1

    def patience_seconds(self) -> float:
        """Return how long the next words of an answer may wait to be read."""
        return min(LONGEST_SECONDS, max(0, self.size - FEW) * STEP_SECONDS)


crowd: Final = Crowd()
