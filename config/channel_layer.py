"""The channel layer over Redis, for a house in which it carries hints only: sockets open and stay without it."""

import asyncio
import logging
from typing import Any
from uuid import uuid4

from channels_redis.pubsub import RedisPubSubChannelLayer
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 2.0
AWAY = (RedisError, OSError)


class ForgivingChannelLayer(RedisPubSubChannelLayer):  # type: ignore[misc]
    """Channels that exist while Redis is away, and that join their groups when it is back."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._joining: set[asyncio.Task[None]] = set()

    async def new_channel(self, prefix: str = "specific.") -> str:
        """Return a new channel of this process; without Redis it hears its groups later and nobody else."""
        layer = self._get_layer()
        channel = f"{layer.prefix}{prefix}{uuid4().hex}"
        try:
            await layer._subscribe_to_channel(channel)  # noqa: SLF001 -- what its own `new_channel` does
        except AWAY:
            logger.warning("channel_layer_unavailable")
        return channel

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
