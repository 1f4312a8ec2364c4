"""A cache that may be away: reads miss, writes are forgotten, and the page is served all the same."""

import logging
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError
from typing_extensions import override

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class ForgivingRedisCache(RedisCache):
    """Django's Redis cache, for which a Redis that does not answer is an empty cache.

    Nothing that must be right may rest on it: counters that guard something ask Redis itself, and refuse.
    """

    @override
    def add(
        self, key: Any, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        """Store a value that is not there yet; say whether it was stored."""
        call = super().add
        return _forgiven(lambda: call(key, value, timeout, version), False)

    @override
    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """Return the value, or the default."""
        call = super().get
        return _forgiven(lambda: call(key, default, version), default)

    @override
    def set(
        self, key: Any, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        """Store a value."""
        call = super().set
        _forgiven(lambda: call(key, value, timeout, version), None)

    @override
    def touch(self, key: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Give a value a new life; say whether it was there."""
        call = super().touch
        return _forgiven(lambda: call(key, timeout, version), False)

    @override
    def delete(self, key: Any, version: int | None = None) -> bool:
        """Forget a value; say whether it was there."""
        call = super().delete
        return _forgiven(lambda: call(key, version), False)

    @override
    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        """Return those of the values that are there."""
        call = super().get_many
        return _forgiven(lambda: call(keys, version), {})

    @override
    def has_key(self, key: Any, version: int | None = None) -> bool:
        """Say whether a value is there."""
        call = super().has_key
        return _forgiven(lambda: call(key, version), False)


def _forgiven(call: Callable[[], Answer], otherwise: Answer) -> Answer:
    """Return what the call returns, or the other answer when Redis is away."""
    try:
        return call()
    except (RedisError, OSError) as error:
        logger.warning("cache is away", extra={"error": type(error).__name__})
        return otherwise
