"""Turns are counted while they are prepared."""

import asyncio
from typing import Any

import pytest

from accounts.tests.cast import Cast
from coaching.providers.crowd import crowd
from coaching.providers.scripted import Reply, ScriptedChat
from conversations import acting
from conversations.models import Conversation
from conversations.tests.doubles import embeddings, stage
from conversations.tests.test_turns import say
from conversations.turns.run import turns


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("scripted")
class TestATurn:
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
        assert (set(sizes), crowd.size) == ({1}, 0)
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
