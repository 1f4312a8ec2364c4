"""Is it alive, is it ready? Two addresses for whoever watches, which tell nothing else.

`/livez` answers as long as the process can answer. `/readyz` says yes or no for each part: it is 200 while the
database answers and every migration is applied. Without Redis or a worker people still read and write and nothing is
lost, so pages are served; the AI, exports and the sweeps wait until both are back.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection, connections
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor

from config import broker

logger = logging.getLogger(__name__)

HEARTBEAT_KEY = "sideline:worker-heartbeat"
HEARTBEAT_SECONDS = 45
"""A worker that has not been heard of for this long is missing."""

REMEMBERED_SECONDS = 1.0
TIMEOUT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """Which parts answer; `worker` means that a beat went through the broker to a worker lately."""

    database: bool
    migrations: bool
    redis: bool
    worker: bool

    @property
    def ready(self) -> bool:
        """Whether requests can be served."""
        return self.database and self.migrations

    @property
    def complete(self) -> bool:
        """Whether every part is there."""
        return all(asdict(self).values())


class _Migrations:
    """Remembers that every migration was applied: that does not change while a process lives."""

    applied = False


def note_heartbeat() -> None:
    """Write down that a worker is at work."""
    with broker.reached() as redis:
        redis.set(HEARTBEAT_KEY, int(time.time()), ex=HEARTBEAT_SECONDS)


def worker_was_heard() -> bool:
    """Return whether a worker was heard of lately, for which the broker has to answer."""
    with broker.reached() as redis:
        return bool(redis.exists(HEARTBEAT_KEY))


def check() -> Readiness:
    """Ask each part, and return which of them answered."""
    database = _answers(_ask_database)
    redis, worker = _ask_redis()
    return Readiness(database, database and _answers(_ask_migrations), redis, worker)


def _answers(ask: Callable[[], bool]) -> bool:
    """Return what the question returns, or no when the database is away."""
    try:
        return ask()
    except DatabaseError as error:
        logger.warning("not ready", extra={"error": type(error).__name__, "step": ask.__name__.strip("_")})
        return False
    finally:
        connections.close_all()


def _ask_database() -> bool:
    """Run the smallest query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


def _ask_migrations() -> bool:
    """Return whether no migration waits to be applied."""
    if not _Migrations.applied:
        _Migrations.applied = not unapplied()
    return _Migrations.applied


def unapplied() -> list[Migration]:
    """Return the migrations that wait to be applied, in their order."""
    executor = MigrationExecutor(connection)
    return [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]


def _ask_redis() -> tuple[bool, bool]:
    """Return whether Redis answers, and whether a worker was heard of lately."""
    try:
        return True, worker_was_heard()
    except broker.BrokerAway as away:
        logger.warning("not ready", extra={"error": str(away), "step": "redis"})
        return False, False


class HealthProbes:
    """An ASGI application that answers the two addresses itself, and hands everything else on.

    It stands before Django, so that a process whose threads are all waiting still says that it lives.
    """

    draining = False
    """Set when the process has been told to end: it answers what it has, and wants nothing more."""

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self.application = application
        self._known: tuple[float, Readiness] | None = None
        self._asking: asyncio.Task[Readiness] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer a probe, or hand the connection on."""
        if scope["type"] != "http" or scope["path"] not in {"/livez", "/readyz"}:
            await self.application(scope, receive, send)
        elif scope["path"] == "/livez":
            await _reply(send, 200, {"alive": True})
        else:
            readiness = await self._readiness()
            ready = readiness.ready and not self.draining
            await _reply(send, 200 if ready else 503, {"ready": ready, **asdict(readiness)})

    async def _readiness(self) -> Readiness:
        """Return what was found within the last second, else ask, once for everybody who waits."""
        if self._known and time.monotonic() - self._known[0] < REMEMBERED_SECONDS:
            return self._known[1]
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(sync_to_async(check, thread_sensitive=False)())
        try:
            readiness = await asyncio.wait_for(asyncio.shield(self._asking), TIMEOUT_SECONDS)
        except TimeoutError:
            return Readiness(database=False, migrations=False, redis=False, worker=False)
        self._known = (time.monotonic(), readiness)
        return readiness


async def _reply(send: Any, status: int, body: dict[str, bool]) -> None:
    """Send a small JSON answer that nobody keeps."""
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
