"""A client's message is committed once, in order, and opens one turn."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.access import NotVisible
from accounts.tests.cast import Cast
from coaching.tests.factories import PersonaFactory
from conversations import organizing
from conversations.models import Conversation, Handoff, Interaction, Message, Session
from conversations.tests.factories import begin, say, sequences, spoken
from conversations.turns.accept import LONGEST, Refusal, accept, clean, retry, title_of


class TestAMessage:
    def test_is_committed_with_a_place_for_its_reply(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        accepted = say(cast.home.owner, conversation, "How do I plan a first meeting?", worker="here")
        turn = Interaction.objects.get(conversation=conversation)
        assert accepted.turn_id == turn.pk
        assert turn.state == Interaction.State.RUNNING
        assert turn.attempts == 1
        assert turn.reply.sequence == 2
        assert turn.reply.state == Message.State.STREAMING
        assert spoken(conversation) == [("client", "How do I plan a first meeting?"), ("ai", "")]

    def test_names_an_untitled_conversation(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "How do I plan a first meeting?")
        conversation.refresh_from_db()
        assert conversation.title == "How do I plan a first meeting?"

    def test_sent_twice_is_one_message_and_one_turn(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        key = uuid4()
        first = say(cast.home.owner, conversation, "Once", client_id=key, worker="here")
        second = say(cast.home.owner, conversation, "Once", client_id=key, worker="here")
        assert second.repeated
        assert second.message == first.message
        assert second.turn_id is None
        assert sequences(conversation) == [1, 2]
        assert Interaction.objects.count() == 1

    def test_changed_under_the_same_key_is_refused(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        key = uuid4()
        say(cast.home.owner, conversation, "Once", client_id=key)
        with pytest.raises(Refusal) as refusal:
            say(cast.home.owner, conversation, "Twice", client_id=key)
        assert refusal.value.code == "key_reused"
        assert sequences(conversation) == [1, 2]

    def test_waits_while_another_turn_runs(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "First question of the day", worker="here")
        second = say(cast.home.owner, conversation, "Second question of the day", worker="here")
        assert second.turn_id is None
        assert second.waiting_turn_id is not None
        states = list(Interaction.objects.order_by("accepted_at").values_list("state", flat=True))
        assert states == ["running", "waiting"]

    @pytest.mark.parametrize("other", ["coach", "other_coach", "admin"])
    def test_of_somebody_else_is_refused_like_a_missing_conversation(self, cast: Cast, other: str) -> None:
        conversation = begin(cast.home.owner)
        for member in (getattr(cast.home, other), cast.away.owner):
            with pytest.raises(NotVisible):
                say(member, conversation, "Let me in")
        assert spoken(conversation) == []

    def test_in_an_archived_conversation_says_what_to_do(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        organizing.set_status(
            member=cast.home.owner, conversation_id=conversation.pk, status="archived", now=timezone.now()
        )
        with pytest.raises(Refusal, match="Bring it back"):
            say(cast.home.owner, conversation, "Hello again")
        assert spoken(conversation) == []

    def test_in_an_archived_conversation_is_not_answered_again(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        reply = say(cast.home.owner, conversation, "How do I plan a first meeting?").reply
        assert reply is not None
        Message.objects.filter(pk=reply.pk).update(state=Message.State.FAILED)
        organizing.set_status(
            member=cast.home.owner, conversation_id=conversation.pk, status="archived", now=timezone.now()
        )
        with pytest.raises(Refusal) as refusal:
            retry(
                member=cast.home.owner,
                conversation_id=conversation.pk,
                reply_id=reply.pk,
                now=timezone.now(),
            )
        assert refusal.value.code == "archived"

    def test_opens_a_session_that_closes_after_idle_minutes(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        now = timezone.now()
        for minutes in (0, 20, 51):
            accept(
                member=cast.home.owner,
                conversation_id=conversation.pk,
                client_id=uuid4(),
                text="Still here",
                now=now + timedelta(minutes=minutes),
            )
        first, second = Session.objects.order_by("started_at")
        assert first.closed_at == now + timedelta(minutes=20)
        assert second.closed_at is None
        assert second.started_at == now + timedelta(minutes=51)


class TestCleaning:
    @pytest.mark.parametrize("text", ["\u200d \u200e", "", "   \n\t ", "\x00\x07\x1b"])
    def test_refuses_what_says_nothing(self, text: str) -> None:
        with pytest.raises(Refusal) as refusal:
            clean(text)
        assert refusal.value.code == "empty"

    def test_takes_the_longest_message_and_refuses_one_character_more(self) -> None:
        assert len(clean("a" * LONGEST)) == LONGEST
        with pytest.raises(Refusal) as refusal:
            clean("a" * (LONGEST + 1))
        assert refusal.value.code == "too_long"
        assert "20,001 characters" in refusal.value.text

    def test_drops_control_characters_and_keeps_the_words(self) -> None:
        assert clean("a\x00b\x1b[31mc\r\nd") == "ab[31mc\nd"

    @pytest.mark.parametrize(
        "text", ["👩‍🏫 café", "שלום עולם", "مرحبا بالعالم", "日本語　テスト", "a\u200fb"]
    )
    def test_keeps_emoji_and_every_script(self, text: str) -> None:
        assert clean(text) == text


class TestAMessageThatNeedsAPerson:
    def test_in_a_crisis_calls_a_coach_and_keeps_the_ai_silent(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        accepted = say(cast.home.owner, conversation, "Some days I want to die.", worker="here")
        conversation.refresh_from_db()
        episode = Handoff.objects.get()
        assert accepted.called
        assert accepted.silenced
        assert accepted.turn_id is None
        assert (conversation.owner_state, conversation.epoch) == ("queued", 1)
        assert (episode.reason, episode.trigger_id) == ("crisis", accepted.message.pk)
        assert [sender for sender, _ in spoken(conversation)] == ["client", "system"]
        assert not Interaction.objects.exists()
        assert conversation.title == ""

    def test_shows_the_help_lines_of_the_organization(self, cast: Cast) -> None:
        lines = [{"name": "Line", "contact": "000", "hours": "always"}]
        cast.home.organization.help_lines = lines
        cast.home.organization.save()
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "I am thinking about suicide")
        shown = Message.objects.get(sender_type="system")
        assert shown.metadata["kind"] == "crisis"
        assert shown.metadata["help_lines"] == lines

    def test_promises_no_help_lines_where_there_are_none(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        cast.home.organization.help_lines = []
        cast.home.organization.save()
        say(cast.home.owner, conversation, "I want to kill myself")
        assert "lines" not in spoken(conversation)[-1][1]

    def test_in_a_crisis_ends_the_turn_that_is_running(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        first = say(cast.home.owner, conversation, "How do I plan a meeting?", worker="here")
        say(cast.home.owner, conversation, "I want to kill myself", worker="here")
        assert first.reply is not None
        first.reply.refresh_from_db()
        assert first.reply.state == Message.State.STOPPED
        assert Interaction.objects.get().state == Interaction.State.STOPPED

    def test_asking_for_a_person_is_answered_by_asking_one(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        accepted = say(cast.home.owner, conversation, "Can I talk to a real person please?", worker="here")
        assert accepted.turn_id is None
        assert Handoff.objects.get().reason == "client_request"
        assert not accepted.silenced

    def test_the_ai_goes_on_helping_while_a_requested_coach_is_awaited(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "Can I talk to a real person please?", worker="here")
        accepted = say(cast.home.owner, conversation, "Meanwhile: how long is a team meeting?", worker="here")
        assert accepted.turn_id is not None

    def test_the_ai_stays_silent_while_a_crisis_waits(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "I want to die", worker="here")
        accepted = say(cast.home.owner, conversation, "Are you still there?", worker="here")
        assert accepted.turn_id is None
        assert spoken(conversation)[-1] == ("client", "Are you still there?")

    def test_a_phrase_of_the_coach_calls_her(self, cast: Cast) -> None:
        PersonaFactory.create(coach=cast.home.coach, escalation_phrases=["formal warning"])
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "My head gave me a formal\nwarning today")
        assert Handoff.objects.get().reason == "escalation_rule"

    def test_a_phrase_of_the_coach_calls_her_by_its_words_and_not_by_its_letters(self, cast: Cast) -> None:
        PersonaFactory.create(coach=cast.home.coach, escalation_phrases=["formal warning"])
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "How do I begin a meeting [well]?")
        assert not Handoff.objects.exists()
        say(cast.home.owner, conversation, "Formal warning today.")
        assert Handoff.objects.get().reason == "escalation_rule"

    def test_no_phrases_call_nobody(self, cast: Cast) -> None:
        PersonaFactory.create(coach=cast.home.coach, escalation_phrases=[])
        say(cast.home.owner, begin(cast.home.owner), "What does ] mean, and [ ?")
        assert not Handoff.objects.exists()


def test_a_title_is_cut_between_words() -> None:
    assert title_of("word " * 30) == "word word word word word word word word word word word word…"


def test_a_begun_conversation_without_a_coach_is_private(cast: Cast) -> None:
    conversation = begin(cast.home.admin)
    assert conversation.coach is None
    assert conversation.visibility == Conversation.Visibility.PRIVATE
