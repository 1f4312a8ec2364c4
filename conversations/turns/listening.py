"""What other processes say to a turn that runs where nobody has a socket in its conversation.

A socket hears its conversation's group, and with it the turns of its process do. A turn that was asked for over the
API, taken up by a worker, or left by its browser after a cut has none, so it listens for itself: who watches elsewhere,
who asks for what was told, and whether it must end.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from channels.layers import get_channel_layer

from coaching.providers.per_loop import PerLoop
from conversations import live
from conversations.events import Delta

logger = logging.getLogger(__name__)


class Turn(Protocol):
    """What is needed of a turn at work."""

    turn_id: UUID
    conversation_id: UUID
    reply_id: UUID | None

    def rest(self, offset: int) -> Delta | None:
        """Return what has been told from this offset on; None where nothing was."""
        ...

    def stop(self) -> None:
        """End the turn where it is."""
        ...


class _Channel:
    """A channel of the layer, made when it is needed, and the task that hears it."""

    def __init__(self) -> None:
        self._name: str | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()

    async def change(self, group: str) -> None:
        """Be in the group if a turn listens to it now, and else not."""
        layer = get_channel_layer()
        if layer is None:
            return
        try:
            async with self._changing:
                if self._name is None:
                    self._name = await layer.new_channel()
                    self._hearing = asyncio.create_task(_hear_all(layer, self._name))
                if group in ear.turns:
                    await layer.group_add(group, self._name)
                else:
                    await layer.group_discard(group, self._name)
        except Exception:  # noqa: BLE001 - any failure of the layer is survivable
            logger.warning("channel_layer_unavailable")

    async def end(self) -> None:
        """Hear nothing any more."""
        if self._hearing is not None:
            self._hearing.cancel()


class Ear:
    """The turns that listen, and the one channel of their loop, which joins the groups of their conversations.

    Joining and leaving are tasks that nobody cancels: a channel half joined would stay with the layer for ever.
    """

    def __init__(self) -> None:
        self.turns: dict[str, set[Turn]] = {}
        self._channels = PerLoop(_Channel, _Channel.end)
        self._changes: set[asyncio.Task[None]] = set()

    def open(self, turn: Turn) -> None:
        """Hear what is said to `turn` from now on."""
        group = live.group_name(turn.conversation_id)
        is_new = group not in self.turns
        self.turns.setdefault(group, set()).add(turn)
        if is_new:
            self._change(group)

    def close(self, turn: Turn) -> None:
        """Hear it no longer."""
        group = live.group_name(turn.conversation_id)
        if turn in self.turns.get(group, ()):
            self.turns[group].discard(turn)
            if not self.turns[group]:
                del self.turns[group]
                self._change(group)

    def _change(self, group: str) -> None:
        task = asyncio.create_task(self._changed(group))
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)

    async def _changed(self, group: str) -> None:
        await (await self._channels.get()).change(group)


ear = Ear()


async def _hear_all(layer: Any, channel: str) -> None:
    while True:
        message = await layer.receive(channel)
        try:
            for turn in tuple(ear.turns.get(message.get("group", ""), ())):
                await hear(turn, message)
        except Exception:
            # A message of another version, perhaps; the next one is heard all the same.
            logger.exception("turn_not_told")


async def hear(turn: Turn, message: Mapping[str, Any]) -> None:
    """Do what a message asks of a turn; where sockets are, they do."""
    if message["process"] == live.PROCESS or live.hub.somebody_listens(turn.conversation_id):
        return
    match message["type"]:
        case "live.watching":
            live.hub.watched_elsewhere(turn.conversation_id, message["process"])
            await answer(turn, message)
        case "live.stop" if str(turn.turn_id) in message["turns"]:
            turn.stop()
        case "live.changed" if message["silence"]:
            turn.stop()


async def answer(turn: Turn, asked: Mapping[str, Any]) -> None:
    """Tell the socket at another process that asks for the rest of this reply what has been told of it."""
    if str(turn.reply_id) == asked.get("message") and (rest := turn.rest(asked["have"])):
        await live.answer(asked["channel"], rest)
