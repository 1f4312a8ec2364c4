"""Processes and Redis killed in the middle of a conversation: nothing acknowledged is lost, nothing is said twice."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from asgiref.sync import sync_to_async

from accounts.tests.waiting import eventually
from coaching.tests.loopback import Fault, Script
from config.tests.faults import REPLY, Chat
from conversations.models import Interaction, Message
from conversations.tests.factories import sequences

pytestmark = pytest.mark.processes

QUESTION = "How do we begin a team meeting well?"
LONG = " ".join([REPLY] * 3)


async def kept(count: int) -> None:
    """Wait until the beginnings of this many answers are in the database."""
    begun = Message.objects.filter(sender_type="ai").exclude(content="")

    async def are_there() -> bool:
        return await begun.acount() >= count

    await eventually(are_there, f"the beginnings of {count} answers")


class TestTheWebProcessIsKilled:
    async def test_in_the_middle_of_answers_and_what_was_said_stays(self, chat: Chat) -> None:
        conversations = [await chat.conversation() for _ in range(6)]
        async with chat.model(Script(reply=LONG), faults=[Fault.stall] * 6), AsyncExitStack() as open_tabs:
            keys = []
            for conversation in conversations:
                page = await open_tabs.enter_async_context(chat.tab(conversation.pk))
                keys.append((page, await page.say(QUESTION)))
            for page, key in keys:
                await page.acknowledged(key)
                await page.writing(len(LONG) // 3)
            await kept(len(conversations))
            await sync_to_async(chat.stack.web.kill)()
            for page, _ in keys:
                assert await page.closed() == 1006
            await sync_to_async(chat.stack.start_web)()
            await chat.settled()
            for page, key in keys:
                await page.open()
                await page.say(QUESTION, key)
                await page.acknowledged(key)
                answer = await page.answer("failed")
                assert "interrupted" in answer.html
                assert answer.length > 0
        for conversation in conversations:
            [(state, text)] = await chat.replies(conversation.pk)
            assert state == "failed"
            assert text
            assert LONG.startswith(text)
        assert await Message.objects.filter(sender_type="client").acount() == 6

    async def test_before_a_word_and_the_question_is_answered_by_another_process(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.model(faults=[Fault.nothing]) as model, chat.tab(conversation.pk) as page:
            await page.acknowledged(await page.say(QUESTION))
            async with asyncio.timeout(20):
                await model.arrived.wait()
            await sync_to_async(chat.stack.web.kill)()
            await page.closed()
            await chat.settled()
            await sync_to_async(chat.stack.start_web)()
            await page.open()
            assert (await page.answer("complete")).length == len(REPLY)
            assert model.seen.calls == 2
        assert await chat.replies(conversation.pk) == [("complete", REPLY)]

    async def test_while_messages_come_in_and_every_acknowledged_one_is_there_once(self, chat: Chat) -> None:
        conversations = [await chat.conversation() for _ in range(8)]
        acknowledged: list[str] = []
        told = asyncio.Event()

        async def talk(number: int) -> None:
            async with chat.tab(conversations[number].pk) as page:
                for turn in range(20):
                    try:
                        key = await page.say(f"{QUESTION} ({turn})")
                        await page.acknowledged(key)
                    except (AssertionError, OSError):
                        return
                    acknowledged.append(str(key))
                    if len(acknowledged) >= 20:
                        told.set()

        async with chat.model():
            talking = asyncio.gather(*(talk(number) for number in range(8)), return_exceptions=True)
            async with asyncio.timeout(30):
                await told.wait()
            await sync_to_async(chat.stack.web.kill)()
            await talking
            await sync_to_async(chat.stack.start_web)()
            await chat.settled()
        said = Message.objects.filter(sender_type="client").values_list("client_id", flat=True)
        committed = [str(key) async for key in said]
        assert set(acknowledged) <= set(committed)
        assert len(committed) == len(set(committed))
        for conversation in conversations:
            numbers = await sync_to_async(sequences)(conversation)
            assert numbers == list(range(1, len(numbers) + 1))
        assert await Interaction.objects.acount() == len(committed)

    async def test_politely_and_the_answer_that_runs_is_finished_first(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.model(Script(reply=LONG, gap_s=0.02)), chat.tab(conversation.pk) as page:
            await page.say(QUESTION)
            await page.writing(5)
            await sync_to_async(chat.stack.web.terminate)()
            await page.closed()
        assert await chat.replies(conversation.pk) == [("complete", LONG)]


class TestTheWorkerIsKilled:
    async def test_in_the_middle_of_an_answer_and_what_was_said_stays(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with (
            chat.model(Script(reply=LONG), faults=[Fault.stall]) as model,
            chat.tab(conversation.pk) as page,
        ):
            assert await chat.post(conversation.pk, QUESTION) == 302
            await kept(1)
            await sync_to_async(chat.stack.worker.kill)()
            await sync_to_async(chat.stack.start_worker)()
            await chat.settled()
            await page.greet()
            assert "interrupted" in (await page.answer("failed")).html
            assert model.seen.calls == 1
        [(state, text)] = await chat.replies(conversation.pk)
        assert state == "failed"
        assert LONG.startswith(text)

    async def test_before_a_word_and_the_question_is_answered_by_the_next(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.model(faults=[Fault.nothing]) as model:
            assert await chat.post(conversation.pk, QUESTION) == 302
            async with asyncio.timeout(30):
                await model.arrived.wait()
            await sync_to_async(chat.stack.worker.kill)()
            await sync_to_async(chat.stack.start_worker)()
            await chat.settled()
            assert model.seen.calls == 2
        assert await chat.replies(conversation.pk) == [("complete", REPLY)]
        assert (await Interaction.objects.aget()).attempts == 2

    async def test_and_chats_over_sockets_do_not_notice(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        await sync_to_async(chat.stack.worker.kill)()
        async with chat.model(), chat.tab(conversation.pk) as page:
            await page.say(QUESTION)
            assert (await page.answer("complete")).text == REPLY
