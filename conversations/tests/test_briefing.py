"""The brief says why, quotes what may be read, and nothing else."""

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from accounts.access import NotVisible
from accounts.models import AuditEvent
from accounts.tests.cast import Cast
from coaching.models import PromptRun
from coaching.providers.ports import ProviderRefused
from coaching.providers.scripted import ScriptedChat
from coaching.tests.factories import PersonaFactory
from conversations import access, drafting, handoff
from conversations.briefing import LONGEST_QUOTE, Brief, brief, trace_in_words
from conversations.episodes import open_episode
from conversations.models import Conversation, Handoff, Message
from conversations.tests.doubles import stage
from conversations.tests.factories import begin, say


def brief_of(cast: Cast, conversation: Conversation) -> Brief:
    """Return the brief as the owner's coach gets it."""
    standing = access.readable_conversation(cast.home.coach, conversation.pk)
    said = list(access.readable_messages(standing))
    return brief(conversation, open_episode(conversation), said, words_hidden=standing.visible_from > 0)


def answered(cast: Cast, question: str, answer: str) -> Conversation:
    """Return a shared conversation with one question and the AI's whole answer."""
    conversation = begin(cast.home.owner)
    say(cast.home.owner, conversation, question)
    Message.objects.filter(sender_type="ai").update(content=answer, state="complete")
    return conversation


