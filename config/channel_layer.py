"""The channel layer over Redis, for a house in which it carries hints only: sockets open and stay without it."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

from channels_redis.pubsub import RedisPubSubChannelLayer
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 2.0
AWAY = (RedisError, OSError)


class _Postbag:
    """What one shard is to publish: all that waits goes in one round trip.

    The library's own way is one message a round trip, one after the other under a lock. In a busy loop, where each
    takes 20 ms and more, a turn then waits for the hints of all the others: 28 turns a second were the most.
    """

    def __init__(self) -> None:
        self._waiting: list[_Letter] = []
        self._posting: asyncio.Task[None] | None = None

    async def publish(self, shard: Any, channel: str, message: bytes) -> None:
        """Publish `message`; what was given earlier arrives earlier.

        Raises:
            RedisError, OSError: the message and those that went with it may be lost.
        """
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Letter(channel, message, sent))
        if self._posting is None or self._posting.done():
            self._posting = asyncio.create_task(self._post(shard))
        await sent

    async def _post(self, shard: Any) -> None:
        while self._waiting:
            letters, self._waiting = self._waiting, []
            try:
                await _round_trip(shard, letters)
            except Exception as error:  # noqa: BLE001 -- whatever it is, those who wait must hear of it
                for letter in letters:
                    letter.failed(error)
            else:
                for letter in letters:
                    letter.arrived()


@dataclass(frozen=True, slots=True)
class _Letter:
    channel: str
    message: bytes
    sent: asyncio.Future[None]

    def arrived(self) -> None:
        if not self.sent.done():
            self.sent.set_result(None)

    def failed(self, error: Exception) -> None:
        if not self.sent.done():
            self.sent.set_exception(error)


async def _round_trip(shard: Any, letters: Sequence[_Letter]) -> None:
    shard._ensure_redis()  # noqa: SLF001 -- the connections are the shard's: it opens and closes them
    async with shard._redis.pipeline(transaction=False) as pipeline:  # noqa: SLF001
        for letter in letters:
            pipeline.publish(letter.channel, letter.message)
        await pipeline.execute()


class ForgivingChannelLayer(RedisPubSubChannelLayer):  # type: ignore[misc]
    """Channels that exist while Redis is away, and that join their groups when it is back."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._joining: set[asyncio.Task[None]] = set()
        self._postbags: WeakKeyDictionary[Any, _Postbag] = WeakKeyDictionary()

    async def new_channel(self, prefix: str = "specific.") -> str:
        """Return a new channel of this process; without Redis it hears its groups later and nobody else."""
        layer = self._get_layer()
        channel = f"{layer.prefix}{prefix}{uuid4().hex}"
        try:
            await layer._subscribe_to_channel(channel)  # noqa: SLF001 -- what its own `new_channel` does
        except AWAY:
            logger.warning("channel_layer_unavailable")
        return channel

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send a message to every channel of a group, in all processes."""
        layer = self._get_layer()
        channel = layer._get_group_channel_name(group)  # noqa: SLF001 -- what its own `group_send` does
        shard = layer._get_shard(channel)  # noqa: SLF001
        postbag = self._postbags.setdefault(shard, _Postbag())
        await postbag.publish(shard, channel, self.serialize(message))

    async def group_add(self, group: str, channel: str) -> None:
        """Let a channel hear a group, as soon as Redis can be reached."""
        try:
            await self._get_layer().group_add(group, channel)
        except AWAY:
            logger.warning("channel_layer_unavailable")
            task = asyncio.create_task(self._join_later(group, channel))
            self._joining.add(task)
            task.add_done_callback(self._joining.discard)

    async def _join_later(self, group: str, channel: str) -> None:
        """Try again until the channel has joined or its socket has gone."""
        layer = self._get_layer()
        while True:
            await asyncio.sleep(AGAIN_SECONDS)
            joined = layer.groups.get(layer._get_group_channel_name(group), ())  # noqa: SLF001
            if channel not in layer.channels or channel not in joined:
                return
            try:
                await layer.group_add(group, channel)
            except AWAY:
                continue
            return
