"""A socket cut anywhere, two tabs, and sockets that may not stay: each gets exactly what it should."""

import asyncio
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.utils import timezone
from websockets.exceptions import InvalidStatus

from coaching.tests.loopback import HOST, Script
from config.tests.faults import REPLY, Chat
from config.tests.socket_client import Tab, session_of
from conversations import organizing
from conversations.models import Interaction, Message

pytestmark = pytest.mark.processes

QUESTION = "How do we begin a team meeting well?"
LONG = " ".join([REPLY] * 3)
SLOWLY = Script(reply=LONG, gap_s=0.05)


class TestASocketThatIsCut:
    async def test_anywhere_in_an_answer_gets_exactly_the_rest(self, chat: Chat) -> None:
        cuts = [1, 2, 5, 9, 17, 30, 45, 60, 90, 120, 150, len(LONG) - 1]

        async def read_with_cuts(letters: int) -> tuple[str, str]:
            conversation = await chat.conversation()
            async with chat.tab(conversation.pk) as page:
                await page.acknowledged(await page.say(QUESTION))
                await page.writing(letters)
                page.cut()
                await page.open()
                answer = await page.answer("complete")
            return answer.text, (await chat.replies(conversation.pk))[0][1]

        async with chat.model(SLOWLY):
            ended = await asyncio.gather(*(read_with_cuts(letters) for letters in cuts))
        for shown, stored in ended:
            assert stored == LONG
            # What is written while nobody is connected at its end comes rendered, not as text.
            assert LONG.startswith(shown)
        assert sum(shown == LONG for shown, _ in ended) >= len(cuts) - 2

    async def test_again_and_again_shows_every_character_once(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.model(Script(reply=LONG, gap_s=0.05)), chat.tab(conversation.pk) as page:
            await page.say(QUESTION)
            for letters in range(10, 160, 15):
                await page.writing(letters)
                page.cut()
                await page.open()
            answer = await page.answer("complete")
            assert answer.text == LONG
            assert answer.length == len(LONG)

    async def test_before_the_acknowledgement_may_send_again(self, chat: Chat) -> None:
        async with chat.model() as model:
            conversations = [await chat.conversation() for _ in range(10)]

            async def send_twice(number: int) -> Tab:
                async with chat.tab(conversations[number].pk) as page:
                    key = await page.say(QUESTION)
                    for _ in range(number):
                        await asyncio.sleep(0)
                    page.cut()
                    await page.open()
                    await page.say(QUESTION, key)
                    await page.acknowledged(key)
                    await page.answer("complete")
                return page

            pages = await asyncio.gather(*(send_twice(number) for number in range(10)))
            assert model.seen.calls == 10
        assert await Message.objects.filter(sender_type="client").acount() == 10
        assert await Interaction.objects.acount() == 10
        assert [await chat.replies(page.conversation_id) for page in pages] == [[("complete", REPLY)]] * 10

    async def test_after_the_end_shows_the_whole_answer(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.model(), chat.tab(conversation.pk) as page, chat.tab(conversation.pk) as other:
            await page.acknowledged(await page.say(QUESTION))
            page.cut()
            await other.answer("complete")
            await page.open()
            answer = await page.answer("complete")
            assert answer.length == len(REPLY)
            assert "<strong>one</strong>" in answer.html


class TestTwoTabs:
    async def test_show_the_same_text_and_one_answer_to_what_both_send(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        key = uuid4()
        async with (
            chat.model(SLOWLY) as model,
            chat.tab(conversation.pk) as first,
            chat.tab(conversation.pk) as second,
        ):
            await asyncio.gather(first.say(QUESTION, key), second.say(QUESTION, key))
            acks = [await first.acknowledged(key), await second.acknowledged(key)]
            assert sorted(ack["repeated"] for ack in acks) == [False, True]
            answers = [await first.answer("complete"), await second.answer("complete")]
            assert [answer.text for answer in answers] == [LONG, LONG]
            assert model.seen.calls == 1
        assert await Message.objects.filter(sender_type="client").acount() == 1

    async def test_stop_in_one_ends_the_answer_in_both_and_at_the_provider(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with (
            chat.model(Script(reply=LONG * 20, gap_s=0.02)) as model,
            chat.tab(conversation.pk) as first,
            chat.tab(conversation.pk) as second,
        ):
            await first.say(QUESTION)
            await second.writing(20)
            await second.send({"type": "stop"})
            stopped = [await first.answer("stopped"), await second.answer("stopped")]
            async with asyncio.timeout(10):
                await model.disconnected.wait()
            assert stopped[0].length == stopped[1].length > 0
        assert [state for state, _ in await chat.replies(conversation.pk)] == ["stopped"]

    async def test_the_same_send_fifty_times_in_parallel_is_one_message_and_one_answer(
        self, chat: Chat
    ) -> None:
        conversation = await chat.conversation()
        key = uuid4()
        async with (
            chat.model() as model,
            chat.tab(conversation.pk) as first,
            chat.tab(conversation.pk) as second,
        ):
            await asyncio.gather(*(page.say(QUESTION, key) for _ in range(25) for page in (first, second)))
            acks = [*await first.hears_many("ack", 25), *await second.hears_many("ack", 25)]
            await first.answer("complete")
            await second.answer("complete")
            assert {ack["message"] for ack in acks} == {acks[0]["message"]}
            assert sum(not ack["repeated"] for ack in acks) == 1
            assert model.seen.calls == 1
        assert await Message.objects.acount() == 2
        assert await Interaction.objects.acount() == 1


class TestASocketThatMayNotStay:
    async def test_of_an_ended_session_is_closed(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.tab(conversation.pk) as page:
            await Session.objects.filter(session_key=page.session).adelete()
            assert await page.closed() == 4401

    async def test_of_a_deactivated_account_is_closed(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.tab(conversation.pk) as page:
            chat.house.owner.is_active = False
            await chat.house.owner.asave()
            assert await page.closed() == 4401

    async def test_of_a_coach_is_closed_when_the_conversation_becomes_private(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.tab(conversation.pk) as owner, chat.tab(conversation.pk, chat.house.coach) as coach:
            await sync_to_async(organizing.set_visibility)(
                member=chat.house.owner,
                conversation_id=conversation.pk,
                visibility="private",
                now=timezone.now(),
            )
            assert await coach.closed() == 4404
            await owner.send({"type": "hello", "sequence": 0})
            await owner.hears("state", after=len(owner.heard))

    async def test_of_a_deleted_conversation_is_closed(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.tab(conversation.pk) as page:
            await sync_to_async(organizing.delete)(
                member=chat.house.owner, conversation_id=conversation.pk, now=conversation.created_at
            )
            assert await page.closed() == 4404


class TestASocketThatMayNotBegin:
    @pytest.mark.parametrize("who", ["other_coach", "admin"])
    async def test_for_somebody_else_looks_like_one_that_does_not_exist(self, chat: Chat, who: str) -> None:
        conversation = await chat.conversation()
        session = await session_of(getattr(chat.house, who))
        ends = []
        for conversation_id in (conversation.pk, uuid4()):
            page = Tab(chat.stack, conversation_id, session)
            with pytest.raises(AssertionError, match="closed with 4404"):
                await page.open()
            ends.append((await page.closed(), page.socket.close_reason, page.heard))
        assert ends[0] == ends[1] == (4404, "", [])

    async def test_for_a_coach_of_another_organization_does_not_exist(self, chat: Chat) -> None:
        stranger = chat.away.coach
        page = Tab(chat.stack, (await chat.conversation()).pk, await session_of(stranger))
        with pytest.raises(AssertionError, match="closed with 4404"):
            await page.open()

    async def test_without_a_session_asks_to_sign_in(self, chat: Chat) -> None:
        page = Tab(chat.stack, (await chat.conversation()).pk, "nobody")
        with pytest.raises(AssertionError, match="closed with 4401"):
            await page.open()

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example"])
    async def test_from_a_page_of_another_site_is_refused(self, chat: Chat, origin: str) -> None:
        page = Tab(chat.stack, (await chat.conversation()).pk, await session_of(chat.house.owner), origin)
        with pytest.raises(InvalidStatus) as refused:
            await page.open()
        assert refused.value.response.status_code == 403

    async def test_from_another_port_of_this_host_is_refused(self, chat: Chat) -> None:
        conversation, session = await chat.conversation(), await session_of(chat.house.owner)
        page = Tab(chat.stack, conversation.pk, session, f"http://{HOST}:{chat.stack.port + 1}")
        with pytest.raises(InvalidStatus) as refused:
            await page.open()
        assert refused.value.response.status_code == 403

    async def test_without_an_origin_is_refused(self, chat: Chat) -> None:
        page = Tab(chat.stack, (await chat.conversation()).pk, await session_of(chat.house.owner), None)
        with pytest.raises(InvalidStatus) as refused:
            await page.open()
        assert refused.value.response.status_code == 403
