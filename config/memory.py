"""How much memory this process keeps for itself, and how often Python looks through it for garbage."""

import ctypes
import gc
from collections.abc import Callable

M_ARENA_MAX = -8
"""Of `malloc.h`."""
ARENAS = 2
"""With one arena for each of a dozen threads, a web process kept a tenth more than it used."""
GARBAGE = 5_000
"""Objects that have come and not gone after which the youngest are looked through; Python's own is 700."""


def use_few_arenas() -> None:
    """Let all threads share a few arenas, where the C library is glibc; to be called before there are threads."""
    if (mallopt := _function("mallopt")) is not None:
        mallopt(M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Return what is free to the system, where the C library is glibc: loading the models leaves 40 MB of it."""
    if (malloc_trim := _function("malloc_trim")) is not None:
        malloc_trim(0)


def settle() -> None:
    """Look for garbage more rarely, and no more among what is there now: code, models and templates stay.

    Of a web process that answers 200 people Python took a tenth for that, and held up every answer for 0.2 s each time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 20)


def _function(name: str) -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), name, None)
