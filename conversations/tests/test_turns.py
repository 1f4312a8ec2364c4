"""A turn belongs to the server: it streams, stops, gives way to a person, and is taken over after a crash."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from prometheus_client import REGISTRY

from accounts.tests.cast import Cast
from accounts.tests.waiting import eventually
from coaching.models import PromptRun
from coaching.prompts.library import PROMPTS
from coaching.providers.ports import ProviderUnavailable
from coaching.providers.scripted import Reply, ScriptedChat
from coaching.tests.factories import PersonaFactory
from conversations import acting, announcing, handoff, live
from conversations.database import in_db
from conversations.events import Delta, Event, MessageChanged
from conversations.models import Conversation, Handoff, Interaction, Message
from conversations.tests.doubles import embeddings, stage
from conversations.tests.factories import begin
from conversations.turns import keeping, recovery
from conversations.turns.accept import LEASE, accept
from conversations.turns.plan import load
from conversations.turns.run import turns

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("scripted")]


class Ear:
    """Hears the events of a conversation as a socket would."""

    def __init__(self, conversation: Conversation) -> None:
        self.events: list[Event] = []
        live.hub.join(conversation.pk, self.events.append)

    @property
    def deltas(self) -> list[Delta]:
        """The text that was streamed."""
        return [event for event in self.events if isinstance(event, Delta)]

    @property
    def text(self) -> str:
        """What a client has put together from the deltas."""
        text = ""
        for delta in self.deltas:
            assert delta.offset == len(text)
            text += delta.text
        return text


async def say(cast: Cast, conversation: Conversation, text: str = "How do we begin a meeting well?") -> Any:
    """Say something as the client and start its turn in this process."""
    from_here = await acting.accept_here(
        member=cast.home.owner, conversation_id=conversation.pk, client_id=Message().pk, text=text
    )
    _, names = await in_db(announcing.load_with_names)(conversation.pk)
    await acting.show_and_run(from_here, names)
    return from_here


def counted(name: str, **labels: str) -> float:
    """Return what a counter of this process stands at."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def reply_of(conversation: Conversation) -> Message:
    """Return the AI's last message."""
    return Message.objects.filter(conversation=conversation, sender_type="ai").latest("sequence")


