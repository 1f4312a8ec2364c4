"""Who is listening in this process, and the way to those who listen in another.

Text that is being written goes straight to the sockets of this process; sending each piece through the
channel layer would cost more than the turn itself. Other processes get a hint that something changed,
and pieces only while one of them has said that somebody there is watching.
"""

import logging
import os
import secrets
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer

from conversations.events import Delta, Event

logger = logging.getLogger(__name__)

PROCESS = f"{os.getpid()}-{secrets.token_hex(4)}"
"""Names this process among those that share the channel layer."""

WATCHED_SECONDS = 90.0
"""So long another process is taken to watch since it last said so: longer than an answer takes."""
MOST_WATCHED = 1_000
"""With more conversations than this, those that nobody watches any more are forgotten."""

Listener = Callable[[Event], None]


class Hub:
    """The sockets of this process by conversation, and the watchers known in other processes."""

    def __init__(self) -> None:
        self._listeners: dict[UUID, set[Listener]] = defaultdict(set)
        self._watched_elsewhere: dict[UUID, dict[str, float]] = {}
        self._most_watched = MOST_WATCHED

    def join(self, conversation_id: UUID, listener: Listener) -> None:
        """Send the events of a conversation to `listener` from now on."""
        self._listeners[conversation_id].add(listener)

    def leave(self, conversation_id: UUID, listener: Listener) -> None:
        """Stop sending."""
        self._listeners[conversation_id].discard(listener)
        if not self._listeners[conversation_id]:
            del self._listeners[conversation_id]

    def somebody_listens(self, conversation_id: UUID) -> bool:
        """Whether a socket of this process watches the conversation."""
        return conversation_id in self._listeners

    def send(self, conversation_id: UUID, event: Event) -> None:
        """Give an event to every socket of this process that watches the conversation."""
        for listener in tuple(self._listeners.get(conversation_id, ())):
            listener(event)

    def watched_elsewhere(self, conversation_id: UUID, process: str) -> bool:
        """Note that another process watches; say whether that is news."""
        now = time.monotonic()
        if len(self._watched_elsewhere) > self._most_watched:
            self._watched_elsewhere = {
                watched: processes
                for watched, processes in self._watched_elsewhere.items()
                if max(processes.values()) > now
            }
            self._most_watched = max(MOST_WATCHED, 2 * len(self._watched_elsewhere))
        processes = self._watched_elsewhere.setdefault(conversation_id, {})
        news = processes.get(process, now) <= now
        processes[process] = now + WATCHED_SECONDS
        return news

    def needs_layer(self, conversation_id: UUID) -> bool:
        """Whether pieces of text must go through the channel layer as well."""
        until = self._watched_elsewhere.get(conversation_id, {}).values()
        return any(each > time.monotonic() for each in until)


hub = Hub()


def group_name(conversation_id: UUID) -> str:
    """Return the channel-layer group of a conversation."""
    return f"conversation.{conversation_id.hex}"


async def hint(group: str, kind: str, **values: Any) -> None:
    """Tell other processes; a layer that is down is noted and forgiven, since it is only a hint."""
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        await layer.group_send(group, {"type": kind, "process": PROCESS, "group": group, **values})
    except Exception:  # noqa: BLE001 - any failure of the layer is survivable
        logger.warning("channel_layer_unavailable")


async def hint_delta(conversation_id: UUID, delta: Delta) -> None:
    """Send a piece of text to the processes that said somebody watches there."""
    await hint(group_name(conversation_id), DELTA, **_piece(delta))


async def answer(channel: str, delta: Delta) -> None:
    """Send a piece of text to the one socket at another process that asked for it."""
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        await layer.send(channel, {"type": DELTA, "process": PROCESS, **_piece(delta)})
    except Exception:  # noqa: BLE001 - any failure of the layer is survivable
        logger.warning("channel_layer_unavailable")


DELTA = "live.delta"


def _piece(delta: Delta) -> dict[str, Any]:
    return {
        "message": str(delta.message),
        "sequence": delta.sequence,
        "offset": delta.offset,
        "text": delta.text,
    }


async def ask_for_rest(conversation_id: UUID, *, message: UUID, have: int, channel: str) -> None:
    """Ask whichever process writes a reply for its text from this offset on; `channel` gets it.

    It is said with the word that somebody watches: a process of the version before hears that and no more.
    """
    await hint(group_name(conversation_id), "live.watching", message=str(message), have=have, channel=channel)


async def changed(
    conversation_id: UUID, *, sequence: int, with_state: bool = False, silence: bool = False
) -> None:
    """Tell the other processes to look at the messages from `sequence` on again, or to stop the AI too."""
    await hint(
        group_name(conversation_id),
        "live.changed",
        sequence=sequence,
        with_state=with_state,
        silence=silence,
    )


def queue_group(organization_id: UUID) -> str:
    """Return the group of an organization's open queues; each socket looks up anew what its coach may see."""
    return f"queue.{organization_id.hex}"


async def queue_changed(organization_id: UUID) -> None:
    """Tell every open queue of an organization, in all processes, to look again."""
    await hint(queue_group(organization_id), "queue.changed")
