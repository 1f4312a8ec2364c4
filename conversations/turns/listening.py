"""What other processes say to a turn that runs where nobody has a socket in its conversation.

A socket hears its conversation's group, and with it the turns of its process do. A turn that was asked for over the
API, taken up by a worker, or left by its browser after a cut has none, so it listens for itself: who watches elsewhere,
who asks for what was told, and whether it must end.
"""

import logging
from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from channels.layers import get_channel_layer

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


async def listen(turn: Turn) -> None:
    """Hear what is said to `turn`, until this is cancelled; without the layer nothing is heard."""
    layer = get_channel_layer()
    if layer is None:
        return
    group = live.group_name(turn.conversation_id)
    try:
        channel = await layer.new_channel()
        await layer.group_add(group, channel)
        try:
            while True:
                await hear(turn, await layer.receive(channel))
        finally:
            await layer.group_discard(group, channel)
    except Exception:  # noqa: BLE001 - any failure of the layer is survivable
        logger.warning("channel_layer_unavailable")


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
