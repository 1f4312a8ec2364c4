"""A turn whose process has no socket in its conversation hears other processes, and leaves nothing behind."""

import asyncio
from uuid import UUID, uuid4

import pytest
from channels.layers import get_channel_layer

from accounts.tests.waiting import eventually
from conversations import live
from conversations.events import Delta
from conversations.turns.listening import Ear


class Working:
    """A turn as the ear knows it."""

    def __init__(self) -> None:
        self.turn_id: UUID = uuid4()
        self.conversation_id: UUID = uuid4()
        self.reply_id: UUID | None = uuid4()
        self.stopped = False

    def rest(self, offset: int) -> Delta | None:
        """Return what was told after `offset`."""
        assert self.reply_id is not None
        return Delta(self.reply_id, 2, offset, "Begin slowly."[offset:])

    def stop(self) -> None:
        """Note that it was stopped."""
        self.stopped = True


@pytest.fixture
def turn() -> Working:
    return Working()


async def say(turn: Working, kind: str, **values: object) -> None:
    """Say something to the conversation's group, as another process does."""
    group = live.group_name(turn.conversation_id)
    message = {"type": kind, "process": "another", "group": group, **values}
    await get_channel_layer().group_send(group, message)


async def test_it_is_stopped_by_name_or_by_a_takeover(turn: Working, monkeypatch: pytest.MonkeyPatch) -> None:
    ear = listening(turn, monkeypatch)
    await joined(turn)
    await say(turn, "live.stop", turns=[str(uuid4())])
    await say(turn, "live.changed", silence=False, sequence=1, with_state=False)
    channel = await get_channel_layer().new_channel()
    await say(turn, "live.watching", message=str(turn.reply_id), have=6, channel=channel)
    async with asyncio.timeout(10):
        assert (await get_channel_layer().receive(channel))["text"] == "slowly."
    assert not turn.stopped
    assert live.hub.needs_layer(turn.conversation_id)
    await say(turn, "live.stop", turns=[str(turn.turn_id)])

    async def is_stopped() -> bool:
        return turn.stopped

    await eventually(is_stopped, "the stop")
    ear.close(turn)


async def test_it_leaves_its_group_also_where_it_ends_before_it_has_joined(
    turn: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    ear = listening(turn, monkeypatch)
    ear.close(turn)
    ear.open(turn)
    await joined(turn)
    ear.close(turn)

    async def is_left() -> bool:
        return not members(turn)

    await eventually(is_left, "the end of listening")
    assert ear.turns == {}


def listening(turn: Working, monkeypatch: pytest.MonkeyPatch) -> Ear:
    """Return an ear to which the turn listens."""
    ear = Ear()
    monkeypatch.setattr("conversations.turns.listening.ear", ear)
    ear.open(turn)
    return ear


def members(turn: Working) -> object:
    """Return the channels in the group of the turn's conversation."""
    return get_channel_layer().groups.get(live.group_name(turn.conversation_id))


async def joined(turn: Working) -> None:
    """Wait until somebody is in the group of the turn's conversation."""

    async def is_joined() -> bool:
        return bool(members(turn))

    await eventually(is_joined, "somebody in the group")
