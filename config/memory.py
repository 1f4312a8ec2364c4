"""How much memory the C library of this process keeps for itself; nothing where that is not glibc's."""

import ctypes
from collections.abc import Callable

M_ARENA_MAX = -8
"""Of `malloc.h`."""
ARENAS = 2
"""With one arena for each of a dozen threads, a web process kept a tenth more than it used."""


def use_few_arenas() -> None:
    """Let all threads share a few arenas; to be called before there are threads."""
    if (mallopt := _function("mallopt")) is not None:
        mallopt(M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Return what is free to the system: loading the models leaves 40 MB of it."""
    if (malloc_trim := _function("malloc_trim")) is not None:
        malloc_trim(0)


def _function(name: str) -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), name, None)
