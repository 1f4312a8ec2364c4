"""Conversations and feedback over the API: what the owner, a coach, an administrator and anybody else get."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from accounts.models import AuditEvent, User
from accounts.tests.api_caller import Api, as_program
from accounts.tests.cast import Cast
from conversations import giving_feedback, handoff
from conversations.models import Conversation, Feedback, Message
from conversations.tests.factories import begin, say

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How do we begin a meeting well?"
OTHERS = ("coach", "other_coach", "admin", "stranger")


def somebody(cast: Cast, who: str) -> User:
    """Return one of the others."""
    person: User = cast.away.owner if who == "stranger" else getattr(cast.home, who)
    return person


def answered(owner: User, conversation: Conversation, text: str = "Begin with one question.") -> Message:
    """Say something as the client, and return the whole answer to it."""
    reply = say(owner, conversation, QUESTION).reply
    assert reply is not None
    Message.objects.filter(pk=reply.pk).update(state="complete", content=text)
    reply.refresh_from_db()
    return reply


class TestTheList:
    def test_is_as_the_source_document_shows_it(self, ada: Api, owner: User) -> None:
        conversation = begin(owner)
        answered(owner, conversation, "Begin with\none question. " + "x" * 300)
        found = ada("GET", "conversations")
        (row,) = found.data["conversations"]
        assert (found.data["total"], found.data["limit"], found.data["offset"]) == (1, 20, 0)
        assert (row["id"], row["title"], row["status"]) == (str(conversation.pk), QUESTION, "active")
        assert row["message_count"] == 2
        assert row["preview"].startswith("Begin with one question. xxx")
        assert len(row["preview"]) == 160
        assert {"last_message_at", "created_at"} <= row.keys()

    def test_an_empty_conversation_has_no_title_and_no_preview(self, ada: Api, owner: User) -> None:
        begin(owner)
        (row,) = ada("GET", "conversations").data["conversations"]
        assert (row["title"], row["preview"], row["last_message_at"]) == (None, "", None)

    def test_is_narrowed_by_status_and_by_what_was_said(self, ada: Api, owner: User) -> None:
        first, second = begin(owner), begin(owner)
        answered(owner, first, "Norms that hold.")
        Conversation.objects.filter(pk=second.pk).update(
            status="archived", archived_at=timezone.now(), title="Holidays"
        )
        for query, expected in {
            "status=archived": [second],
            "status=active": [first],
            "search=norms": [first],
            "search=holi": [second],
            "search=nothing": [],
            "search=holi&status=active": [],
        }.items():
            rows = ada("GET", f"conversations?{query}").data["conversations"]
            assert [row["id"] for row in rows] == [str(one.pk) for one in expected]

    def test_goes_on_by_cursor_without_a_gap_or_a_repetition(self, ada: Api, owner: User) -> None:
        whole = [str(begin(owner).pk) for _ in range(5)][::-1]
        read: list[str] = []
        cursor = ""
        for _ in range(3):
            found = ada("GET", f"conversations?limit=2{cursor}")
            read += [row["id"] for row in found.data["conversations"]]
            cursor = f"&cursor={found.meta['next_cursor']}"
        assert read == whole
        assert cursor == "&cursor=None"

    @pytest.mark.parametrize(
        "query",
        ["status=lost", "limit=101", "offset=1001", "search=" + "x" * 201, "search=%00", "order=title"],
    )
    def test_of_an_impossible_kind_is_refused(self, ada: Api, query: str) -> None:
        found = ada("GET", f"conversations?{query}")
        assert (found.status, found.code) == (400, "INVALID_INPUT")

    def test_is_the_owner_s_alone(self, cast: Cast, owner: User) -> None:
        answered(owner, begin(owner))
        for who in OTHERS:
            assert as_program(somebody(cast, who))("GET", "conversations").data["total"] == 0

    def test_costs_the_same_number_of_queries_however_long(
        self, ada: Api, owner: User, django_assert_num_queries: Any
    ) -> None:
        for _ in range(8):
            answered(owner, begin(owner))
        ada("GET", "conversations")
        with django_assert_num_queries(3):
            ada("GET", "conversations")


class TestBeginning:
    def test_gives_a_conversation_with_the_own_coach(self, ada: Api, owner: User, coach: User) -> None:
        made = ada("POST", "conversations", {"title": "  A first  meeting "})
        assert (made.status, made.data["title"], made.data["visibility"]) == (
            201,
            "A first meeting",
            "coached",
        )
        conversation = Conversation.objects.get(pk=made.data["id"])
        assert (conversation.owner, conversation.coach, conversation.channel) == (owner, coach, "api")

    @pytest.mark.parametrize("body", [None, {}, {"title": None}, {"title": ""}])
    def test_needs_nothing(self, ada: Api, body: Any) -> None:
        made = ada("POST", "conversations", body)
        assert (made.status, made.data["title"]) == (201, None)

    def test_may_be_private(self, ada: Api) -> None:
        assert ada("POST", "conversations", {"visibility": "private"}).data["visibility"] == "private"

    @pytest.mark.parametrize(
        "body",
        [
            {"title": "x" * 201},
            {"title": "a\x00"},
            {"visibility": "public"},
            {"owner": str(UUID(int=1))},
            {"organization": str(UUID(int=1))},
            {"owner_state": "coach"},
            [1],
        ],
    )
    def test_with_anything_else_is_refused(self, ada: Api, body: Any) -> None:
        assert ada("POST", "conversations", body).status == 400
        assert not Conversation.objects.exists()


class TestOne:
    def test_is_shown_with_its_messages(self, ada: Api, owner: User) -> None:
        conversation = begin(owner)
        reply = answered(owner, conversation)
        giving_feedback.give(member=owner, message_id=reply.pk, score=1)
        found = ada("GET", f"conversations/{conversation.pk}")
        assert found.data["id"] == str(conversation.pk)
        said = [(row["role"], row["content"], row["feedback_score"]) for row in found.data["messages"]]
        assert said == [("user", QUESTION, None), ("assistant", "Begin with one question.", 1)]
        assert found.meta["next_after"] is None

    def test_leaves_what_is_long_to_pages(self, ada: Api, owner: User) -> None:
        conversation = begin(owner)
        for _ in range(3):
            answered(owner, conversation)
        first = ada("GET", f"conversations/{conversation.pk}/messages?limit=4")
        assert [row["sequence"] for row in first.data["messages"]] == [1, 2, 3, 4]
        rest = ada("GET", f"conversations/{conversation.pk}/messages?after={first.meta['next_after']}")
        assert [row["sequence"] for row in rest.data["messages"]] == [5, 6]
        assert rest.meta["next_after"] is None

    def test_is_read_by_its_coach_on_record(self, cast: Cast, owner: User) -> None:
        conversation = begin(owner)
        answered(owner, conversation)
        found = as_program(cast.home.coach)("GET", f"conversations/{conversation.pk}")
        assert [row["role"] for row in found.data["messages"]] == ["user", "assistant"]
        event = AuditEvent.objects.get(action="conversation.read")
        assert (event.actor_id, event.resource) == (cast.home.coach.pk, f"conversation:{conversation.pk}")

    def test_kept_private_shows_its_coach_no_word_and_no_title(self, cast: Cast, owner: User) -> None:
        conversation = begin(owner, visibility="private")
        answered(owner, conversation)
        handoff.ask_for_coach(member=owner, conversation_id=conversation.pk, now=timezone.now())
        Handoff = conversation.handoffs.model  # noqa: N806
        Handoff.objects.update(consented=False)
        found = as_program(cast.home.coach)("GET", f"conversations/{conversation.pk}")
        assert (found.status, found.data["messages"], found.data["title"]) == (200, [], None)
        assert not AuditEvent.objects.filter(action="conversation.read").exists()

    def test_is_renamed_archived_and_kept_private(self, ada: Api, owner: User) -> None:
        conversation = begin(owner)
        changes = {"title": "Norms", "status": "archived", "visibility": "private"}
        found = ada("PATCH", f"conversations/{conversation.pk}", changes)
        assert found.status == 200
        assert {name: found.data[name] for name in changes} == changes
        conversation.refresh_from_db()
        assert {name: getattr(conversation, name) for name in changes} == changes

    @pytest.mark.parametrize(
        "change",
        [{"title": "Norms"}, {"status": "archived"}, {"status": "active"}, {"visibility": "private"}],
    )
    def test_says_when_it_was_changed_and_keeps_its_place_in_the_list(
        self, ada: Api, owner: User, change: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        earlier, later = begin(owner), begin(owner)
        at = timezone.now() + timedelta(hours=1)
        with monkeypatch.context() as clock:
            clock.setattr("conversations.api.conversations.timezone.now", lambda: at)
            changed = ada("PATCH", f"conversations/{earlier.pk}", change).data
        listed = ada("GET", "conversations").data["conversations"]
        assert [row["id"] for row in listed] == [str(later.pk), str(earlier.pk)]
        assert {changed["updated_at"], listed[1]["updated_at"]} == {at.isoformat().replace("+00:00", "Z")}
        assert listed[0]["updated_at"] == listed[0]["created_at"]

    def test_changes_in_all_that_was_asked_or_in_nothing(
        self, ada: Api, owner: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_conversation: Conversation) -> None:
            raise ZeroDivisionError

        conversation = begin(owner)
        before = Conversation.objects.values().get()
        monkeypatch.setattr("conversations.organizing.open_episode", fail)
        changes = {"title": "Norms", "status": "archived", "visibility": "private"}
        assert ada("PATCH", f"conversations/{conversation.pk}", changes).status == 500
        assert Conversation.objects.values().get() == before

    @pytest.mark.parametrize(
        "body",
        [
            {"title": ""},
            {"title": 7.5e300, "x": 1},
            {"status": "deleted"},
            {"owner": str(UUID(int=1))},
            {"coach": None},
            {"epoch": 9},
        ],
    )
    def test_changes_in_no_other_way(self, ada: Api, owner: User, body: dict[str, Any]) -> None:
        conversation = begin(owner)
        before = Conversation.objects.values().get()
        assert ada("PATCH", f"conversations/{conversation.pk}", body).status == 400
        assert Conversation.objects.values().get() == before

    def test_is_deleted_and_brought_back(self, ada: Api, owner: User) -> None:
        conversation = begin(owner)
        gone = ada("DELETE", f"conversations/{conversation.pk}")
        assert (gone.status, gone.data) == (200, {"message": "Conversation deleted successfully"})
        assert ada("GET", f"conversations/{conversation.pk}").status == 404
        assert ada("POST", f"conversations/{conversation.pk}/restore").status == 200
        assert ada("GET", f"conversations/{conversation.pk}").status == 200

    def test_stays_while_a_crisis_is_open(self, ada: Api, owner: User) -> None:
        conversation = begin(owner)
        say(owner, conversation, "I want to kill myself")
        refused = ada("DELETE", f"conversations/{conversation.pk}")
        assert refused.status == 409
        assert refused.error is not None
        assert refused.error["details"] == {"reason": "still_looked_after"}

    def test_calls_a_coach_and_takes_that_back(self, ada: Api, owner: User) -> None:
        conversation = begin(owner)
        assert ada("POST", f"conversations/{conversation.pk}/coach").status == 200
        conversation.refresh_from_db()
        assert conversation.owner_state == "queued"
        assert ada("DELETE", f"conversations/{conversation.pk}/coach").status == 200
        assert ada("DELETE", f"conversations/{conversation.pk}/coach").status == 409
        conversation.refresh_from_db()
        assert conversation.owner_state == "ai"

    def test_stops_the_answer_that_is_being_written(self, ada: Api, owner: User) -> None:
        conversation = begin(owner)
        say(owner, conversation, QUESTION)
        assert ada("POST", f"conversations/{conversation.pk}/stop").status == 200
        assert Message.objects.get(sender_type="ai").state == "stopped"

    def test_lets_the_coach_read_when_its_owner_consents(self, ada: Api, cast: Cast, owner: User) -> None:
        conversation = begin(owner, visibility="private")
        say(owner, conversation, "I want to kill myself")
        assert ada("POST", f"conversations/{conversation.pk}/consent").status == 200
        found = as_program(cast.home.coach)("GET", f"conversations/{conversation.pk}")
        assert [row["role"] for row in found.data["messages"]] == ["user", "system", "system"]


class TestSomebodyElse:
    @pytest.mark.parametrize("who", OTHERS)
    @pytest.mark.parametrize(
        "call",
        [
            ("GET", "conversations/{}", None),
            ("GET", "conversations/{}/messages", None),
            ("PATCH", "conversations/{}", {"title": "Mine"}),
            ("DELETE", "conversations/{}", None),
            ("POST", "conversations/{}/restore", None),
            ("POST", "conversations/{}/stop", None),
            ("POST", "conversations/{}/coach", None),
            ("DELETE", "conversations/{}/coach", None),
            ("POST", "conversations/{}/consent", None),
        ],
    )
    def test_is_answered_as_for_nothing_and_nothing_happens(
        self, cast: Cast, owner: User, who: str, call: tuple[str, str, Any]
    ) -> None:
        method, address, body = call
        conversation = begin(owner, visibility="private")
        answered(owner, conversation)
        before = Conversation.objects.values().get()
        api = as_program(somebody(cast, who))
        there, nowhere = (api(method, address.format(one), body) for one in (conversation.pk, uuid4()))
        assert (there.status, there.error) == (nowhere.status, nowhere.error)
        assert there.status == 404
        assert Conversation.objects.values().get() == before

    @pytest.mark.parametrize("who", OTHERS)
    def test_has_no_say_on_an_answer(self, cast: Cast, owner: User, who: str) -> None:
        reply = answered(owner, begin(owner))
        api = as_program(somebody(cast, who))
        for method, body in (("POST", {"score": 1}), ("DELETE", None)):
            there, nowhere = (api(method, f"messages/{one}/feedback", body) for one in (reply.pk, uuid4()))
            if there.status != 200:
                assert (there.status, there.error) == (nowhere.status, nowhere.error) == (404, there.error)
        assert not Feedback.objects.exists()

    def test_with_a_key_that_only_reads_changes_nothing(self, owner: User) -> None:
        conversation = begin(owner)
        api = as_program(owner, "read")
        for method, address in (("POST", "conversations"), ("DELETE", f"conversations/{conversation.pk}")):
            assert api(method, address).status == 403
        assert api("GET", f"conversations/{conversation.pk}").status == 200


class TestFeedback:
    def test_is_kept_and_replaced_and_taken_back(self, ada: Api, owner: User) -> None:
        reply = answered(owner, begin(owner))
        given = {"score": 1, "reasons": ["accurate", "helpful"], "comment": "Great citation!"}
        done = ada("POST", f"messages/{reply.pk}/feedback", given)
        assert (done.status, done.data) == (200, {"message": "Feedback submitted successfully"})
        assert Feedback.objects.values("score", "reasons", "comment").get() == given
        ada("POST", f"messages/{reply.pk}/feedback", {"score": -1, "reasons": ["inaccurate"]})
        assert Feedback.objects.get().score == -1
        assert ada("DELETE", f"messages/{reply.pk}/feedback").status == 200
        assert not Feedback.objects.exists()

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"score": 0},
            {"score": 2},
            {"score": "up"},
            {"score": 1, "reasons": "accurate"},
            {"score": 1, "reasons": ["because"]},
            {"score": 1, "reasons": ["accurate"] * 11},
            {"score": 1, "comment": "x" * 2001},
            {"score": 1, "author": str(UUID(int=1))},
        ],
    )
    def test_of_an_impossible_kind_is_refused(self, ada: Api, owner: User, body: dict[str, Any]) -> None:
        reply = answered(owner, begin(owner))
        assert ada("POST", f"messages/{reply.pk}/feedback", body).status == 400
        assert not Feedback.objects.exists()

    def test_on_the_own_question_there_is_none(self, ada: Api, owner: User) -> None:
        said = say(owner, begin(owner), QUESTION).message
        assert ada("POST", f"messages/{said.pk}/feedback", {"score": 1}).status == 404