class TestAnAnswer:
    async def test_is_streamed_and_committed_whole(self, cast: Cast, conversation: Conversation) -> None:
        stage.chat = ScriptedChat("Begin with a question that everybody answers.")
        ear = Ear(conversation)
        await say(cast, conversation)
        await turns.finished()
        reply = await sync_to_async(reply_of)(conversation)
        assert (reply.state, reply.content) == ("complete", "Begin with a question that everybody answers.")
        assert ear.text == reply.content
        assert isinstance(ear.events[-1], MessageChanged)
        assert ear.events[-1].state == "complete"

    async def test_may_be_a_question_back_where_the_question_says_too_little_but_not_twice(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        stage.chat = ScriptedChat(otherwise="Do you mean meetings, data, or a colleague?")
        for words in ("Er?", "Er?", "How do we begin a meeting well?"):
            await say(cast, conversation, words)
            await turns.finished()
        asked = [PROMPTS["ask_back"].text in request.messages[0].content for request in stage.chat.asked]
        assert asked == [True, False, False]
        replies = Message.objects.filter(conversation=conversation, sender_type="ai").order_by("sequence")
        assert [reply.metadata.get("asks_back", False) async for reply in replies] == asked

    async def test_is_metered(self, cast: Cast, conversation: Conversation) -> None:
        stage.chat = ScriptedChat("Yes.")
        accepted = await say(cast, conversation)
        await turns.finished()
        run = await PromptRun.objects.aget(purpose="answer")
        assert (run.provider, run.status) == ("scripted", "ok")
        assert run.subject_id == accepted.turn_id
        assert run.organization_id == cast.home.organization.pk
        assert run.user_id == cast.home.owner.pk
        assert len(run.prompt_hash) == 64

    async def test_is_counted_and_timed(self, cast: Cast, conversation: Conversation) -> None:
        before = counted("sideline_turns_total", ended="complete"), counted("sideline_turn_seconds_count")
        first_tokens = counted("sideline_turn_first_token_seconds_count")
        stage.chat = ScriptedChat("Yes.")
        await say(cast, conversation)
        await turns.finished()
        after = counted("sideline_turns_total", ended="complete"), counted("sideline_turn_seconds_count")
        assert after == (before[0] + 1, before[1] + 1)
        assert counted("sideline_turn_first_token_seconds_count") == first_tokens + 1

    async def test_that_fails_is_counted_and_times_nothing(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        before = counted("sideline_turns_total", ended="failed"), counted("sideline_turn_seconds_count")
        stage.chat = ScriptedChat(*[ProviderUnavailable() for _ in range(5)])
        await say(cast, conversation)
        await turns.finished()
        after = counted("sideline_turns_total", ended="failed"), counted("sideline_turn_seconds_count")
        assert after == (before[0] + 1, before[1])

    async def test_drops_a_marker_that_no_passage_stands_behind(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        stage.chat = ScriptedChat("Certainly [1], as everybody knows [42].")
        await say(cast, conversation)
        await turns.finished()
        reply = await sync_to_async(reply_of)(conversation)
        assert "[" not in reply.content
        assert reply.citations == []

    async def test_goes_on_when_nobody_listens(self, cast: Cast, conversation: Conversation) -> None:
        stage.chat = ScriptedChat("Nobody hears this, and still it is said.")
        await say(cast, conversation)
        await turns.finished()
        assert (await sync_to_async(reply_of)(conversation)).state == "complete"

    async def test_that_fails_keeps_what_was_said(self, cast: Cast, conversation: Conversation) -> None:
        stage.chat = ScriptedChat(Reply("It begins well", error=ProviderUnavailable("down")))
        await say(cast, conversation)
        await turns.finished()
        reply = await sync_to_async(reply_of)(conversation)
        assert (reply.state, reply.content) == ("failed", "It begins well")
        assert reply.metadata["error"] == "ProviderUnavailable"
        assert (await Interaction.objects.aget()).state == "failed"

    async def test_follows_one_that_was_still_running(self, cast: Cast, conversation: Conversation) -> None:
        first = Reply("One two three", until=asyncio.Event(), wait_after=1)
        stage.chat = ScriptedChat(first, "Second answer")
        await say(cast, conversation, "What should I ask first of all?")
        await first.reached.wait()
        await say(cast, conversation, "And what should I ask second?")
        assert first.until is not None
        first.until.set()
        await turns.finished()
        said = [m.content async for m in Message.objects.filter(sender_type="ai").order_by("sequence")]
        assert said == ["One two three", "Second answer"]

    async def test_can_be_asked_for_again_after_a_failure(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        stage.chat = ScriptedChat(Reply("", error=ProviderUnavailable("down")), otherwise="Now it works")
        stage.chat.replies *= 5
        await say(cast, conversation)
        await turns.finished()
        failed = await sync_to_async(reply_of)(conversation)
        stage.chat.replies.clear()
        accepted = await acting.retry_here(
            member=cast.home.owner, conversation_id=conversation.pk, reply_id=failed.pk
        )
        _, names = await in_db(announcing.load_with_names)(conversation.pk)
        await acting.show_and_run(accepted, names)
        await turns.finished()
        assert (await sync_to_async(reply_of)(conversation)).content == "Now it works"
        assert await Message.objects.filter(sender_type="client").acount() == 1


class TestStopping:
    async def test_ends_the_answer_and_the_provider_s_call(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        reply = Reply("One two three four", until=asyncio.Event(), wait_after=2)
        stage.chat = ScriptedChat(reply)
        ear = Ear(conversation)
        await say(cast, conversation)
        await reply.reached.wait()
        await acting.stop(conversation_id=conversation.pk)
        await turns.finished()
        stored = await sync_to_async(reply_of)(conversation)
        assert (stored.state, stored.content) == ("stopped", "One two")
        assert stage.chat.abandoned == 1
        assert ear.text in {"One", "One two"}

    async def test_ends_a_turn_whose_question_is_still_being_looked_up(
        self, cast: Cast, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun, abandoned = asyncio.Event(), asyncio.Event()

        async def embed(*_: Any, **__: Any) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                abandoned.set()

        monkeypatch.setattr(embeddings(), "embed", embed)
        await say(cast, conversation)
        await begun.wait()
        await acting.stop(conversation_id=conversation.pk)
        await turns.finished()
        stored = await sync_to_async(reply_of)(conversation)
        assert (stored.state, stored.content, stage.chat.asked) == ("stopped", "", [])
        assert abandoned.is_set()

    async def test_keeps_its_lease_while_its_question_is_looked_up(
        self, cast: Cast, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()
        embed = embeddings().embed

        async def slowly(*values: Any, **named: Any) -> Any:
            begun.set()
            await go_on.wait()
            return await embed(*values, **named)

        monkeypatch.setattr(embeddings(), "embed", slowly)
        monkeypatch.setattr(keeping, "KEEP_SECONDS", 0.01)
        await say(cast, conversation)
        await begun.wait()
        accepted = await Interaction.objects.aget()

        async def is_renewed() -> bool:
            await accepted.arefresh_from_db()
            return accepted.lease_until is not None and accepted.lease_until > accepted.accepted_at + LEASE

        await eventually(is_renewed, "a lease that is renewed")
        go_on.set()
        await turns.finished()
        assert (await sync_to_async(reply_of)(conversation)).state == "complete"


class TestATakeover:
    async def test_ends_the_answer_and_nothing_of_it_is_written_later(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        reply = Reply("One two three four", until=asyncio.Event(), wait_after=2)
        stage.chat = ScriptedChat(reply)
        await say(cast, conversation)
        await reply.reached.wait()
        await acting.take_over(coach=cast.home.coach, conversation_id=conversation.pk)
        await turns.finished()
        stored = await sync_to_async(reply_of)(conversation)
        takeover = await Message.objects.aget(metadata__kind="takeover")
        assert stored.state == "stopped"
        assert stored.sequence < takeover.sequence
        assert not await Message.objects.filter(sender_type="ai", sequence__gt=takeover.sequence).aexists()

    async def test_by_another_process_is_noticed_without_any_hint(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        reply = Reply("One two three four", until=asyncio.Event(), wait_after=2)
        stage.chat = ScriptedChat(reply)
        await say(cast, conversation)
        await reply.reached.wait()
        await in_db(handoff.take_over)(
            coach=cast.home.coach, conversation_id=conversation.pk, now=timezone.now()
        )
        await turns.finished()
        assert stage.chat.abandoned == 1
        assert (await sync_to_async(reply_of)(conversation)).state == "stopped"

    async def test_is_what_the_next_prompt_begins_with(self, cast: Cast, conversation: Conversation) -> None:
        await acting.speak(
            coach=cast.home.coach,
            conversation_id=conversation.pk,
            client_id=Message().pk,
            text="Call her first.",
        )
        await acting.hand_back(coach=cast.home.coach, conversation_id=conversation.pk)
        stage.chat = ScriptedChat("As your coach said, call her first.")
        await say(cast, conversation, "What was it that I should do first?")
        await turns.finished()
        asked = "\n".join(message.content for message in stage.chat.asked[0].messages)
        assert "Call her first." in asked


class TestLowConfidence:
    async def test_calls_the_coach_after_an_honest_answer(self, cast: Cast) -> None:
        await sync_to_async(PersonaFactory.create)(coach=cast.home.coach, low_confidence_below=0.5)
        conversation = await sync_to_async(begin)(cast.home.owner)
        stage.chat = ScriptedChat("I found nothing about that.")
        await say(cast, conversation, "What does the law say about lunch duty?")
        await turns.finished()
        episode = await Handoff.objects.aget()
        assert (episode.reason, episode.confidence) == ("low_confidence", 0.0)

    async def test_does_not_call_for_a_courtesy(self, cast: Cast) -> None:
        await sync_to_async(PersonaFactory.create)(coach=cast.home.coach, low_confidence_below=0.5)
        conversation = await sync_to_async(begin)(cast.home.owner)
        stage.chat = ScriptedChat("You are welcome.")
        await say(cast, conversation, "Thank you so much, that helps!")
        await turns.finished()
        assert not await Handoff.objects.aexists()

    async def test_does_not_call_in_a_private_conversation(self, cast: Cast) -> None:
        await sync_to_async(PersonaFactory.create)(coach=cast.home.coach, low_confidence_below=0.5)
        conversation = await sync_to_async(begin)(cast.home.owner, visibility="private")
        stage.chat = ScriptedChat("I found nothing about that.")
        await say(cast, conversation, "What does the law say about lunch duty?")
        await turns.finished()
        assert not await Handoff.objects.aexists()


class TestAfterACrash:
    async def _crash(self, cast: Cast, conversation: Conversation, said: str) -> Interaction:
        await in_db(accept)(
            member=cast.home.owner,
            conversation_id=conversation.pk,
            client_id=Message().pk,
            text="How do we begin a meeting well?",
            now=timezone.now() - timedelta(minutes=1),
            worker="a process that died",
        )
        await Message.objects.filter(sender_type="ai").aupdate(content=said)
        return await Interaction.objects.aget()

    async def test_a_turn_that_had_said_nothing_is_answered(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        turn = await self._crash(cast, conversation, "")
        stage.chat = ScriptedChat("Here I am again.")
        assert await recovery.recover(turn.pk, now=timezone.now())
        await turn.arefresh_from_db()
        assert (turn.state, turn.attempts) == ("done", 2)
        assert (await sync_to_async(reply_of)(conversation)).content == "Here I am again."

    async def test_a_turn_that_had_begun_keeps_what_it_said(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        before = counted("sideline_turns_total", ended="interrupted")
        turn = await self._crash(cast, conversation, "Begin with")
        stage.chat = ScriptedChat()
        assert await recovery.recover(turn.pk, now=timezone.now())
        reply = await sync_to_async(reply_of)(conversation)
        assert (reply.state, reply.content) == ("failed", "Begin with")
        assert reply.metadata["interrupted"] is True
        assert counted("sideline_turns_total", ended="interrupted") == before + 1
        assert stage.chat.asked == []

    async def test_a_turn_that_lives_is_left_alone(self, cast: Cast, conversation: Conversation) -> None:
        turn = await self._crash(cast, conversation, "")
        await Interaction.objects.aupdate(lease_until=timezone.now() + timedelta(seconds=5))
        assert not await recovery.recover(turn.pk, now=timezone.now())
        assert await in_db(recovery.overdue)(now=timezone.now()) == []

    async def test_a_turn_that_fails_every_process_is_given_up(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        turn = await self._crash(cast, conversation, "")
        await Interaction.objects.aupdate(attempts=3)
        assert await recovery.recover(turn.pk, now=timezone.now())
        assert (await sync_to_async(reply_of)(conversation)).state == "failed"

    async def test_the_slow_process_that_comes_back_writes_nothing(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        turn = await self._crash(cast, conversation, "")
        stage.chat = ScriptedChat("The second process answered.")
        await recovery.recover(turn.pk, now=timezone.now())
        assert await in_db(load)(turn.pk) is None
