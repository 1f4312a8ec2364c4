"""Two web processes over one database: what is done in one holds in the other, also while Redis is away."""

import os
import signal
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager

import pytest

from accounts.models import User
from accounts.tests.waiting import eventually
from coaching.tests.loopback import Loopback, Script
from config.ports import free_port
from config.tests.faults import REPLY, Chat, press
from config.tests.socket_client import Tab, tab
from config.tests.stack import Stack
from conversations.models import Conversation, Message

pytestmark = pytest.mark.processes

QUESTION = "How do we begin a team meeting well?"
ENDLESS = Script(reply=" ".join([REPLY] * 60), gap_s=0.02)
"""An answer that somebody has to end."""


@pytest.fixture(scope="module")
def beside(faults_processes: tuple[Stack, int]) -> Iterator[Stack]:
    """Run a second web process over the database, the Redis and the model of the first."""
    first, _ = faults_processes
    second = Stack(free_port(), first.logs / "beside", first.environment)
    yield second
    second.stop()


@pytest.fixture
def there(chat: Chat, beside: Stack) -> Stack:
    """Return the second web process, ready."""
    if not beside.web.running:
        beside.web.start()
    beside.wait_until_ready("database", "migrations", "redis")
    return beside


@pytest.fixture
def redis_away(chat: Chat, there: Stack) -> Iterator[None]:
    """Kill Redis when both processes are ready, and start it again after the test."""
    os.kill(chat.redis.process_id(), signal.SIGKILL)
    chat.redis._reap()
    yield
    chat.redis.start(chat.redis.port)


def opened_there(
    chat: Chat, there: Stack, conversation: Conversation, person: User | None = None
) -> AbstractAsyncContextManager[Tab]:
    """Open a tab at the second process: the owner's, or somebody else's."""
    return tab(there, person or chat.house.owner, conversation.pk)


async def hears_the_other(chat: Chat, there: Stack, here: Tab) -> None:
    """Wait until a tab hears who comes at the second process; after Redis was away, that takes a moment."""
    alone = presences(here)

    async def is_heard() -> bool:
        async with tab(there, chat.house.owner, here.conversation_id):
            pass
        return presences(here) > alone

    await eventually(is_heard, "news of the second process", pause_s=0.5)


def presences(here: Tab) -> int:
    """Return how often a tab has heard who is present."""
    return sum(frame["type"] == "presence" for frame in here.heard)


async def nobody_asks(model: Loopback) -> None:
    """Wait until no call of the model is being answered."""

    async def is_idle() -> bool:
        return not model.seen.open

    await eventually(is_idle, "the end of every call of the model")


async def letters_after(conversation: Conversation, sequence: int) -> int:
    """Return how many AI messages stand after a sequence number, whole or being written."""
    later = Message.objects.filter(conversation=conversation, sender_type="ai", sequence__gt=sequence)
    return await later.acount()


class TestASocketOfOneProcess:
    async def test_sees_what_another_streams_while_it_is_written(self, chat: Chat, there: Stack) -> None:
        conversation = await chat.conversation()
        async with (
            chat.model(Script(reply=REPLY, gap_s=0.5)),
            chat.tab(conversation.pk) as here,
            opened_there(chat, there, conversation) as speaking,
        ):
            await hears_the_other(chat, there, here)
            await speaking.say(QUESTION)
            await here.writing(20)
            assert (await speaking.answer("complete")).text == REPLY
            shown = await here.answer("complete")
        assert "delta" in [frame["type"] for frame in here.heard]
        assert shown.text == REPLY
        assert here.shown.keys() == speaking.shown.keys()

    async def test_sees_what_was_written_before_it_came_while_the_model_says_nothing(
        self, chat: Chat, there: Stack
    ) -> None:
        conversation = await chat.conversation()
        async with (
            chat.model(Script(reply="Begin slowly.", gap_s=4.0)),
            opened_there(chat, there, conversation) as speaking,
        ):
            await speaking.say(QUESTION)
            await speaking.writing()
            async with chat.tab(conversation.pk) as here:
                assert (await here.writing()).text == "Begin"
                assert (await here.answer("complete")).text == "Begin slowly."
                assert here.gaps == 0

    async def test_sees_it_in_the_end_without_redis(self, chat: Chat, there: Stack, redis_away: None) -> None:
        conversation = await chat.conversation()
        async with chat.model(), chat.tab(conversation.pk) as here:
            async with opened_there(chat, there, conversation) as speaking:
                await speaking.say(QUESTION)
                await speaking.answer("complete")
            await here.greet()
            assert REPLY.split()[0] in (await here.answer("complete")).html

    async def test_reads_along_and_ends_what_it_began_at_the_other_before_a_cut(
        self, chat: Chat, there: Stack
    ) -> None:
        conversation = await chat.conversation()
        async with chat.model(ENDLESS) as model:
            async with opened_there(chat, there, conversation) as before:
                await before.say(QUESTION)
                had = len((await before.writing(20)).text)
            async with chat.tab(conversation.pk) as after:
                await after.writing(had + 200)
                await after.send({"type": "stop"})
                await nobody_asks(model)
                stopped = await after.answer("stopped")
        assert len(stopped.text) < len(ENDLESS.reply or "")


