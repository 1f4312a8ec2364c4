"""Messages and frames that are strange, too long, too many or malformed: a clear answer, and others go on."""

import asyncio
import json
from uuid import uuid4

import pytest

from config.tests.faults import REPLY, Chat
from conversations.models import Interaction, Message
from conversations.turns.accept import LONGEST

pytestmark = pytest.mark.processes

QUESTION = "How do we begin a team meeting well?"
BOMBS = {
    "nested quotes": ">" * 10_000 + " deep",
    "nested brackets": "[" * 10_000 + "a" + "](" * 4_900,
    "emphasis": "*_" * 9_000 + "a" + "_*" * 900,
    "nested lists": "\n".join(" " * (2 * depth) + "- a" for depth in range(120)),
    "links": "[a](<" * 3_900,
    "backticks": "".join("`" * length + " " for length in range(1, 190)).strip(),
    "table": "|a" * 5_000 + "\n" + "|-" * 4_900,
    "images and scripts": '![x](https://evil.example/?d=1)<img src=x onerror="alert(1)"><script>alert(2)</script>'
    * 200,
    "entities": "&amp;#x3c;" * 2_000,
}
STRANGE = {
    "the longest": "a" * LONGEST,
    "the longest of emoji": "😀" * LONGEST,
    "a family": "👩‍👩‍👧‍👦 and 👩🏽‍🏫",
    "right to left": "\u200fשלום, איך מתחילים ישיבה?\u200e مرحبا",  # noqa: RUF001 -- Hebrew
    "isolates": "\u2066abc\u2069 \u2067def\u2069",
    "combining marks": "Z" + "\u0301\u0322" * 500,
    "an astral plane": "𝔗𝔢𝔞𝔪 𠀀",
    "a template": "{{ 7*7 }} {% debug %} ${7*7} %s %(x)s",
    "a query": "'; DROP TABLE conversations_message; --",
    "markers": "[1] [2][999] 【1】",
}


