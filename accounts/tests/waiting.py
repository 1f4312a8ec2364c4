"""Waiting for another process: the one place in which tests let time pass.

What a test does itself returns, or announces its end. Of what another process does no more is known than can be
seen, so it is looked at again and again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

PATIENCE_S = 60.0
"""Longer than anything takes on a busy machine: it ends a test that has failed already, and decides none."""
PAUSE_S = 0.05

T = TypeVar("T")


def until(seen: Callable[[], T | None], what: str, *, patience_s: float = PATIENCE_S) -> T:
    """Return what is seen, once it is something."""
    end = time.monotonic() + patience_s
    while not (found := seen()):
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(PAUSE_S)
    return found


async def eventually(
    seen: Callable[[], Awaitable[T | None]],
    what: str,
    *,
    patience_s: float = PATIENCE_S,
    pause_s: float = PAUSE_S,
) -> T:
    """Return what is seen from a coroutine, once it is something."""
    end = time.monotonic() + patience_s
    while not (found := await seen()):
        assert time.monotonic() < end, f"never came: {what}"
        await asyncio.sleep(pause_s)
    return found


def dawdle(seconds: float) -> None:
    """Be late, where being late is what a test is about: a racer's start, a reader who takes long."""
    time.sleep(seconds)


async def hold_back(seconds: float) -> None:
    """Be late as `dawdle` is, while others go on: a model that takes its time."""
    await asyncio.sleep(seconds)
