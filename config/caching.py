"""A cache that may be away: this process then remembers for itself, and the page is served all the same."""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError
from typing_extensions import override

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

AWAY_SECONDS = 1.0
"""After Redis did not answer, nobody asks it again for this long: one page asks many times."""
LONGEST_LOCAL_SECONDS = 300
"""What is remembered here lives no longer, so that little of one absence is found in the next."""
MOST_LOCAL = 10_000

_away_until: dict[str, float] = {}


class ForgivingRedisCache(RedisCache):
    """Django's Redis cache; while Redis does not answer, each process has a small cache of its own.

    Limits on signing in, and the locks that they take, are then kept by each process for itself. Nothing that
    must be right everywhere may rest on it: counters that guard money ask Redis itself, and refuse.
    """

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._place = str(server)
        self._local = LocMemCache(f"instead of {server}", {"MAX_ENTRIES": MOST_LOCAL})

    @override
    def add(
        self, key: Any, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        """Store a value that is not there yet; say whether it was stored."""
        call = super().add
        return self._or_here(
            lambda: call(key, value, timeout, version),
            lambda here: here.add(key, value, _short(timeout), version),
        )

    @override
    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """Return the value, or the default."""
        call = super().get
        return self._or_here(
            lambda: call(key, default, version), lambda here: here.get(key, default, version)
        )

    @override
    def set(
        self, key: Any, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        """Store a value."""
        call = super().set
        self._or_here(
            lambda: call(key, value, timeout, version),
            lambda here: here.set(key, value, _short(timeout), version),
        )

    @override
    def touch(self, key: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Give a value a new life; say whether it was there."""
        call = super().touch
        return self._or_here(
            lambda: call(key, timeout, version), lambda here: here.touch(key, _short(timeout), version)
        )

    @override
    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Count on from a value that is there, in one step.

        Raises:
            ValueError: it is not there.
        """
        call = super().incr
        return self._or_here(lambda: call(key, delta, version), lambda here: here.incr(key, delta, version))

    @override
    def delete(self, key: Any, version: int | None = None) -> bool:
        """Forget a value; say whether it was there."""
        call = super().delete
        return self._or_here(lambda: call(key, version), lambda here: here.delete(key, version))

    @override
    def delete_many(self, keys: Iterable[Any], version: int | None = None) -> None:
        """Forget values."""
        call, listed = super().delete_many, list(keys)
        self._or_here(lambda: call(listed, version), lambda here: here.delete_many(listed, version))

    @override
    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        """Return those of the values that are there."""
        call, listed = super().get_many, list(keys)
        return self._or_here(lambda: call(listed, version), lambda here: here.get_many(listed, version))

    @override
    def has_key(self, key: Any, version: int | None = None) -> bool:
        """Say whether a value is there."""
        call = super().has_key
        return self._or_here(lambda: call(key, version), lambda here: here.has_key(key, version))

    def _or_here(self, call: Callable[[], Answer], otherwise: Callable[[LocMemCache], Answer]) -> Answer:
        """Return what Redis says, or what this process knows when Redis is away."""
        if time.monotonic() < _away_until.get(self._place, 0.0):
            return otherwise(self._local)
        try:
            return call()
        except (RedisError, OSError) as error:
            _away_until[self._place] = time.monotonic() + AWAY_SECONDS
            logger.warning("cache is away", extra={"error": type(error).__name__})
            return otherwise(self._local)


def _short(timeout: Any) -> Any:
    """Return how long something is remembered here: as asked, but not for longer than a short absence."""
    if timeout is DEFAULT_TIMEOUT or timeout is None:
        return LONGEST_LOCAL_SECONDS
    return min(timeout, LONGEST_LOCAL_SECONDS)