class TestAMessage:
    @pytest.mark.parametrize("name", STRANGE)
    async def test_that_is_strange_is_kept_to_the_letter_and_answered(self, chat: Chat, name: str) -> None:
        await self._is_taken(chat, STRANGE[name])

    @pytest.mark.parametrize("name", BOMBS)
    async def test_that_is_a_bomb_of_markup_is_only_text(self, chat: Chat, name: str) -> None:
        shown = await self._is_taken(chat, BOMBS[name])
        assert "<script" not in shown
        assert "<img" not in shown

    async def _is_taken(self, chat: Chat, text: str) -> str:
        conversation = await chat.conversation()
        async with chat.model(), chat.tab(conversation.pk) as page:
            key = await page.say(text)
            acknowledged = await page.acknowledged(key)
            shown = await page.hears("message", lambda frame: frame["message"] == acknowledged["message"])
            assert shown["length"] == len(text)
            assert (await page.answer("complete")).text == REPLY
        message = await Message.objects.aget(pk=acknowledged["message"])
        assert message.content == text
        return str(shown["html"])

    @pytest.mark.parametrize(
        "bomb", ["nested quotes", "nested brackets", "emphasis", "table", "images and scripts"]
    )
    async def test_of_the_model_that_is_a_bomb_is_shown_harmless(self, chat: Chat, bomb: str) -> None:
        conversation = await chat.conversation()
        async with chat.model() as model, chat.tab(conversation.pk) as page:
            model.replies.append(BOMBS[bomb])
            await page.say(QUESTION)
            answer = await page.answer("complete")
            assert "<script" not in answer.html
            assert "<img" not in answer.html
            # The process is not held up by it: the next question is answered.
            await page.say("And how do we end it well, then?")
            assert (await page.answer("complete", number=1)).text == REPLY

    @pytest.mark.parametrize("text", ["", "   \n\t ", "\x00\x07\x1b\x9f", "\u200b\ufeff"])
    async def test_without_a_word_is_refused_and_changes_nothing(self, chat: Chat, text: str) -> None:
        conversation = await chat.conversation()
        async with chat.tab(conversation.pk) as page:
            key = await page.say(text)
            refused = await page.refused()
        assert (refused["code"], refused["client_id"]) == ("empty", str(key))
        assert refused["text"] == "Write something first."
        assert not await Message.objects.aexists()

    async def test_with_control_characters_keeps_the_words(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.model(), chat.tab(conversation.pk) as page:
            acknowledged = await page.acknowledged(
                await page.say("How\x00 do\x1b[31m we\x7f\r\nbegin\u2028?")
            )
            await page.answer("complete")
        message = await Message.objects.aget(pk=acknowledged["message"])
        assert message.content == "How do[31m we\nbegin?"

    async def test_one_character_too_long_is_refused_with_both_numbers(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.tab(conversation.pk) as page:
            key = await page.say("a" * (LONGEST + 1))
            refused = await page.refused()
        assert (refused["code"], refused["client_id"]) == ("too_long", str(key))
        assert "20,001" in refused["text"]
        assert "20,000" in refused["text"]
        assert not await Message.objects.aexists()

    async def test_with_half_a_character_keeps_the_rest(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        key = uuid4()
        frame = json.dumps({"type": "say", "client_id": str(key), "text": "How do we begin \ud83d?"})
        async with chat.model(), chat.tab(conversation.pk) as page:
            await page.send(frame)
            acknowledged = await page.acknowledged(key)
            await page.answer("complete")
        assert (await Message.objects.aget(pk=acknowledged["message"])).content == "How do we begin ?"

    async def test_as_large_as_escaping_can_make_it_is_taken(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        key = uuid4()
        frame = json.dumps({"type": "say", "client_id": str(key), "text": "😀" * LONGEST}, ensure_ascii=True)
        assert len(frame) > 240_000
        async with chat.model(), chat.tab(conversation.pk) as page:
            await page.send(frame)
            await page.acknowledged(key)
            await page.answer("complete")


MALFORMED = [
    "",
    "nonsense",
    "[]",
    "17",
    "null",
    '"hello"',
    "{}",
    '{"type": null}',
    '{"type": "takeover"}',
    '{"type": "say"}',
    '{"type": "say", "client_id": "7", "text": "Hello"}',
    '{"type": "say", "client_id": "01a1f911-dea9-769e-a844-7845e7809691", "text": 7}',
    '{"type": "say", "client_id": "01a1f911-dea9-769e-a844-7845e7809691", "text": ["Hello"]}',
    '{"type": "hello", "sequence": "1"}',
    '{"type": "hello", "sequence": -1}',
    '{"type": "hello", "sequence": 1e400}',
    '{"type": "hello", "sequence": 99999999999999999999}',
    '{"type": "hello", "sequence": 1, "offset": true}',
    '{"type": "hello", "sequence": 1, "message": {"a": 1}}',
    '{"type": "retry"}',
    '{"type": "retry", "message": "nobody"}',
    "[" * 100_000,
    '{"type":' * 20_000,
]


class TestAFrame:
    async def test_that_is_malformed_is_refused_and_the_socket_goes_on(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        for first in range(0, len(MALFORMED), 12):
            async with chat.model(), chat.tab(conversation.pk) as page:
                for frame in MALFORMED[first : first + 12]:
                    await page.send(frame)
                    assert (await page.refused())["code"] == "malformed", frame[:80]
                await page.say(QUESTION)
                await page.answer("complete", number=first // 12)
        assert await Message.objects.filter(sender_type="client").acount() == 2

    async def test_that_asks_beyond_the_end_is_harmless(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.tab(conversation.pk) as page:
            for hello in ({"sequence": 2**31 - 1}, {"sequence": 0, "message": str(uuid4()), "offset": 2**30}):
                heard = len(page.heard)
                await page.send({"type": "hello", **hello})
                await page.hears("state", after=heard)

    async def test_that_stops_or_retries_nothing_changes_nothing(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.model(), chat.tab(conversation.pk) as page:
            await page.send({"type": "stop"})
            await page.say(QUESTION)
            answer = await page.answer("complete")
            await page.send({"type": "stop"})
            await page.send(
                {"type": "retry", "message": next(k for k, v in page.shown.items() if v is answer)}
            )
            assert (await page.refused())["code"] == "not_retryable"
        assert await chat.replies(conversation.pk) == [("complete", REPLY)]

    async def test_that_retries_an_answer_of_another_conversation_is_refused_like_one_that_is_missing(
        self, chat: Chat
    ) -> None:
        conversation, other = await chat.conversation(), await chat.conversation()
        async with chat.model(), chat.tab(other.pk) as page:
            await page.say(QUESTION)
            await page.answer("complete")
            theirs = next(key for key, one in page.shown.items() if one.sender == "ai")
        async with chat.tab(conversation.pk) as page:
            await page.send({"type": "retry", "message": theirs})
            refused = await page.refused()
            assert refused["code"] == "not_retryable"
            await page.send({"type": "retry", "message": str(uuid4())})
            assert await page.refused() == refused
            await page.greet()
        assert await Interaction.objects.acount() == 1

    async def test_of_300_kilobytes_closes_the_socket(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.tab(conversation.pk) as page:
            await page.say("a" * 300_000)
            assert await page.closed() == 1009
        assert not await Message.objects.aexists()

    async def test_of_bytes_closes_the_socket(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.tab(conversation.pk) as page:
            await page.socket.send(b"\x00\xff")
            assert await page.closed() == 1009

    async def test_a_hundred_at_once_closes_the_socket_and_no_other(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.model(), chat.tab(conversation.pk) as page, chat.tab(conversation.pk) as hasty:
            keys = [uuid4() for _ in range(100)]
            flood = asyncio.gather(
                *(hasty.say(f"{number} {QUESTION}", key) for number, key in enumerate(keys)),
                return_exceptions=True,
            )
            assert await hasty.closed() == 1008
            await flood
            taken = [frame["client_id"] for frame in hasty.heard if frame["type"] == "ack"]
            key = await page.say(QUESTION)
            await page.acknowledged(key)
            await page.until(
                lambda: None if any(one.state == "streaming" for one in page.shown.values()) else True,
                "every answer",
            )
        kept = Message.objects.filter(sender_type="client")
        assert {str(one.client_id) async for one in kept} >= {*taken, str(key)}
        assert await kept.acount() < 100
        assert await Interaction.objects.exclude(state="done").acount() == 0
