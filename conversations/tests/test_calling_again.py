"""Words that call a person are never lost and never met with silence: not in an archive, not the second time."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.tests.api_caller import Api
from accounts.tests.cast import Cast
from conversations import access, acting, handoff, live, organizing
from conversations.announcing import load_with_names
from conversations.database import in_db
from conversations.events import Event, MessageChanged
from conversations.models import Conversation, Handoff, Interaction, Message
from conversations.tests.factories import begin, say, sequences, spoken
from conversations.turns.accept import Refusal
from conversations.turns.student_gate import StudentDataFound

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now
PERSON = "Can I please talk to a real person?"
LINES = [{"name": "Line", "contact": "555 0100", "hours": "always"}]


def archived(member: User) -> Conversation:
    """Return a conversation that the member has archived."""
    conversation = begin(member)
    organizing.set_status(member=member, conversation_id=conversation.pk, status="archived", now=NOW())
    return conversation


def ask(member: User, conversation: Conversation, minutes_ago: int = 0) -> None:
    """Ask for a coach with the button."""
    then = NOW() - timedelta(minutes=minutes_ago)
    assert handoff.ask_for_coach(member=member, conversation_id=conversation.pk, now=then)


def said(conversation: Conversation) -> Message:
    """Return the last message."""
    return Message.objects.filter(conversation=conversation).latest("sequence")


@pytest.fixture
def as_owner(client: Client, owner: User) -> Client:
    """Return a browser in which Ada is signed in."""
    client.force_login(owner)
    return client


class TestAnArchivedConversation:
    def test_comes_back_with_help_lines_in_a_crisis(self, cast: Cast) -> None:
        cast.home.organization.help_lines = LINES
        cast.home.organization.save()
        conversation = archived(cast.home.owner)
        assert say(cast.home.owner, conversation, "I want to kill myself").called
        conversation.refresh_from_db()
        assert (conversation.status, conversation.archived_at) == ("active", None)
        assert said(conversation).metadata["help_lines"] == LINES
        assert [each.reason for each in access.queue_for(cast.home.coach)] == ["crisis"]

    def test_comes_back_for_words_that_ask_for_a_person(self, cast: Cast) -> None:
        conversation = archived(cast.home.owner)
        assert say(cast.home.owner, conversation, PERSON).called
        conversation.refresh_from_db()
        assert (conversation.status, conversation.owner_state) == ("active", "queued")

    def test_comes_back_for_the_button(self, cast: Cast) -> None:
        conversation = archived(cast.home.owner)
        ask(cast.home.owner, conversation)
        conversation.refresh_from_db()
        assert conversation.status == "active"

    def test_comes_back_for_a_coach_who_joins_it(self, cast: Cast) -> None:
        conversation = archived(cast.home.owner)
        handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=NOW())
        conversation.refresh_from_db()
        assert conversation.status == "active"

    def test_refuses_what_calls_nobody_before_it_asks_about_students(self, cast: Cast) -> None:
        conversation = archived(cast.home.owner)
        with pytest.raises(Refusal) as refusal:
            say(cast.home.owner, conversation, "My student Maria Gonzalez failed algebra.")
        assert refusal.value.code == "archived"

    def test_stays_where_it_is_while_its_owner_decides_about_a_student(self, cast: Cast) -> None:
        conversation = archived(cast.home.owner)
        with pytest.raises(StudentDataFound):
            say(cast.home.owner, conversation, f"My student Maria Gonzalez failed algebra. {PERSON}")
        conversation.refresh_from_db()
        assert (conversation.status, spoken(conversation)) == ("archived", [])


class TestArchiving:
    def test_waits_for_the_person_who_was_called_in_a_crisis(self, as_owner: Client, owner: User) -> None:
        conversation = begin(owner)
        say(owner, conversation, "I want to kill myself")
        refused = as_owner.post(
            f"/conversations/{conversation.pk}/status/", {"status": "archived"}, follow=True
        )
        assert refused.redirect_chain == [(f"/conversations/{conversation.pk}/", 302)]
        assert "Your coach has been asked to look after you. You can archive" in refused.content.decode()
        conversation.refresh_from_db()
        assert (conversation.status, conversation.archived_at) == ("active", None)

    def test_waits_for_the_answer_to_a_request_or_its_end(self, as_owner: Client, owner: User) -> None:
        conversation = begin(owner)
        ask(owner, conversation)
        address = f"/conversations/{conversation.pk}/status/"
        refused = as_owner.post(address, {"status": "archived"}, follow=True)
        assert "You wait for a coach here. Cancel that first" in refused.content.decode()
        handoff.cancel_request(member=owner, conversation_id=conversation.pk, now=NOW())
        as_owner.post(address, {"status": "archived"})
        conversation.refresh_from_db()
        assert conversation.status == "archived"

    def test_waits_for_a_coach_who_is_there_over_the_api_too(self, ada: Api, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=NOW())
        changes = {"status": "archived", "title": "Done"}
        refused = ada("PATCH", f"conversations/{conversation.pk}", changes)
        assert refused.error is not None
        assert (refused.status, refused.error["details"]) == (409, {"reason": "coach_asked"})
        conversation.refresh_from_db()
        assert (conversation.status, conversation.title) == ("active", "")


class TestAskingForSomebodyWhoWasAsked:
    def test_says_since_when_and_until_when(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        ask(cast.home.owner, conversation, minutes_ago=4)
        accepted = say(cast.home.owner, conversation, PERSON, worker="here")
        assert accepted.notice == said(conversation)
        assert said(conversation).content == (
            "Your coach was asked 4 min ago and promises to answer within 30 minutes. "
            "You can go on writing here meanwhile."
        )
        assert said(conversation).metadata["requested_at"] == Handoff.objects.get().requested_at.isoformat()
        assert not Interaction.objects.exists()
        assert (Handoff.objects.get().state, accepted.called) == ("queued", False)

    def test_sent_twice_is_answered_once(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        ask(cast.home.owner, conversation)
        key = uuid4()
        for _ in range(2):
            say(cast.home.owner, conversation, PERSON, client_id=key)
        assert sequences(conversation) == [1, 2, 3]

    @pytest.mark.parametrize(
        ("escalated", "words"),
        [
            (False, "and has not come yet. Your request stays open."),
            (True, "and has not come yet. Every coach of your organization knows that somebody waits."),
        ],
    )
    def test_is_honest_about_a_promise_that_was_not_kept(
        self, cast: Cast, escalated: bool, words: str
    ) -> None:
        conversation = begin(cast.home.owner)
        ask(cast.home.owner, conversation, minutes_ago=45)
        Handoff.objects.update(escalated_at=NOW() if escalated else None)
        say(cast.home.owner, conversation, PERSON)
        assert said(conversation).content.startswith(f"Your coach was asked 45 min ago {words}")

    def test_in_a_crisis_shows_the_help_lines_again(self, cast: Cast) -> None:
        cast.home.organization.help_lines = LINES
        cast.home.organization.save()
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "I want to die")
        say(cast.home.owner, conversation, "I still want to die")
        assert (said(conversation).metadata["kind"], said(conversation).metadata["help_lines"]) == (
            "crisis",
            LINES,
        )
        assert "these lines answer at once" in said(conversation).content

    def test_leaves_the_word_to_a_coach_who_is_here(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        ask(cast.home.owner, conversation)
        handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=NOW())
        assert say(cast.home.owner, conversation, PERSON).notice is None
        assert spoken(conversation)[-1] == ("client", PERSON)

    @pytest.mark.usefixtures("scripted")
    async def test_is_shown_to_open_pages_at_once(self, cast: Cast) -> None:
        conversation = await in_db(begin)(cast.home.owner)
        await in_db(ask)(cast.home.owner, conversation)
        heard: list[Event] = []
        live.hub.join(conversation.pk, heard.append)
        accepted = await acting.accept_here(
            member=cast.home.owner, conversation_id=conversation.pk, client_id=uuid4(), text=PERSON
        )
        _, names = await in_db(load_with_names)(conversation.pk)
        await acting.show_and_run(accepted, names)
        live.hub.leave(conversation.pk, heard.append)
        shown = [(event.sequence, event.sender_type) for event in heard if isinstance(event, MessageChanged)]
        assert shown == [(2, "client"), (3, "system")]