@pytest.mark.django_db
class TestABrief:
    def test_of_a_conversation_nobody_asked_in_quotes_both_sides(self, cast: Cast) -> None:
        conversation = answered(cast, "How do we  begin?", "With one question.")
        found = brief_of(cast, conversation)
        assert (found.reason, found.why, found.confidence) == ("Nobody has asked for a person", (), None)
        assert found.client
        assert found.ai
        assert (found.client.text, found.ai.text) == ("How do we begin?", "With one question.")
        assert found.ai_stands == "answered"

    def test_quotes_the_message_that_called_a_person_and_not_a_later_one(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        called = say(cast.home.owner, conversation, "I will hand in my notice tomorrow")
        say(cast.home.owner, conversation, "Are you there?")
        found = brief_of(cast, conversation)
        assert found.client
        assert (found.client.message_id, found.urgency_words) == (called.message.pk, "Urgent")
        assert found.why == ("Ada Moss may be about to make a decision with large consequences.",)

    def test_quotes_the_words_of_an_answer_and_not_its_markers(self, cast: Cast) -> None:
        found = brief_of(
            cast, answered(cast, "What is [1]?", "Yes. [1]\n\n1. **Keep** it: twice. [2][3]\n\n> Wait.")
        )
        assert found.client
        assert found.ai
        assert (found.client.text, found.ai.text) == ("What is [1]?", "Yes. Keep it: twice. Wait.")

    def test_cuts_a_long_quote_between_words(self, cast: Cast) -> None:
        found = brief_of(cast, answered(cast, "word " * 100, "Yes."))
        assert found.client
        assert found.client.text == ("word " * 36).strip() + "…"
        assert len(found.client.text) <= LONGEST_QUOTE

    def test_tells_the_confidence_that_called(self, cast: Cast) -> None:
        conversation = answered(cast, "How do we begin?", "I am not sure.")
        handoff.ask_for_coach(member=cast.home.owner, conversation_id=conversation.pk, now=timezone.now())
        Handoff.objects.update(confidence=0.234)
        assert brief_of(cast, conversation).confidence == 23

    def test_of_a_private_conversation_says_that_somebody_needs_a_person_and_no_more(
        self, cast: Cast
    ) -> None:
        conversation = begin(cast.home.owner, visibility=Conversation.Visibility.PRIVATE)
        say(cast.home.owner, conversation, "I want to kill myself")
        found = brief_of(cast, conversation)
        assert (found.reason, found.urgency_words) == ("Crisis", "At once")
        assert (found.why, found.confidence, found.client, found.ai) == ((), None, None, None)

    def test_says_each_rule_once_and_names_one_it_does_not_know(self, cast: Cast) -> None:
        trace = [
            {"reason": "client_request", "rule": "pressed the button"},
            {"reason": "client_request", "rule": "asks for a person"},
            {"reason": "client_request", "rule": "pressed the button"},
            {"reason": "crisis", "rule": "self-harm"},
            {"reason": "negative_sentiment", "rule": "a new rule"},
        ]
        assert trace_in_words(Handoff(rule_trace=trace), "Ada {Moss}") == (
            "Ada {Moss} pressed “Ask for a coach”.",
            "Ada {Moss} asked in words for a person.",
            "Words of Ada {Moss} may point to this: self-harm.",
            "A rule applied: a new rule.",
        )


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("scripted")
class TestADraft:
    def drafted(self, cast: Cast, conversation: Conversation) -> drafting.Draft:
        """Return the draft for the owner's coach."""
        return async_to_sync(drafting.draft)(coach=cast.home.coach, conversation_id=conversation.pk)

    def test_is_written_in_the_coach_s_name_from_what_was_said_without_marks(self, cast: Cast) -> None:
        PersonaFactory.create(coach=cast.home.coach, instructions="Ask one question at a time.")
        conversation = answered(cast, "How do we begin?", "With one question [1].")
        stage.chat = ScriptedChat("That sounds hard [1]. What have you tried [7]?")
        assert self.drafted(cast, conversation) == drafting.Draft(
            "That sounds hard. What have you tried?", ()
        )
        system, material = stage.chat.asked[0].messages
        assert "Ben Hart" in system.content
        assert "Ask one question at a time." in system.content
        assert "Client: How do we begin?" in material.content
        assert "AI: With one question (1)." in material.content

    def test_is_metered_for_the_coach(self, cast: Cast) -> None:
        conversation = answered(cast, "How do we begin?", "With one question.")
        stage.chat = ScriptedChat("Tell me more.")
        self.drafted(cast, conversation)
        run = PromptRun.objects.get(purpose="draft")
        assert (run.user_id, run.subject_id, run.status) == (cast.home.coach.pk, conversation.pk, "ok")
        assert run.prompt == "draft"

    def test_is_a_visit_on_the_record(self, cast: Cast) -> None:
        conversation = answered(cast, "How do we begin?", "With one question.")
        stage.chat = ScriptedChat("Tell me more.")
        self.drafted(cast, conversation)
        event = AuditEvent.objects.get(action="conversation.read")
        assert (event.actor_id, event.reason) == (cast.home.coach.pk, "draft")

    def test_that_no_provider_writes_is_a_sentence_and_still_metered(self, cast: Cast) -> None:
        conversation = answered(cast, "How do we begin?", "With one question.")
        stage.chat = ScriptedChat(ProviderRefused("key"))
        with pytest.raises(drafting.NoDraft, match="Your own words are enough"):
            self.drafted(cast, conversation)
        assert PromptRun.objects.get(purpose="draft").status == "error"

    def test_is_not_asked_for_where_nothing_may_be_read(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner, visibility=Conversation.Visibility.PRIVATE)
        say(cast.home.owner, conversation, "I want to kill myself")
        stage.chat = ScriptedChat("Never said.")
        with pytest.raises(drafting.NoDraft, match="nothing to answer yet that you can read"):
            self.drafted(cast, conversation)
        assert stage.chat.asked == []
        assert not AuditEvent.objects.filter(action="conversation.read").exists()

    @pytest.mark.parametrize("who", ["owner", "other_coach", "admin"])
    def test_for_somebody_else_finds_nothing(self, cast: Cast, who: str) -> None:
        conversation = answered(cast, "How do we begin?", "With one question.")
        stage.chat = ScriptedChat("Never said.")
        for member in (getattr(cast.home, who), cast.away.coach):
            with pytest.raises(NotVisible):
                async_to_sync(drafting.draft)(coach=member, conversation_id=conversation.pk)
        assert stage.chat.asked == []
