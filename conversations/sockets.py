"""What every socket does, whatever it carries: write in order, read at a bearable pace, leave in time."""

import asyncio
import logging
import secrets
import time
from typing import Any
from uuid import UUID

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.sessions import InstanceSessionWrapper
from typing_extensions import override

from accounts import request_ids
from accounts.models import User
from conversations.events import Event
from conversations.pace import Pace
from conversations.watch import SIGNED_OUT, Watched, watch

logger = logging.getLogger(__name__)

LARGEST_FRAME = 64 * 1024 * 4
"""Bytes of a frame; the longest message of four-byte characters, escaped, must still fit in."""

TOO_LARGE, TOO_FAST = 1009, 1008
LONGEST_QUEUE = 200
"""Events that may wait for a slow browser; after that it is closed and catches up when it returns."""


class EventQueue:
    """What waits for the writer of one socket, in order.

    A process keeps thousands of them, most of them empty: this one takes a tenth of the memory of `asyncio.Queue`.
    """

    __slots__ = ("_events", "_reader")

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._reader: asyncio.Future[None] | None = None

    def put_nowait(self, event: Event) -> None:
        """Add an event.

        Raises:
            QueueFull: too many wait already.
        """
        if len(self._events) >= LONGEST_QUEUE:
            raise asyncio.QueueFull
        self._events.append(event)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> Event:
        """Wait for the first event and take it; only one task may read."""
        while not self._events:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self._events.pop(0)


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """A socket of a signed-in member."""

    member: User
    watched: Watched | None = None
    writer: asyncio.Task[None] | None = None
    told_at = 0.0

    @override
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket; whatever ends it, a cancellation too, nothing in this process remembers it."""
        sessions = getattr(send, "__self__", None)
        if isinstance(sessions, InstanceSessionWrapper):
            # It looks with each frame whether the session has changed, and no socket changes one.
            send = sessions.real_send
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.forget()

    def forget(self) -> None:
        """Let go of everything that knows this socket."""
        if self.writer is not None:
            self.writer.cancel()
        if self.watched is not None:
            watch.remove(self.watched)

    async def open(self) -> bool:
        """Accept the socket of a signed-in member; anybody else is told to sign in."""
        await self.accept()
        self.pace = Pace()
        self.outbox = EventQueue()
        user = self.scope["user"]
        if not user.is_authenticated or user.organization_id is None:
            await self.close(SIGNED_OUT)
            return False
        self.member = user
        self.socket = secrets.token_hex(8)
        self.writer = asyncio.create_task(self._write())
        return True

    @override
    async def dispatch(self, message: dict[str, Any]) -> None:
        """Hand a message to its method, under an id of its own.

        Channels would first close old connections on the one thread that all of Django's bridges share; our
        slices look after connections of their own, and a socket must not wait behind every other.
        """
        request_ids.begin()
        await getattr(self, get_handler_name(message))(message)

    def watch(self, conversation_id: UUID | None) -> None:
        """Have it looked at every few seconds whether this socket may stay open."""
        session_key = self.scope["session"].session_key
        self.told_at = time.monotonic()  # Its silence begins now.
        self.watched = Watched(self, self.member.pk, self.member.password, session_key, conversation_id)
        watch.add(self.watched)

    async def enter(self, group: str) -> None:
        """Hear a group of the layer; without the layer this process still serves its own sockets."""
        try:
            await self.channel_layer.group_add(group, self.channel_name)
        except Exception:  # noqa: BLE001 - any failure of the layer is survivable
            logger.warning("channel_layer_unavailable")

    async def leave(self, group: str) -> None:
        """Hear a group no longer."""
        try:
            await self.channel_layer.group_discard(group, self.channel_name)
        except Exception:  # noqa: BLE001 - leaving a layer that is down is no loss
            logger.warning("channel_layer_unavailable")

    def tell(self, event: Event) -> None:
        """Put an event into the queue of this socket."""
        self.told_at = time.monotonic()
        try:
            self.outbox.put_nowait(event)
        except asyncio.QueueFull:
            self._closing = asyncio.create_task(self.close(1013))

    async def _write(self) -> None:
        while True:
            event = await self.outbox.get()
            await self.send(text_data=event.encode().decode())

    async def readable(self, text_data: str | None) -> bool:
        """Whether a frame may be read; one that is too large or too many closes the socket."""
        if text_data is None or len(text_data.encode()) > LARGEST_FRAME:
            await self.close(TOO_LARGE)
            return False
        if not self.pace.allows():
            await self.close(TOO_FAST)
            return False
        return True
