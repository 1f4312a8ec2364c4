"""While many turns are being prepared, answers that have begun are sent in larger pieces."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async

from accounts.tests.cast import Cast
from coaching.providers.scripted import Reply, ScriptedChat
from conversations import acting
from conversations.models import Conversation
from conversations.tests.doubles import embeddings, stage
from conversations.tests.test_turns import Ear, reply_of, say
from conversations.turns.crowd import FEW, LONGEST_SECONDS, STEP_SECONDS, Crowd, crowd
from conversations.turns.run import turns
from conversations.turns.stream import JOIN_SECONDS, Teller


@pytest.fixture
def many() -> Iterator[None]:
    """Let many others be prepared in this process."""
    with ExitStack() as others:
        for _ in range(FEW + 100):
            others.enter_context(crowd.waiting())
        yield


def test_nobody_waits_while_it_is_small_and_nobody_for_long() -> None:
    here = Crowd()
    assert here.patience_seconds() == 0
    with ExitStack() as others:
        for _ in range(FEW):
            others.enter_context(here.waiting())
        assert here.patience_seconds() == 0
        others.enter_context(here.waiting())
        assert here.patience_seconds() == STEP_SECONDS
        for _ in range(1_000):
            others.enter_context(here.waiting())
        assert here.patience_seconds() == LONGEST_SECONDS
    assert (here.size, here.patience_seconds()) == (0, 0)


class TestTheWordsOfAnAnswer:
    async def seconds_until_sent(self) -> float:
        """Tell two pieces, the first of which goes out at once; return how long the second waits."""
        teller = Teller(uuid4(), uuid4(), 2, ())
        teller.hear("One two ")
        teller.hear("three ")
        assert (teller.told, teller.text) == ("One two", "One two three")
        timer: asyncio.TimerHandle = vars(teller)["_timer"]
        waits = timer.when() - asyncio.get_running_loop().time()
        teller.finish()
        assert teller.told == "One two three "
        return waits

    async def test_go_out_as_often_as_anybody_reads(self) -> None:
        assert await self.seconds_until_sent() <= JOIN_SECONDS

    @pytest.mark.usefixtures("many")
    async def test_wait_for_more_words_among_many(self) -> None:
        assert JOIN_SECONDS < await self.seconds_until_sent() <= JOIN_SECONDS + LONGEST_SECONDS

    @pytest.mark.usefixtures("many")
    async def test_are_not_sent_any_more_once_it_was_stopped(self) -> None:
        teller = Teller(uuid4(), uuid4(), 2, ())
        teller.hear("One two ")
        teller.hear("three ")
        timer: asyncio.TimerHandle = vars(teller)["_timer"]
        teller.fall_silent()
        assert timer.cancelled()
        assert (teller.told, teller.text) == ("One two", "One two three")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("scripted")
class TestATurn:
    @pytest.mark.usefixtures("many")
    async def test_among_many_is_told_whole(self, cast: Cast, conversation: Conversation) -> None:
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
