"""While many wait for their first words, those who read already are given theirs in larger pieces."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from typing_extensions import override

from accounts.tests.cast import Cast
from accounts.tests.waiting import eventually
from coaching.providers.ports import ChatRequest, Piece, ProviderUnavailable
from coaching.providers.scripted import Reply, ScriptedChat
from conversations import acting
from conversations.models import Conversation
from conversations.tests.doubles import embeddings, stage
from conversations.tests.test_turns import Ear, reply_of, say
from conversations.turns import crowd as house
from conversations.turns.crowd import FEW, LONGEST_SECONDS, Crowd, crowd
from conversations.turns.run import turns
from conversations.turns.stream import AT_ONCE_SECONDS, Teller, read

REQUEST = ChatRequest(purpose="answer", messages=())


@pytest.fixture
def many() -> Iterator[None]:
    """Let many others wait in this process."""
    with ExitStack() as leaving:
        for _ in range(FEW + 100):
            leaving.callback(crowd.enter().over)
        yield


class Slowly(ScriptedChat):
    """Says one word after the other, each later than at once, or all of them at once."""

    def __init__(self, *words: str, at_once: bool) -> None:
        super().__init__()
        self._words = words
        self._at_once = at_once

    @override
    async def stream(self, request: ChatRequest, *, deadline_s: float) -> AsyncGenerator[Piece, None]:
        """Say the words."""
        for word in self._words:
            if not self._at_once:
                await asyncio.sleep(2 * AT_ONCE_SECONDS)
            yield Piece(text=word)


class TestTheCrowd:
    def test_puts_nobody_off_while_few_wait(self) -> None:
        here = Crowd()
        assert here.pause_seconds() == 0
        waiting = [here.enter() for _ in range(FEW)]
        assert here.pause_seconds() == 0
        waiting.append(here.enter())
        assert here.pause_seconds() == pytest.approx(0.02)
        waiting += [here.enter() for _ in range(1_000)]
        assert here.pause_seconds() == LONGEST_SECONDS
        for each in waiting:
            each.over()
        assert (here.size, here.pause_seconds()) == (0, 0)

    def test_one_who_waits_no_longer_leaves_once(self) -> None:
        here = Crowd()
        first, _second = here.enter(), here.enter()
        first.over()
        first.over()
        assert here.size == 1


class TestReading:
    @pytest.mark.parametrize(("at_once", "put_off"), [(False, 3), (True, 0)])
    async def test_puts_off_what_comes_bit_by_bit_and_never_what_is_there_already(
        self, at_once: bool, put_off: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[int] = []

        def pause_seconds(here: Crowd) -> float:
            asked.append(here.size)
            return 0.001

        monkeypatch.setattr(Crowd, "pause_seconds", pause_seconds)
        teller = Teller(uuid4(), uuid4(), 2, ())
        await read(Slowly("One ", "two ", "three", at_once=at_once), REQUEST, teller, crowd.enter())
        teller.finish()
        assert teller.text == "One two three"
        assert asked == [0] * put_off


async def late(cast: Cast, conversation: Conversation, text: str) -> None:
    """Ask a question whose answer does not come at once."""
    reply = Reply(text, until=asyncio.Event())
    stage.chat = ScriptedChat(reply)
    await say(cast, conversation)
    await reply.reached.wait()
    await asyncio.sleep(2 * AT_ONCE_SECONDS)
    assert reply.until is not None
    reply.until.set()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("scripted")
class TestATurn:
    @pytest.mark.usefixtures("many")
    async def test_that_is_put_off_is_stopped_at_once(
        self, cast: Cast, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(house, "LONGEST_SECONDS", 600.0)
        monkeypatch.setattr(house, "STEP_SECONDS", 600.0)
        ear = Ear(conversation)
        await late(cast, conversation, "One two three")

        async def words() -> str:
            return ear.text

        await eventually(words, "the first words")
        await acting.stop(conversation_id=conversation.pk)
        await turns.finished()
        stored = await sync_to_async(reply_of)(conversation)
        assert (stored.state, stored.content.rstrip()) == ("stopped", "One")

    @pytest.mark.usefixtures("many")
    async def test_among_many_is_told_whole(self, cast: Cast, conversation: Conversation) -> None:
        ear = Ear(conversation)
        await late(cast, conversation, "One two three")
        await turns.finished()
        stored = await sync_to_async(reply_of)(conversation)
        assert (stored.state, stored.content, ear.text) == ("complete", "One two three", "One two three")

    @pytest.mark.parametrize("error", [None, ProviderUnavailable("away")])
    async def test_that_has_ended_waits_no_longer_however_it_ended(
        self, cast: Cast, conversation: Conversation, error: ProviderUnavailable | None
    ) -> None:
        reply = Reply("Yes.", error=error, until=asyncio.Event())
        stage.chat = ScriptedChat(reply)
        await say(cast, conversation)
        await reply.reached.wait()
        assert crowd.size == 1
        assert reply.until is not None
        reply.until.set()
        await turns.finished()
        assert crowd.size == 0

    async def test_that_is_stopped_before_it_spoke_waits_no_longer(
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
