"""A coach over the API: takes over, speaks and hands back, as in the console."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, User
from accounts.tests.api_caller import Api, Reply, as_program
from accounts.tests.cast import Cast
from conversations import absence, handoff
from conversations.models import Conversation, Handoff, Message
from conversations.tests.factories import begin, say, spoken

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("threads")]

QUESTION = "How do we begin a meeting well?"
WORDS = {"content": "Begin with a question, Ada."}


@pytest.fixture
def ben(coach: User) -> Api:
    """Return a program with Ben's key, the coach of Ada."""
    return as_program(coach)


def verb(conversation: Conversation, name: str) -> str:
    """Return the address of something that a coach does in a conversation."""
    return f"conversations/{conversation.pk}/{name}"


def holder(conversation: Conversation) -> tuple[str, str]:
    """Return who has a conversation."""
    conversation.refresh_from_db()
    return conversation.owner_state, conversation.holder.name if conversation.holder else ""


def reason(refused: Reply) -> tuple[int, Any]:
    """Return why something was refused."""
    return refused.status, refused.error and refused.error["details"]


class TestTakingOver:
    def test_gives_the_conversation_to_the_coach_and_silences_the_ai(
        self, ben: Api, owner: User, conversation: Conversation
    ) -> None:
        say(owner, conversation, QUESTION)
        done = ben("POST", verb(conversation, "take-over"))
        assert (done.status, done.data) == (200, {"message": "You have this conversation"})
        assert holder(conversation) == ("coach", "Ben Hart")
        assert Message.objects.get(sender_type="ai").state == "stopped"
        assert AuditEvent.objects.filter(action="conversation.taken_over").count() == 1

    def test_needs_a_key_for_just_that(self, coach: User, conversation: Conversation) -> None:
        assert as_program(coach, "coach")("POST", verb(conversation, "take-over")).status == 200
        assert holder(conversation) == ("coach", "Ben Hart")

    def test_twice_changes_nothing(self, ben: Api, conversation: Conversation) -> None:
        for _ in "ab":
            assert ben("POST", verb(conversation, "take-over")).status == 200
        assert len(spoken(conversation)) == 1

    def test_from_another_coach_is_refused_with_their_name(
        self, cast: Cast, ben: Api, owner: User, conversation: Conversation
    ) -> None:
        handoff.ask_for_coach(member=owner, conversation_id=conversation.pk, now=timezone.now())
        Handoff.objects.update(escalated_at=timezone.now())
        ben("POST", verb(conversation, "take-over"))
        refused = as_program(cast.home.other_coach)("POST", verb(conversation, "take-over"))
        assert reason(refused) == (409, {"reason": "already_taken"})
        assert refused.error is not None
        assert refused.error["message"] == "Ben Hart already has this conversation."
        assert holder(conversation) == ("coach", "Ben Hart")

    def test_is_never_one_too_many(self, ben: Api, conversation: Conversation, settings: Any) -> None:
        quotas = {**settings.QUOTAS["coach"], "requests": "1/hour"}
        settings.QUOTAS = {**settings.QUOTAS, "coach": quotas}
        assert [ben("GET", "auth/me").status for _ in "ab"] == [200, 429]
        assert ben("POST", verb(conversation, "take-over")).status == 200


class TestSpeaking:
    def test_is_heard_and_takes_the_conversation_over(self, ben: Api, conversation: Conversation) -> None:
        said = ben("POST", verb(conversation, "speak"), WORDS)
        assert (said.status, said.data["role"], said.data["content"]) == (201, "coach", WORDS["content"])
        assert holder(conversation) == ("coach", "Ben Hart")
        assert spoken(conversation)[-1] == ("human_coach", WORDS["content"])

    def test_under_a_key_is_said_once(self, ben: Api, conversation: Conversation) -> None:
        first, second = (ben("POST", verb(conversation, "speak"), WORDS, idempotency_key="one") for _ in "ab")
        assert (first.status, first.data) == (second.status, second.data)
        assert [by for by, _ in spoken(conversation)] == ["system", "human_coach"]

    def test_under_a_key_that_a_socket_has_used_finds_the_same_message(
        self, ben: Api, coach: User, conversation: Conversation
    ) -> None:
        key = uuid4()
        handoff.say_as_coach(
            coach=coach,
            conversation_id=conversation.pk,
            client_id=key,
            text=WORDS["content"],
            now=timezone.now(),
        )
        assert ben("POST", verb(conversation, "speak"), WORDS, idempotency_key=str(key)).status == 201
        assert len(spoken(conversation)) == 2
        other = ben("POST", verb(conversation, "speak"), {"content": "No."}, idempotency_key=str(key))
        assert (other.status, other.code) == (422, "KEY_REUSED")
        assert len(spoken(conversation)) == 2

    def test_under_the_key_of_somebody_else_does_not_tell_whether_the_words_are_theirs(
        self, ben: Api, owner: User
    ) -> None:
        private, key = begin(owner, visibility="private"), uuid4()
        say(owner, private, "I want to kill myself", client_id=key)
        said = spoken(private)
        answers = [
            ben("POST", verb(private, "speak"), {"content": guess}, idempotency_key=str(key))
            for guess in ("I want to kill myself", "I want a rise")
        ]
        assert {(answer.status, answer.code) for answer in answers} == {(404, "NOT_FOUND")}
        assert answers[0].error == answers[1].error
        assert spoken(private) == said
        assert holder(private) == ("queued", "")

    def test_keeps_how_far_a_draft_was_edited(self, ben: Api, conversation: Conversation) -> None:
        ben("POST", verb(conversation, "speak"), {"content": "Yes!", "draft": "Yes."})
        said = Message.objects.get(sender_type="human_coach")
        assert (said.metadata["drafted_by_ai"], said.metadata["edit_distance"]) == (True, 1)

    @pytest.mark.parametrize("body", [{}, {"content": ""}, {"content": "  "}, {**WORDS, "sender_type": "ai"}])
    def test_of_nothing_is_refused_and_takes_nothing_over(
        self, ben: Api, conversation: Conversation, body: dict[str, Any]
    ) -> None:
        assert ben("POST", verb(conversation, "speak"), body).status == 400
        assert holder(conversation) == ("ai", "")


