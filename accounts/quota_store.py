"""Where the level of every token bucket is kept: in Redis for all processes, or in this process alone.

A bucket is one number, the moment at which it will be full again; the generic cell rate algorithm reads
and moves it in one step. All buckets of one decision are looked at first and spent together or not at all.
"""

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, cast

from django.conf import settings
from redis import BlockingConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import RedisError
from redis.retry import Retry

SECOND = 1_000_000
"""All times in here are microseconds: whole numbers that a Lua number holds exactly."""

AWAY_SECONDS = 1.0
"""After Redis did not answer, nobody asks it again for this long."""

CONNECTIONS = 32
PATIENCE_SECONDS = 0.5
MOST_LOCAL = 20_000
"""Buckets that a process remembers before it lets go of the full ones."""


class StoreAway(Exception):
    """Redis does not answer; nothing is known and nothing was spent."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of `size` tokens that fills evenly in `window` seconds."""

    key: str
    size: int
    window: int


@dataclass(frozen=True, slots=True)
class Level:
    """What a bucket holds after the decision; `wait` and `full_in` are microseconds.

    `wait` is how long the tokens asked for, at least one, were away before it.
    """

    remaining: int
    full_in: int
    wait: int


class Store(Protocol):
    """Moves buckets, all or none."""

    def move(self, buckets: Sequence[Bucket], cost: int) -> list[Level]:
        """Take `cost` tokens from each bucket if all have them; look with 0, give back with less.

        Raises:
            StoreAway: the store does not answer.
        """
        ...

    def empty(self, keys: Sequence[str]) -> None:
        """Forget what was spent from these buckets.

        Raises:
            StoreAway: the store does not answer.
        """
        ...


# The server's own clock, so that processes whose clocks differ still share one bucket.
_MOVE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cost = tonumber(ARGV[1])
local full, wait, refused = {}, {}, false
for n, key in ipairs(KEYS) do
  local window = tonumber(ARGV[2 * n + 1])
  local step = window / tonumber(ARGV[2 * n])
  full[n] = math.max(tonumber(redis.call('GET', key) or now), now)
  wait[n] = math.max(0, math.ceil(full[n] + math.max(cost, 1) * step - now - window - 1))
  refused = refused or (cost > 0 and wait[n] > 0)
end
local answer = {}
for n, key in ipairs(KEYS) do
  local window = tonumber(ARGV[2 * n + 1])
  local step = window / tonumber(ARGV[2 * n])
  if cost ~= 0 and not refused then
    full[n] = math.max(full[n] + cost * step, now)
    if full[n] > now then
      redis.call('SET', key, string.format('%.0f', full[n]), 'PX', math.ceil((full[n] - now) / 1000) + 1)
    else
      redis.call('DEL', key)
    end
  end
  answer[#answer + 1] = math.max(0, math.floor((now + window - full[n] + 1) / step))
  answer[#answer + 1] = math.ceil(full[n] - now)
  answer[#answer + 1] = wait[n]
end
return answer
"""


class RedisStore:
    """Buckets that all processes share: one script call a decision."""

    def __init__(self, url: str) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=PATIENCE_SECONDS,
            socket_timeout=PATIENCE_SECONDS,
            socket_connect_timeout=PATIENCE_SECONDS,
            # A kept connection that a restarted server has dropped deserves a second one, a slow server does not.
            retry=Retry(NoBackoff(), 1, supported_errors=(Unreachable,)),
        )
        self._redis = Redis(connection_pool=pool)
        self._script = self._redis.register_script(_MOVE)
        self._away_until = 0.0

    def move(self, buckets: Sequence[Bucket], cost: int) -> list[Level]:
        """Take, look or give back, in one atomic call."""
        if time.monotonic() < self._away_until:
            raise StoreAway
        arguments: list[int] = [cost]
        for bucket in buckets:
            arguments += bucket.size, bucket.window * SECOND
        try:
            answer = cast("list[int]", self._script(keys=[bucket.key for bucket in buckets], args=arguments))
        except (RedisError, OSError) as error:
            self._away_until = time.monotonic() + AWAY_SECONDS
            raise StoreAway from error
        return [Level(*answer[at : at + 3]) for at in range(0, len(answer), 3)]

    def empty(self, keys: Sequence[str]) -> None:
        """Forget buckets, in one call."""
        try:
            self._redis.delete(*keys)
        except (RedisError, OSError) as error:
            raise StoreAway from error


class LocalStore:
    """Buckets of this process alone, by the same rule."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full: dict[str, float] = {}
        self._lock = threading.Lock()

    def move(self, buckets: Sequence[Bucket], cost: int) -> list[Level]:
        """Take, look or give back, under one lock."""
        with self._lock:
            now = self._clock() * SECOND
            full = {bucket.key: max(self._full.get(bucket.key, now), now) for bucket in buckets}
            waits = [self._wait(bucket, full[bucket.key], cost, now) for bucket in buckets]
            if cost and not (cost > 0 and any(waits)):
                self._forget_full_ones(now)
                for bucket in buckets:
                    moved = full[bucket.key] + cost * bucket.window * SECOND / bucket.size
                    self._full[bucket.key] = full[bucket.key] = max(moved, now)
            return [
                self._level(bucket, full[bucket.key], wait, now)
                for bucket, wait in zip(buckets, waits, strict=True)
            ]

    def empty(self, keys: Sequence[str]) -> None:
        """Forget buckets, under the lock."""
        with self._lock:
            for key in keys:
                self._full.pop(key, None)

    @staticmethod
    def _wait(bucket: Bucket, full: float, cost: int, now: float) -> int:
        window = bucket.window * SECOND
        return max(0, math.ceil(full + max(cost, 1) * window / bucket.size - now - window - 1))

    @staticmethod
    def _level(bucket: Bucket, full: float, wait: int, now: float) -> Level:
        window = bucket.window * SECOND
        remaining = int((now + window - full + 1) / (window / bucket.size))
        return Level(max(0, remaining), math.ceil(full - now), wait)

    def _forget_full_ones(self, now: float) -> None:
        if len(self._full) >= MOST_LOCAL:
            self._full = {key: full for key, full in self._full.items() if full > now}


@lru_cache(maxsize=4)
def _store_at(url: str) -> Store:
    return RedisStore(url) if url != "memory://" else LocalStore()


def shared() -> Store:
    """Return the store that `QUOTAS_URL` names; `memory://` is this process."""
    return _store_at(settings.QUOTAS_URL)


@lru_cache(maxsize=1)
def local() -> Store:
    """Return this process's own store, for what must not wait for Redis."""
    return LocalStore()
