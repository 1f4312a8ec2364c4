"""Short database work from asynchronous code, on a few threads of its own.

Channels' own bridge runs everything on one thread of the process; a slow query would hold up every
socket. A slice is a function that may be repeated: it is run once more on a fresh connection when the
database had gone away, and when a migration has changed what it reads, because every slice here is idempotent by
its keys and conditional updates.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import InterfaceError, NotSupportedError, OperationalError, connections, reset_queries

from accounts.request_ids import request_id

AWAY = (OperationalError, InterfaceError)
"""What Django raises when the database does not answer."""

P = ParamSpec("P")
T = TypeVar("T")

_threads = ThreadPoolExecutor(max_workers=settings.DATABASE_THREADS, thread_name_prefix="database")


def _slice(cause: str, work: Callable[[], T]) -> T:
    request_id.set(cause)
    reset_queries()
    try:
        return work()
    except AWAY:
        if not _drop_dead_connections():
            raise
        return work()
    except NotSupportedError:
        # A plan that was kept from before a migration; it is forgotten now (`accounts.prepared`).
        return work()


def _drop_dead_connections() -> bool:
    """Close connections that no longer work; say whether there was one."""
    dead = [
        each for each in connections.all(initialized_only=True) if each.connection and not each.is_usable()
    ]
    for connection in dead:
        connection.close()
    return bool(dead)


def in_db(work: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Return `work` as a coroutine function that runs on a database thread."""

    @wraps(work)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_threads, _slice, request_id.get(), partial(work, *args, **kwargs))

    return run


def close_threads() -> None:
    """Close the connections of every database thread; the next slice opens new ones."""
    for _ in range(settings.DATABASE_THREADS):
        _threads.submit(connections.close_all)