class TestHandingBack:
    def test_gives_the_conversation_to_the_ai(self, ben: Api, conversation: Conversation) -> None:
        ben("POST", verb(conversation, "take-over"))
        done = ben("POST", verb(conversation, "hand-back"))
        assert (done.status, done.data) == (200, {"message": "The AI has this conversation again"})
        assert holder(conversation) == ("ai", "")
        assert spoken(conversation)[-1] == (
            "system",
            "Ben Hart has handed the conversation back to the AI.",
        )

    def test_what_one_does_not_have_is_refused(self, ben: Api, conversation: Conversation) -> None:
        assert reason(ben("POST", verb(conversation, "hand-back"))) == (409, {"reason": "not_held"})
        assert spoken(conversation) == []


class TestReading:
    @pytest.fixture
    def long_taken(self, ben: Api, owner: User, conversation: Conversation) -> Message:
        """Return an answer that Ben stopped fourteen minutes ago, by taking the conversation over."""
        say(owner, conversation, QUESTION)
        ben("POST", verb(conversation, "take-over"))
        long_ago = timezone.now() - timedelta(minutes=14)
        Handoff.objects.update(taken_at=long_ago, acted_at=long_ago)
        return Message.objects.get(sender_type="ai")

    def test_with_a_key_does_not_show_that_the_coach_is_still_there(
        self, ben: Api, conversation: Conversation, long_taken: Message
    ) -> None:
        for address in (f"conversations/{conversation.pk}", verb(conversation, "messages")):
            assert ben("GET", address).status == 200
        follow = ben.client.get(
            f"/api/v1/messages/{long_taken.pk}/events", headers={"Authorization": f"Bearer {ben.key}"}
        )
        assert follow.status_code == 200
        assert absence.give_back(now=timezone.now() + timedelta(minutes=2)) == [conversation.pk]
        assert holder(conversation) == ("ai", "")

    @pytest.mark.usefixtures("long_taken")
    def test_in_a_browser_shows_that_the_coach_is_still_there(
        self, client: Client, coach: User, conversation: Conversation
    ) -> None:
        client.force_login(coach)
        assert client.get(f"/api/v1/conversations/{conversation.pk}/messages").status_code == 200
        assert absence.give_back(now=timezone.now() + timedelta(minutes=2)) == []
        assert holder(conversation) == ("coach", "Ben Hart")


class TestSomebodyElse:
    @pytest.mark.parametrize(
        ("who", "status"), [("owner", 403), ("other_coach", 404), ("admin", 404), ("stranger", 404)]
    )
    @pytest.mark.parametrize("call", [("take-over", None), ("speak", WORDS), ("hand-back", None)])
    def test_is_answered_as_for_nothing_and_nothing_happens(
        self, cast: Cast, conversation: Conversation, who: str, status: int, call: tuple[str, Any]
    ) -> None:
        name, body = call
        api = as_program(cast.away.coach if who == "stranger" else getattr(cast.home, who))
        before = Conversation.objects.values().get()
        there, nowhere = (
            api("POST", f"conversations/{one}/{name}", body) for one in (conversation.pk, uuid4())
        )
        assert (there.status, there.error) == (nowhere.status, nowhere.error)
        assert there.status == status
        assert Conversation.objects.values().get() == before
        assert spoken(conversation) == []

    def test_a_private_conversation_is_closed_to_its_coach_too(self, ben: Api, owner: User) -> None:
        conversation = begin(owner, visibility="private")
        assert ben("POST", verb(conversation, "take-over")).status == 404
        assert holder(conversation) == ("ai", "")

    def test_a_key_that_may_not_speak_as_the_coach_changes_nothing(
        self, coach: User, conversation: Conversation
    ) -> None:
        api = as_program(coach, "read", "write", "documents")
        for name in ("take-over", "speak", "hand-back"):
            assert api("POST", verb(conversation, name), WORDS).status == 403
        assert holder(conversation) == ("ai", "")