class TestATakeoverInOneProcess:
    async def test_silences_the_turn_in_the_other(self, chat: Chat, there: Stack) -> None:
        await self._silences(chat, there)

    async def test_silences_the_turn_in_the_other_without_redis(
        self, chat: Chat, there: Stack, redis_away: None
    ) -> None:
        await self._silences(chat, there)

    async def _silences(self, chat: Chat, there: Stack) -> None:
        conversation = await chat.conversation()
        async with chat.model(ENDLESS) as model, chat.tab(conversation.pk) as here:
            await here.say(QUESTION)
            await here.writing(20)
            async with opened_there(chat, there, conversation, chat.house.coach) as coach:
                taken = await coach.acknowledged(await coach.say("I am here."))
            await nobody_asks(model)
            await here.greet()
            stopped = await here.answer("stopped")
        assert await letters_after(conversation, stopped.sequence) == 0
        assert stopped.sequence < taken["sequence"]
        assert len(await chat.replies(conversation.pk)) == 1
        await conversation.arefresh_from_db()
        assert (conversation.owner_state, conversation.holder_id) == ("coach", chat.house.coach.pk)


class TestStopInOneProcess:
    async def test_ends_the_turn_in_the_other(self, chat: Chat, there: Stack) -> None:
        await self._ends(chat, there)

    async def test_ends_the_turn_in_the_other_without_redis(
        self, chat: Chat, there: Stack, redis_away: None
    ) -> None:
        await self._ends(chat, there)

    async def _ends(self, chat: Chat, there: Stack) -> None:
        conversation = await chat.conversation()
        async with chat.model(ENDLESS) as model, chat.tab(conversation.pk) as here:
            await here.say(QUESTION)
            await here.writing(20)
            async with opened_there(chat, there, conversation) as other:
                # Without Redis this tab sees that there is an answer, and its words only in the end.
                await other.writing(0)
                await other.send({"type": "stop"})
                await nobody_asks(model)
            stopped = await here.answer("stopped")
        assert stopped.text
        assert len(stopped.text) < len(ENDLESS.reply or "")


class TestKeepingAConversationPrivateInOneProcess:
    async def test_closes_the_coach_s_socket_in_the_other(self, chat: Chat, there: Stack) -> None:
        await self._closes(chat, there)

    async def test_closes_the_coach_s_socket_in_the_other_without_redis(
        self, chat: Chat, there: Stack, redis_away: None
    ) -> None:
        await self._closes(chat, there)

    async def _closes(self, chat: Chat, there: Stack) -> None:
        conversation = await chat.conversation()
        async with opened_there(chat, there, conversation, chat.house.coach) as coach:
            address = f"/conversations/{conversation.pk}/visibility/"
            assert await press(chat.stack, chat.house.owner, address, {"visibility": "private"}) == 302
            assert await coach.closed() == 4404
        await conversation.arefresh_from_db()
        assert conversation.visibility == "private"
