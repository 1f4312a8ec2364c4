"""What a coach looks at over the API: the queue, the brief of a conversation, the AI's draft."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import AuditEvent, SavedReply, User
from accounts.tests.api_caller import Api, as_program
from accounts.tests.cast import Cast
from coaching.providers.scripted import ScriptedChat
from conversations import absence, handoff, organizing
from conversations.models import Conversation, Handoff, Message
from conversations.tests.doubles import stage
from conversations.tests.factories import begin, say

SECRET = "I want to kill myself"


@pytest.fixture
def ben(coach: User) -> Api:
    """Return a program with Ben's key, the coach of Ada."""
    return as_program(coach)


def asked(owner: User, text: str = "How do we begin?", **how: str) -> Conversation:
    """Return a conversation whose owner has said something and asked for her coach."""
    conversation = begin(owner, **how)
    say(owner, conversation, text)
    handoff.ask_for_coach(member=owner, conversation_id=conversation.pk, now=timezone.now())
    return conversation


def in_crisis(owner: User) -> Conversation:
    """Return a private conversation in a crisis."""
    conversation = begin(owner, visibility="private")
    say(owner, conversation, SECRET)
    return conversation


@pytest.mark.django_db(transaction=True)
class TestTheQueue:
    def test_is_that_of_the_page_the_most_urgent_first(self, ben: Api, owner: User) -> None:
        later, earlier, crisis = asked(owner), asked(owner), in_crisis(owner)
        since = timezone.now() - timedelta(minutes=40)
        Handoff.objects.filter(conversation=earlier).update(requested_at=since)
        found = ben("GET", "queue")
        assert found.status == 200
        assert [row["conversation_id"] for row in found.data["waiting"]] == [
            str(each.pk) for each in (crisis, earlier, later)
        ]
        assert found.data["waiting"][1] == {
            "conversation_id": str(earlier.pk),
            "client": "Ada Moss",
            "title": "How do we begin?",
            "may_read": True,
            "visibility": "coached",
            "reason": "client_request",
            "urgency": "soon",
            "since": since.isoformat().replace("+00:00", "Z"),
            "promised_minutes": 30,
            "is_overdue": True,
            "is_offered_to_all": False,
            "coach": None,
            "is_mine": False,
        }
        assert found.data["taken"] == []

    def test_is_read_in_parts_those_who_wait_before_those_who_have_a_coach(
        self, ben: Api, coach: User, owner: User
    ) -> None:
        taken, waits, crisis = asked(owner), asked(owner), in_crisis(owner)
        handoff.take_over(coach=coach, conversation_id=taken.pk, now=timezone.now())
        parts = [ben("GET", f"queue?limit=1&offset={offset}") for offset in range(3)]
        listed = [
            {name: [row["conversation_id"] for row in part.data[name]] for name in ("waiting", "taken")}
            for part in parts
        ]
        assert listed == [
            {"waiting": [str(crisis.pk)], "taken": []},
            {"waiting": [str(waits.pk)], "taken": []},
            {"waiting": [], "taken": [str(taken.pk)]},
        ]
        assert [(part.meta["total"], part.meta["next_offset"]) for part in parts] == [
            (3, 1),
            (3, 2),
            (3, None),
        ]

    def test_hides_the_words_of_a_private_conversation(self, ben: Api, owner: User) -> None:
        in_crisis(owner)
        found = ben("GET", "queue")
        (row,) = found.data["waiting"]
        assert (row["urgency"], row["title"], row["may_read"]) == ("now", None, False)
        assert "kill" not in str(found.data)

    def test_says_who_has_a_conversation_and_what_clients_share(
        self, ben: Api, coach: User, owner: User
    ) -> None:
        taken, shared = asked(owner), begin(owner)
        handoff.take_over(coach=coach, conversation_id=taken.pk, now=timezone.now())
        found = ben("GET", "queue").data
        (row,) = found["taken"]
        assert (row["conversation_id"], row["coach"], row["is_mine"]) == (str(taken.pk), "Ben Hart", True)
        assert found["waiting"] == found["went_back"] == []
        listed = {each["conversation_id"]: (each["client"], "title" in each) for each in found["shared"]}
        assert listed[str(shared.pk)] == ("Ada Moss", False)

    def test_says_what_went_back_while_the_coach_was_away(self, ben: Api, coach: User, owner: User) -> None:
        conversation = asked(owner)
        handoff.take_over(coach=coach, conversation_id=conversation.pk, now=timezone.now())
        now = timezone.now() + timedelta(minutes=16)
        assert absence.give_back(now=now) == [conversation.pk]
        assert ben("GET", "queue").data["went_back"] == [
            {
                "conversation_id": str(conversation.pk),
                "client": "Ada Moss",
                "at": now.isoformat().replace("+00:00", "Z"),
                "may_read": True,
            }
        ]

    def test_has_nothing_of_other_coaches_and_organizations(self, cast: Cast) -> None:
        asked(cast.home.owner)
        nothing: dict[str, list[object]] = {"waiting": [], "taken": [], "went_back": [], "shared": []}
        for member in (cast.home.other_coach, cast.home.admin, cast.away.coach):
            assert as_program(member)("GET", "queue").data == nothing

    def test_does_not_exist_for_educators_and_their_keys(self, owner: User, coach: User) -> None:
        nowhere = as_program(owner)("GET", "queues")
        found = as_program(owner)("GET", "queue")
        assert (found.status, found.error) == (404, nowhere.error)
        assert as_program(coach, "write")("GET", "queue").status == 403

    def test_is_not_for_an_administrator_s_key_that_does_not_open_what_is_about_others(
        self, cast: Cast
    ) -> None:
        in_crisis(cast.home.owner)
        Handoff.objects.update(escalated_at=timezone.now())
        refused = as_program(cast.home.admin, "read", "write", "coach", "documents")("GET", "queue")
        assert (refused.status, refused.code, refused.data) == (403, "FORBIDDEN", None)
        (row,) = as_program(cast.home.admin, "read", "admin")("GET", "queue").data["waiting"]
        assert (row["client"], row["reason"], row["urgency"]) == ("Ada Moss", "crisis", "now")


