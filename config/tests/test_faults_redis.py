"""Redis emptied, killed and away: it carries hints and nudges, so conversations go on and nothing is lost."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest
from asgiref.sync import sync_to_async

from accounts.tests.waiting import eventually
from coaching.tests.loopback import Script
from config.health import HEARTBEAT_KEY
from config.tests.faults import REPLY, Chat
from config.tests.socket_client import Tab

pytestmark = pytest.mark.processes

QUESTION = "How do we begin a team meeting well?"
LONG = " ".join([REPLY] * 3)


def kill(chat: Chat) -> None:
    """End Redis as a crash would, with everything that it had not yet written down."""
    os.kill(chat.redis.process_id(), signal.SIGKILL)
    chat.redis._reap()


def empty(chat: Chat) -> None:
    """Throw everything away that Redis holds."""
    with chat.redis.client() as client:
        client.flushall()


async def beats(chat: Chat) -> None:
    """Wait until a beat has gone through Redis to a worker, and left its mark there."""
    with chat.redis.client() as client:
        await eventually(lambda: asyncio.to_thread(client.exists, HEARTBEAT_KEY), "a beat")


async def hears_of_others(chat: Chat, page: Tab) -> None:
    """Wait until a tab hears by itself of what another process does."""
    before = len(page.shown)
    async with asyncio.timeout(60):
        while len(page.shown) == before:
            assert await chat.post(page.conversation_id, QUESTION) == 302
            await chat.settled()


@pytest.fixture
def redis_back(chat: Chat) -> Iterator[None]:
    """Start Redis again, whatever a test did to it."""
    yield
    chat.redis.start(chat.redis.port)


@pytest.mark.usefixtures("redis_back")
class TestRedis:
    async def test_emptied_in_the_middle_of_an_answer_changes_nothing(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.model(Script(reply=LONG, gap_s=0.02)), chat.tab(conversation.pk) as page:
            await page.say(QUESTION)
            await page.writing(5)
            await sync_to_async(empty)(chat)
            assert (await page.answer("complete")).text == LONG

    async def test_emptied_with_a_question_in_the_queue_still_has_it_answered(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        await sync_to_async(chat.stack.worker.kill)()
        async with chat.model():
            assert await chat.post(conversation.pk, QUESTION) == 302
            await sync_to_async(empty)(chat)
            await sync_to_async(chat.stack.start_worker)()
            await chat.settled()
        assert await chat.replies(conversation.pk) == [("complete", REPLY)]

    async def test_emptied_lets_the_worker_go_on_by_itself(self, chat: Chat) -> None:
        await sync_to_async(empty)(chat)
        await beats(chat)

    async def test_killed_and_back_lets_the_worker_go_on_by_itself(self, chat: Chat) -> None:
        await sync_to_async(kill)(chat)
        await sync_to_async(chat.redis.start)(chat.redis.port)
        await sync_to_async(empty)(chat)
        await beats(chat)

    async def test_killed_in_the_middle_of_an_answer_does_not_end_it(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.model(Script(reply=LONG, gap_s=0.02)), chat.tab(conversation.pk) as page:
            await page.say(QUESTION)
            await page.writing(5)
            await sync_to_async(kill)(chat)
            assert (await page.answer("complete")).text == LONG
            await page.acknowledged(await page.say("And how do we end it well?"))
            assert (await page.answer("complete", number=1)).text == LONG

    async def test_away_lets_a_tab_open_and_chat(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        opening = chat.tab(conversation.pk)
        await sync_to_async(kill)(chat)
        async with chat.model(), opening as page:
            await page.acknowledged(await page.say(QUESTION))
            assert (await page.answer("complete")).text == REPLY
            # Back again, this tab hears of what another process does.
            await sync_to_async(chat.redis.start)(chat.redis.port)
            await hears_of_others(chat, page)

    async def test_away_takes_a_message_without_scripts_and_answers_it_later(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        await sync_to_async(kill)(chat)
        async with chat.model():
            assert await chat.post(conversation.pk, QUESTION) == 302
            await sync_to_async(chat.redis.start)(chat.redis.port)
            await chat.settled()
        assert await chat.replies(conversation.pk) == [("complete", REPLY)]

    async def test_back_again_carries_what_another_process_does(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.model(), chat.tab(conversation.pk) as page:
            await sync_to_async(kill)(chat)
            await sync_to_async(chat.redis.start)(chat.redis.port)
            await hears_of_others(chat, page)
