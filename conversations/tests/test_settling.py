"""A turn whose settling was not heard of, and is done again; or does not succeed at once."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from accounts.tests.cast import Cast
from accounts.tests.waiting import eventually
from coaching.models import PromptRun
from coaching.providers.scripted import Reply, ScriptedChat
from coaching.tests.factories import PersonaFactory
from conversations import presenting, rendering
from conversations.events import MessageChanged, StateChanged
from conversations.models import Conversation, Handoff, Interaction, Message
from conversations.tests.doubles import stage
from conversations.tests.factories import begin
from conversations.tests.test_turns import Ear, say
from conversations.turns import keeping, run, settle
from conversations.turns.accept import LEASE
from conversations.turns.run import turns

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("scripted")]


class Unheard:
    """A thinking process that does all it is asked, and ends each time before it has answered."""

    async def call(self, work: Any, *arguments: Any) -> tuple[Any, bool]:
        """Do it there, then here."""
        await work(*arguments)
        return await work(*arguments), False


@pytest.fixture(autouse=True)
def _unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "apart", Unheard())


async def test_the_turn_that_waited_is_run_at_once(cast: Cast, conversation: Conversation) -> None:
    first = Reply("One two three", until=asyncio.Event(), wait_after=1)
    stage.chat = ScriptedChat(first, "Second answer", "Third answer")
    await say(cast, conversation, "What should I ask first of all?")
    await first.reached.wait()
    await say(cast, conversation, "And what should I ask second?")
    await say(cast, conversation, "And what should I ask third?")
    assert first.until is not None
    first.until.set()
    await turns.finished()
    said = [(m.content, m.state) async for m in Message.objects.filter(sender_type="ai").order_by("sequence")]
    assert said == [
        ("One two three", "complete"),
        ("Second answer", "complete"),
        ("Third answer", "complete"),
    ]
    assert [turn.attempts async for turn in Interaction.objects.all()] == [1, 1, 1]
    assert await PromptRun.objects.filter(purpose="answer").acount() == 3


async def test_a_reply_that_cannot_be_shown_keeps_no_other_waiting(
    cast: Cast, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def render(text: str, *values: Any, **named: Any) -> Any:
        if text == "One two":
            raise RecursionError
        return rendering.render(text, *values, **named)

    monkeypatch.setattr(presenting, "render", render)
    first = Reply("One two", until=asyncio.Event(), wait_after=1)
    stage.chat = ScriptedChat(first, "Second answer")
    ear = Ear(conversation)
    await say(cast, conversation, "What should I ask first of all?")
    await first.reached.wait()
    await say(cast, conversation, "And what should I ask second?")
    assert first.until is not None
    first.until.set()
    await turns.finished()
    said = [(m.content, m.state) async for m in Message.objects.filter(sender_type="ai").order_by("sequence")]
    assert said == [("One two", "complete"), ("Second answer", "complete")]
    shown = [event for event in ear.events if isinstance(event, MessageChanged) and event.state == "complete"]
    assert "Second answer" in shown[-1].html


async def test_the_lease_and_all_of_the_text_are_kept_until_it_succeeds(
    cast: Cast, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = asyncio.Event()

    async def settle_later(*values: Any) -> settle.Settled:
        if not back.is_set():
            raise OperationalError("the database is away")
        return await settle.settle(*values)

    monkeypatch.setattr(run, "settle", settle_later)
    monkeypatch.setattr(run, "SETTLE_PAUSES", [0.01] * 10_000)
    monkeypatch.setattr(keeping, "KEEP_SECONDS", 0.01)
    stage.chat = ScriptedChat("Begin with one question.")
    await say(cast, conversation)
    turn = await Interaction.objects.aget()

    async def is_kept() -> bool:
        await turn.arefresh_from_db()
        kept = await Message.objects.aget(sender_type="ai")
        renewed = turn.lease_until is not None and turn.lease_until > turn.accepted_at + LEASE
        return renewed and (kept.state, kept.content) == ("streaming", "Begin with one question.")

    await eventually(is_kept, "a text that is kept whole")
    back.set()
    await turns.finished()
    assert (await Message.objects.aget(sender_type="ai")).state == "complete"


async def test_that_a_coach_was_called_is_told(cast: Cast) -> None:
    await sync_to_async(PersonaFactory.create)(coach=cast.home.coach, low_confidence_below=0.5)
    conversation = await sync_to_async(begin)(cast.home.owner)
    stage.chat = ScriptedChat("I found nothing about that.")
    ear = Ear(conversation)
    await say(cast, conversation, "What does the law say about lunch duty?")
    await turns.finished()
    states = [event.owner_state for event in ear.events if isinstance(event, StateChanged)]
    assert states == ["queued"]
    assert await Handoff.objects.acount() == 1


async def test_a_turn_that_is_at_work_is_not_begun_twice(cast: Cast, conversation: Conversation) -> None:
    reply = Reply("One two", until=asyncio.Event(), wait_after=1)
    stage.chat = ScriptedChat(reply)
    accepted = await say(cast, conversation)
    turns.start(accepted.turn_id, conversation.pk)
    await reply.reached.wait()
    turns.start(accepted.turn_id, conversation.pk)
    assert reply.until is not None
    reply.until.set()
    await turns.finished()
    assert len(stage.chat.asked) == 1
    assert (await Message.objects.aget(sender_type="ai")).content == "One two"