@pytest.mark.django_db(transaction=True)
class TestTheBrief:
    def test_says_why_a_person_is_needed_and_is_on_record(self, ben: Api, coach: User, owner: User) -> None:
        conversation = asked(owner, "How do we begin a meeting?")
        asking = Message.objects.get(sender_type="client")
        found = ben("GET", f"conversations/{conversation.pk}/brief")
        assert found.status == 200
        episode = found.data.pop("episode")
        assert (episode["reason"], episode["client"]) == ("client_request", "Ada Moss")
        assert found.data == {
            "reason": "The client asked",
            "why": ["Ada Moss pressed “Ask for a coach”."],
            "confidence": None,
            "client": {"message_id": str(asking.pk), "text": "How do we begin a meeting?"},
            "ai": None,
            "ai_stands": "",
            "left_at": None,
        }
        event = AuditEvent.objects.get(action="conversation.read")
        assert (event.actor_id, event.resource) == (coach.pk, f"conversation:{conversation.pk}")

    def test_of_a_private_conversation_has_no_words(self, ben: Api, owner: User) -> None:
        conversation = in_crisis(owner)
        found = ben("GET", f"conversations/{conversation.pk}/brief").data
        assert (found["reason"], found["why"], found["client"], found["ai"]) == ("Crisis", [], None, None)
        assert not AuditEvent.objects.filter(action="conversation.read").exists()

    def test_is_not_for_an_administrator_s_key_that_does_not_open_what_is_about_others(
        self, cast: Cast
    ) -> None:
        conversation = in_crisis(cast.home.owner)
        Handoff.objects.update(escalated_at=timezone.now())
        address = f"conversations/{conversation.pk}/brief"
        for one in (address, f"conversations/{uuid4()}/brief"):
            refused = as_program(cast.home.admin, "read", "coach")("GET", one)
            assert (refused.status, refused.code) == (403, "FORBIDDEN")
        assert as_program(cast.home.admin, "read", "admin")("GET", address).data["reason"] == "Crisis"

    def test_is_for_nobody_who_may_not_open_it(self, cast: Cast) -> None:
        conversation = asked(cast.home.owner)
        for member in (cast.home.owner, cast.home.other_coach, cast.home.admin, cast.away.coach):
            api = as_program(member)
            for method, verb in (("GET", "brief"), ("POST", "draft")):
                found = api(method, f"conversations/{conversation.pk}/{verb}")
                nowhere = api(method, f"conversations/{uuid4()}/{verb}")
                may_not = member == cast.home.owner and verb == "draft"
                assert (found.status, found.error) == (403 if may_not else 404, nowhere.error)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("scripted")
class TestTheDraft:
    def test_is_proposed_and_not_said(self, ben: Api, owner: User, conversation: Conversation) -> None:
        say(owner, conversation, "How do we begin?")
        before = Message.objects.count()
        stage.chat = ScriptedChat(otherwise="Begin with one question, Ada.")
        found = ben("POST", f"conversations/{conversation.pk}/draft")
        assert (found.status, found.data) == (200, {"text": "Begin with one question, Ada.", "sources": []})
        assert Message.objects.count() == before

    def test_is_told_by_no_repeated_request_once_the_conversation_is_closed(
        self, ben: Api, owner: User, conversation: Conversation
    ) -> None:
        say(owner, conversation, "How do we begin?")
        stage.chat = ScriptedChat(otherwise="Begin with one question, Ada.")
        address = f"conversations/{conversation.pk}/draft"
        assert ben("POST", address, idempotency_key="one").status == 200
        organizing.set_visibility(
            member=owner,
            conversation_id=conversation.pk,
            visibility=Conversation.Visibility.PRIVATE,
            now=timezone.now(),
        )
        again = ben("POST", address, idempotency_key="one")
        assert (again.status, again.data) == (404, None)
        assert not SavedReply.objects.exists()

    def test_of_nothing_is_refused_in_words(self, ben: Api, conversation: Conversation) -> None:
        found = ben("POST", f"conversations/{conversation.pk}/draft")
        assert (found.status, found.error) == (
            409,
            {
                "code": "CONFLICT",
                "message": "There is nothing to answer yet that you can read.",
                "details": {"reason": "no_draft"},
            },
        )
