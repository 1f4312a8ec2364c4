"""How often somebody may open a share link that does not exist.

A token has 256 random bits: nobody finds one by guessing, and what guards a link is that. The limit keeps an
address that tries from costing more than a look into the cache; without Redis each process counts for itself.
"""

from datetime import datetime

from django.core.cache import cache

A_MINUTE = 20
"""Wrong links within a minute, after which an address waits for the next."""


def are_spent(address: str, *, now: datetime) -> bool:
    """Whether this address has tried so often that it has to wait."""
    return int(cache.get(_key(address, now), 0)) >= A_MINUTE


def note(address: str, *, now: datetime) -> bool:
    """Count one more wrong link from this address; say whether it was one too many.

    Counting decides, in one step: of many guesses at the same moment no more are answered than of many in a row.
    """
    key = _key(address, now)
    cache.add(key, 0, timeout=120)
    try:
        return cache.incr(key) > A_MINUTE
    except ValueError:
        # The cache has forgotten the key meanwhile: the guard is the token, not the count.
        return False


def seconds_left(*, now: datetime) -> int:
    """Return after how many seconds an address may try again."""
    return 60 - now.second


def _key(address: str, now: datetime) -> str:
    return f"wrong-share-links:{address}:{int(now.timestamp()) // 60}"
