"""A provider that fails in every way: the question stays, what was shown stays, and one click asks again."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async

from accounts.models import User
from accounts.tests.cast import Cast
from coaching.models import PromptRun
from coaching.providers import registry, resilient
from coaching.tests.factories import PersonaFactory
from coaching.tests.loopback import Fault, Loopback, Script
from config.tests.canaries import everywhere
from conversations import acting, announcing, live
from conversations.database import close_threads, in_db
from conversations.events import Delta, Event, MessageChanged
from conversations.models import Conversation, Interaction, Message
from conversations.presenting import view_of
from conversations.tests.factories import begin
from conversations.turns.accept import Accepted
from conversations.turns.run import turns

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How do we begin a team meeting well?"
REPLY = "Begin with one question that everybody answers in turn."
HALF = "Begin with one question "


@dataclass
class Room:
    """A conversation in this process, over a model server that does what a test says."""

    owner: User
    conversation: Conversation
    model: Loopback
    heard: list[Event]

    async def ask(self, text: str = QUESTION) -> Message:
        """Ask, wait until the turn has ended, and return the reply."""
        accepted = await acting.accept_here(
            member=self.owner, conversation_id=self.conversation.pk, client_id=uuid4(), text=text
        )
        return await self._answered(accepted)

    async def ask_again(self, reply: Message) -> Message:
        """Press "Try again"."""
        accepted = await acting.retry_here(
            member=self.owner, conversation_id=self.conversation.pk, reply_id=reply.pk
        )
        return await self._answered(accepted)

    async def _answered(self, accepted: Accepted) -> Message:
        _, names = await in_db(announcing.load_with_names)(self.conversation.pk)
        await acting.show_and_run(accepted, names)
        await turns.finished()
        assert accepted.reply is not None
        return await Message.objects.aget(pk=accepted.reply.pk)

    @property
    def streamed(self) -> str:
        """The text that went out as deltas, put together."""
        text = ""
        for event in self.heard:
            if isinstance(event, Delta):
                assert event.offset == len(text)
                text += event.text
        return text

    async def problem(self, reply: Message) -> str:
        """Return what the page says of a reply."""
        _, names = await in_db(announcing.load_with_names)(self.conversation.pk)
        return view_of(reply, names).problem


@pytest.fixture
async def room(cast: Cast, settings: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    """Return a room with a model server of its own and no failures in its past."""
    monkeypatch.setattr(resilient, "FIRST_PAUSE_S", 0.01)
    registry.forget()
    async with Loopback(script=Script(reply=REPLY)).running() as model:
        settings.CHAT_MODEL = "coaching.tests.impatient.chat"
        settings.OPENAI_BASE_URL = model.base_url
        await sync_to_async(PersonaFactory.create)(coach=cast.home.coach, low_confidence_below=0.0)
        conversation = await sync_to_async(begin)(cast.home.owner)
        heard: list[Event] = []
        live.hub.join(conversation.pk, heard.append)
        yield Room(cast.home.owner, conversation, model, heard)
        live.hub.leave(conversation.pk, heard.append)
    registry.forget()
    close_threads()


BEFORE_A_WORD = [
    (Fault.busy, "ProviderBusy", 3),
    (Fault.failing, "ProviderUnavailable", 3),
    (Fault.refusing, "ProviderRefused", 1),
    (Fault.garbage, "ProviderGarbled", 1),
    (Fault.nothing, "ProviderTimeout", 1),
    (Fault.reset, "ProviderUnavailable", 3),
    (Fault.redirect, "ProviderRefused", 1),
]
HALF_WAY = [
    (Fault.half, "ProviderCut"),
    (Fault.short, "ProviderCut"),
    (Fault.stall, "ProviderTimeout"),
    (Fault.garbled_event, "ProviderGarbled"),
    (Fault.error_event, "ProviderUnavailable"),
    (Fault.cut_character, "ProviderCut"),
]


@pytest.mark.parametrize(("fault", "error", "calls"), BEFORE_A_WORD, ids=str)
async def test_one_that_fails_before_a_word_says_so_and_can_be_asked_again(
    room: Room, fault: Fault, error: str, calls: int
) -> None:
    room.model.always = fault
    failed = await room.ask()
    assert (failed.state, failed.content) == ("failed", "")
    assert failed.metadata["error"] == error
    assert room.model.seen.calls == calls
    assert room.streamed == ""
    assert await room.problem(failed)
    assert (await Interaction.objects.aget()).state == "failed"
    registry.forget()
    room.model.always = None
    answered = await room.ask_again(failed)
    assert (answered.state, answered.content) == ("complete", REPLY)
    assert await Message.objects.filter(sender_type="client").acount() == 1


@pytest.mark.parametrize(("fault", "error"), HALF_WAY, ids=str)
async def test_one_that_fails_half_way_keeps_exactly_what_was_shown(
    room: Room, fault: Fault, error: str
) -> None:
    room.model.always = fault
    failed = await room.ask()
    assert failed.state == "failed"
    assert failed.metadata["error"] == error
    assert failed.content == room.streamed
    assert failed.content.startswith(HALF)
    assert isinstance(room.heard[-1], MessageChanged)
    assert room.heard[-1].state == "failed"
    # An answer that was begun is never begun again by itself.
    assert room.model.seen.calls == 1
    room.model.always = None
    answered = await room.ask_again(failed)
    assert (answered.state, answered.content) == ("complete", REPLY)
    await failed.arefresh_from_db()
    assert failed.content.startswith(HALF)


async def test_one_that_is_busy_once_is_asked_again_without_a_word_about_it(room: Room) -> None:
    room.model.faults.extend([Fault.busy, Fault.reset])
    answered = await room.ask()
    assert (answered.state, answered.content) == ("complete", REPLY)
    assert room.model.seen.calls == 3
    assert await PromptRun.objects.filter(purpose="answer").acount() == 3


async def test_one_that_fails_for_long_is_left_alone_and_the_person_is_told(room: Room) -> None:
    room.model.always = Fault.failing
    for _ in range(2):
        await room.ask()
    asked = room.model.seen.calls
    failed = await room.ask()
    assert asked == 5
    assert room.model.seen.calls == asked
    assert failed.metadata["error"] == "ProviderUnavailable"
    assert await room.problem(failed)


async def test_no_words_of_a_provider_reach_the_person_or_the_database(room: Room) -> None:
    room.model.always = Fault.refusing
    failed = await room.ask()
    shown = b"".join(event.encode() for event in room.heard)
    assert b"sk-test" not in shown
    assert b"Incorrect API key" not in shown
    assert "sk-test" not in f"{failed.metadata} {failed.content}"
    assert [run async for run in PromptRun.objects.filter(status__contains="sk-test")] == []


@pytest.mark.parametrize("fault", list(Fault), ids=str)
async def test_the_key_is_in_no_row_no_event_and_no_line_however_a_call_fails(
    room: Room, fault: Fault, redis_url: str, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    room.model.always = fault
    failed = await room.ask()
    assert failed.state == "failed"
    shown = b"".join(event.encode() for event in room.heard).decode()
    assert "sk-test" not in f"{shown} {failed.metadata} {await room.problem(failed)} {caplog.text}"
    found = await in_db(everywhere)("sk-test", redis_url=redis_url, media=settings.MEDIA_ROOT)
    assert found == {}


async def test_two_sends_at_the_same_moment_fifty_times_are_asked_once(room: Room) -> None:
    key = uuid4()
    _, names = await in_db(announcing.load_with_names)(room.conversation.pk)

    async def send() -> Accepted:
        accepted = await acting.accept_here(
            member=room.owner, conversation_id=room.conversation.pk, client_id=key, text=QUESTION
        )
        await acting.show_and_run(accepted, names)
        return accepted

    ended = await asyncio.gather(*(send() for _ in range(50)))
    await turns.finished()
    assert sum(not each.repeated for each in ended) == 1
    assert await Message.objects.filter(sender_type="client").acount() == 1
    assert await Interaction.objects.acount() == 1
    assert room.model.seen.calls == 1
    assert room.streamed == REPLY
