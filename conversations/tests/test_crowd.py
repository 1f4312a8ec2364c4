"""While many turns are being prepared, answers that have begun are given in larger pieces."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async

from accounts.tests.cast import Cast
from accounts.tests.waiting import eventually
from coaching.providers.ports import ChatRequest
from coaching.providers.scripted import Reply, ScriptedChat
from conversations import acting
from conversations.models import Conversation
from conversations.tests.doubles import embeddings, stage
from conversations.tests.test_turns import Ear, reply_of, say
from conversations.turns import crowd as house
from conversations.turns import stream
from conversations.turns.crowd import FEW, LONGEST_SECONDS, Crowd, crowd
from conversations.turns.run import turns

REQUEST = ChatRequest(purpose="answer", messages=())


@pytest.fixture
def many() -> Iterator[None]:
    """Let many others be prepared in this process."""
    with ExitStack() as others:
        for _ in range(FEW + 100):
            others.enter_context(crowd.waiting())
        yield


class TestTheCrowd:
    def test_puts_nobody_off_while_it_is_small_and_nobody_for_long(self) -> None:
        here = Crowd()
        assert here.pause_seconds() == 0
        with ExitStack() as others:
            for _ in range(FEW):
                others.enter_context(here.waiting())
            assert here.pause_seconds() == 0
            others.enter_context(here.waiting())
            assert here.pause_seconds() == pytest.approx(0.02)
            for _ in range(1_000):
                others.enter_context(here.waiting())
            assert here.pause_seconds() == LONGEST_SECONDS
        assert (here.size, here.pause_seconds()) == (0, 0)


class TestReading:
    @pytest.mark.parametrize(("threshold_s", "put_off"), [(0, 3), (60, 0)])
    async def test_puts_off_what_comes_bit_by_bit_and_never_what_is_there_already(
        self, threshold_s: float, put_off: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[int] = []

        def pause_seconds(here: Crowd) -> float:
            asked.append(here.size)
            return 0.001

        monkeypatch.setattr(Crowd, "pause_seconds", pause_seconds)
        monkeypatch.setattr(stream, "AT_ONCE_SECONDS", threshold_s)
        teller = stream.Teller(uuid4(), uuid4(), 2, ())
        await stream.read(ScriptedChat("One two three"), REQUEST, teller)
        teller.finish()
        assert teller.text == "One two three"
        assert asked == [0] * put_off


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("scripted")
class TestATurn:
    @pytest.mark.usefixtures("many")
    async def test_that_is_put_off_is_stopped_at_once(
        self, cast: Cast, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(house, "LONGEST_SECONDS", 600.0)
        monkeypatch.setattr(house, "STEP_SECONDS", 600.0)
        monkeypatch.setattr(stream, "AT_ONCE_SECONDS", 0)
        stage.chat = ScriptedChat("One two three")
        ear = Ear(conversation)
        await say(cast, conversation)

        async def words() -> str:
            return ear.text

        await eventually(words, "the first words")
        await acting.stop(conversation_id=conversation.pk)
        await turns.finished()
        stored = await sync_to_async(reply_of)(conversation)
        assert (stored.state, stored.content.rstrip()) == ("stopped", "One")

    @pytest.mark.usefixtures("many")
    async def test_among_many_is_told_whole(
        self, cast: Cast, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stream, "AT_ONCE_SECONDS", 0)
        stage.chat = ScriptedChat("One two three")
        ear = Ear(conversation)
        await say(cast, conversation)
        await turns.finished()
        stored = await sync_to_async(reply_of)(conversation)
        assert (stored.state, stored.content, ear.text) == ("complete", "One two three", "One two three")

    async def test_counts_while_it_is_prepared_and_not_while_its_provider_is_waited_for(
        self, cast: Cast, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sizes: list[int] = []
        embed = embeddings().embed

        async def counting(*values: Any, **named: Any) -> Any:
            sizes.append(crowd.size)
            return await embed(*values, **named)

        monkeypatch.setattr(embeddings(), "embed", counting)
        reply = Reply("Yes.", until=asyncio.Event())
        stage.chat = ScriptedChat(reply)
        await say(cast, conversation)
        await reply.reached.wait()
        assert (sizes, crowd.size) == ([1], 0)
        assert reply.until is not None
        reply.until.set()
        await turns.finished()
        assert crowd.size == 0

    async def test_that_is_stopped_while_it_is_prepared_counts_no_longer(
        self, cast: Cast, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun = asyncio.Event()

        async def embed(*_: object, **__: object) -> None:
            begun.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(embeddings(), "embed", embed)
        await say(cast, conversation)
        await begun.wait()
        await acting.stop(conversation_id=conversation.pk)
        await turns.finished()
        assert crowd.size == 0
