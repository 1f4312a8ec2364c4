"""How many turns of this process are still being prepared; while many are, answers that have begun are read less often.

Who has begun to read loses nothing when the next words come three at a time. Who still waits sees nothing. So a process
that has more to do than it can puts off what is not urgent: a stream that was read a moment ago is left alone for a
little longer, and what arrives meanwhile is read, and sent on, together. A turn that waits for its provider is not
counted: it has nothing from our hurry.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

FEW: Final = 4
"""So many may be prepared at once before anybody is put off."""
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

    def pause_seconds(self) -> float:
        """Return for how long a stream that was just read is left alone."""
        return min(LONGEST_SECONDS, max(0, self.size - FEW) * STEP_SECONDS)


crowd: Final = Crowd()
