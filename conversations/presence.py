"""Who is in a conversation now, and who is typing.

An open socket is presence: the server renews it, so a browser tab in the background stays present without
any timer of its own. It is kept in Redis with an expiry and is only ever a courtesy; without Redis
nobody is shown, and nothing else changes.
"""

import logging
import time
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import orjson
from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError

from coaching.providers.per_loop import PerLoop

logger = logging.getLogger(__name__)

LASTS_SECONDS = 60
TYPING_SECONDS = 6


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody present: the socket names the place, so that two tabs of one person do not collide."""

    socket: str
    user_id: UUID
    name: str
    role: str


def _connect() -> "Redis":
    return Redis.from_url(settings.PRESENCE_URL, socket_timeout=0.5, socket_connect_timeout=0.5)


async def _close(redis: "Redis") -> None:
    await redis.aclose()


_redis: PerLoop["Redis"] = PerLoop(_connect, _close)


def _key(conversation_id: UUID) -> str:
    return f"presence:{conversation_id.hex}"


async def arrive(conversation_id: UUID, *people: Person, typing: bool = False) -> None:
    """Note that people are present for the next minute, and that they type for the next seconds."""
    await renew({conversation_id: people}, typing=typing)


async def renew(present_in: Mapping[UUID, Iterable[Person]], *, typing: bool = False) -> None:
    """Note the presence of many people in many conversations in one go."""
    now = time.time()

    async def write() -> None:
        pipe: Any = (await _redis.get()).pipeline(transaction=False)
        async with pipe:
            for conversation_id, people in present_in.items():
                rows = {person.socket: _row(person, now, typing=typing) for person in people}
                pipe.hset(_key(conversation_id), mapping=rows)
                pipe.expire(_key(conversation_id), LASTS_SECONDS * 2)
            await pipe.execute()

    await _forgiving(write())


def _row(person: Person, now: float, *, typing: bool) -> bytes:
    return orjson.dumps(
        {
            "user": person.user_id,
            "name": person.name,
            "role": person.role,
            "until": now + LASTS_SECONDS,
            "typing_until": now + TYPING_SECONDS if typing else 0,
        }
    )


async def depart(conversation_id: UUID, socket: str) -> None:
    """Note that a socket has gone."""

    async def remove() -> None:
        redis = await _redis.get()
        await redis.hdel(_key(conversation_id), socket)

    await _forgiving(remove())


async def present(conversation_id: UUID) -> list[dict[str, Any]]:
    """Return who is present, each person once: ``{"user", "name", "role", "typing"}``."""
    found: list[dict[str, Any]] = []

    async def read() -> None:
        redis = await _redis.get()
        rows = await cast("Awaitable[dict[bytes, bytes]]", redis.hgetall(_key(conversation_id)))
        found.extend(orjson.loads(row) for row in rows.values())

    await _forgiving(read())
    now = time.time()
    people: dict[str, dict[str, Any]] = {}
    for row in found:
        if row["until"] < now:
            continue
        known = people.setdefault(
            row["user"], {"user": row["user"], "name": row["name"], "role": row["role"], "typing": False}
        )
        known["typing"] = known["typing"] or row["typing_until"] > now
    return sorted(people.values(), key=lambda person: (person["role"], person["name"]))


async def forget(*user_ids: UUID) -> None:
    """Take people out of every conversation at once, instead of when their time is over."""
    gone = {str(user_id) for user_id in user_ids}

    async def remove() -> None:
        redis = await _redis.get()
        async for key in redis.scan_iter(match="presence:*"):
            rows = await cast("Awaitable[dict[bytes, bytes]]", redis.hgetall(key))
            theirs = [socket for socket, row in rows.items() if orjson.loads(row)["user"] in gone]
            if theirs:
                await redis.hdel(key, *theirs)

    await _forgiving(remove())


async def _forgiving(work: Awaitable[None]) -> None:
    try:
        await work
    except (RedisError, OSError):
        logger.warning("presence_unavailable")
