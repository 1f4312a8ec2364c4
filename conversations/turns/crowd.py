"""Who still waits for the first words of an answer in this process; while many do, the others are read in larger pieces.

A reader who has begun to read loses nothing when the next words come three at a time. One who waits sees nothing.
So a process that has more to do than it can puts off what is not urgent: a stream that was read a moment ago is left
alone for a little longer, and what arrives meanwhile is read, and sent on, together.
"""

from typing import Final

FEW: Final = 4
"""So many may wait before anybody is put off."""
STEP_SECONDS: Final = 0.02
"""For each one more who waits."""
LONGEST_SECONDS: Final = 0.3


class Waiting:
    """One turn that has not begun to speak."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._crowd.size += 1
        self._waits = True

    def over(self) -> None:
        """Note that it speaks, or has ended; once is enough."""
        if self._waits:
            self._waits = False
            self._crowd.size -= 1


class Crowd:
    """The turns of this process that have not begun to speak."""

    def __init__(self) -> None:
        self.size = 0

    def enter(self) -> Waiting:
        """Wait with the others."""
        return Waiting(self)

    def pause_seconds(self) -> float:
        """Return for how long a stream that was just read is left alone."""
        return min(LONGEST_SECONDS, max(0, self.size - FEW) * STEP_SECONDS)


crowd: Final = Crowd()
