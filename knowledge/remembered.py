"""Facts about the library that a process remembers for a little while: they change slowly, asking costs time."""

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Remembered(Generic[Key, Value]):
    """Values by key that are forgotten after `seconds`, at most `most` of them.

    Only for what may be a little out of date, as counts that weigh or choose; never for what anyone may see.
    """

    def __init__(self, *, seconds: float, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._known: dict[Key, tuple[float, Value]] = {}

    def get(self, key: Key) -> Value | None:
        """Return the value, or None when it is not known or too old."""
        found = self._known.get(key)
        if found is None or found[0] < self._clock():
            return None
        return found[1]

    def put(self, key: Key, value: Value) -> Value:
        """Remember the value and return it."""
        if len(self._known) >= self._most:
            self._known.clear()
        self._known[key] = (self._clock() + self._seconds, value)
        return value

    def forget(self) -> None:
        """Forget everything."""
        self._known.clear()
