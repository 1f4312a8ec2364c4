"""The feedback queue over the API: as its pages, for the same people, with the words where they may be read."""

from uuid import uuid4

import pytest

from accounts.models import AuditEvent, SavedReply, User
from accounts.tests.api_caller import as_program
from accounts.tests.cast import Cast
from accounts.tests.racing import overtaken
from conversations import giving_feedback, minding_feedback
from conversations.models import Feedback
from conversations.tests.factories import add, begin

pytestmark = pytest.mark.django_db(transaction=True)


def rated(member: User, *, visibility: str = "coached", score: int = -1) -> Feedback:
    """Return a rating that a member gave to an answer in a conversation of their own."""
    conversation = begin(member, visibility=visibility)
    add(conversation, "How do we begin?", by="client", sender=member)
    answer = add(conversation, "With one question.")
    return giving_feedback.give(
        member=member, message_id=answer.pk, score=score, reasons=["inaccurate"], comment="Too short"
    )


class TestTheQueue:
    def test_has_no_words(self, cast: Cast) -> None:
        given = rated(cast.home.owner)
        found = as_program(cast.home.coach)("GET", "feedback")
        assert found.data == {
            "feedback": [
                {
                    "id": str(given.pk),
                    "client": "Ada Moss",
                    "score": -1,
                    "reasons": ["Not accurate"],
                    "has_comment": True,
                    "state": "new",
                    "may_read": True,
                    "is_private": False,
                    "at": given.updated_at.isoformat().replace("+00:00", "Z"),
                }
            ]
        }
        assert found.meta["next_before"] is None
        assert not AuditEvent.objects.filter(action="feedback.read").exists()

    def test_is_narrowed_down_and_read_on(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        first, second = rated(cast.home.owner), rated(cast.home.owner, score=1)
        ben = as_program(cast.home.coach)
        assert [row["score"] for row in ben("GET", "feedback?score=1").data["feedback"]] == [1]
        assert ben("GET", "feedback?state=resolved").data == {"feedback": []}
        monkeypatch.setattr(minding_feedback, "PAGE_SIZE", 1)
        page = ben("GET", "feedback")
        assert [row["id"] for row in page.data["feedback"]] == [str(second.pk)]
        rest = ben("GET", f"feedback?before={page.meta['next_before']}")
        assert [row["id"] for row in rest.data["feedback"]] == [str(first.pk)]

    def test_is_not_for_others(self, cast: Cast) -> None:
        rated(cast.home.owner)
        assert as_program(cast.home.other_coach)("GET", "feedback").data == {"feedback": []}
        assert as_program(cast.away.coach)("GET", "feedback").data == {"feedback": []}
        assert as_program(cast.home.owner)("GET", "feedback").status == 404
        assert as_program(cast.home.admin, "read")("GET", "feedback").status == 403
        assert len(as_program(cast.home.admin)("GET", "feedback").data["feedback"]) == 1


class TestOnePiece:
    def test_has_its_words_for_who_may_read_them_and_that_is_on_record(self, cast: Cast) -> None:
        given = rated(cast.home.owner)
        found = as_program(cast.home.coach)("GET", f"feedback/{given.pk}").data
        assert found["words"] == {
            "question": "How do we begin?",
            "answer": "With one question.",
            "comment": "Too short",
        }
        assert (found["state"], found["note"], found["handled_by"], found["handled_at"]) == (
            "new",
            "",
            None,
            None,
        )
        event = AuditEvent.objects.get(action="feedback.read")
        assert (event.actor_id, event.reason) == (cast.home.coach.pk, f"feedback:{given.pk}")

    def test_of_a_private_conversation_has_none(self, cast: Cast) -> None:
        given = rated(cast.home.owner, visibility="private")
        found = as_program(cast.home.coach)("GET", f"feedback/{given.pk}").data
        assert (found["words"], found["may_read"], found["is_private"]) == (None, False, True)
        assert "Too short" not in str(found)
        assert not AuditEvent.objects.filter(action="feedback.read").exists()

    def test_keeps_what_became_of_it(self, cast: Cast) -> None:
        given = rated(cast.home.owner)
        ben = as_program(cast.home.coach)
        done = ben("PATCH", f"feedback/{given.pk}", {"state": "seen", "note": "Ada has the long version."})
        given.refresh_from_db()
        assert given.handled_at is not None
        assert done.data == {
            "id": str(given.pk),
            "state": "seen",
            "note": "Ada has the long version.",
            "handled_by": "Ben Hart",
            "handled_at": given.handled_at.isoformat().replace("+00:00", "Z"),
        }
        assert ben("PATCH", f"feedback/{given.pk}", {"state": "resolved"}).data["note"] == given.note
        assert AuditEvent.objects.filter(action="feedback.handled").count() == 2
        assert ben("PATCH", f"feedback/{given.pk}", {"state": "gone"}).status == 400
        reading = as_program(cast.home.coach, "read")
        assert reading("PATCH", f"feedback/{given.pk}", {"state": "seen"}).status == 403

    def test_keeps_the_note_that_somebody_writes_while_its_state_is_changed(self, cast: Cast) -> None:
        given = Feedback.objects.filter(pk=rated(cast.home.owner).pk)
        ben = as_program(cast.home.coach)
        resolved = overtaken(
            lambda: ben("PATCH", f"feedback/{given.get().pk}", {"state": "resolved"}),
            rows=given,
            by=lambda: given.update(note="I wrote to her."),
        )
        assert (resolved.status, resolved.data["note"]) == (200, "I wrote to her.")
        assert given.values_list("state", "note").get() == ("resolved", "I wrote to her.")

    def test_of_somebody_else_s_clients_is_as_missing(self, cast: Cast) -> None:
        given = rated(cast.home.owner)
        for member in (cast.home.owner, cast.home.other_coach, cast.away.coach, cast.away.admin):
            api = as_program(member)
            for method, body in (("GET", None), ("PATCH", {"state": "seen"})):
                found = api(method, f"feedback/{given.pk}", body)
                nowhere = api(method, f"feedback/{uuid4()}", body)
                assert (found.status, found.error) == (404, nowhere.error)
        given.refresh_from_db()
        assert given.state == "new"


class TestTheSameAgain:
    def test_has_no_words_kept_and_tells_how_it_is_now(self, cast: Cast) -> None:
        path, said = f"feedback/{rated(cast.home.owner).pk}", {"state": "resolved", "note": "I wrote to her."}
        ben = as_program(cast.home.coach)
        first, second = (ben("PATCH", path, said, idempotency_key="one") for _ in "ab")
        assert (second.status, second.data) == (200, first.data)
        assert second.headers["Idempotency-Replayed"] == "true"
        assert AuditEvent.objects.filter(action="feedback.handled").count() == 1
        assert bytes(SavedReply.objects.get().body) == b""

    def test_tells_nothing_of_feedback_that_is_gone(self, cast: Cast) -> None:
        given, said = rated(cast.home.owner), {"state": "resolved", "note": "I wrote to her."}
        ben = as_program(cast.home.coach)
        ben("PATCH", f"feedback/{given.pk}", said, idempotency_key="one")
        given.delete()
        again = ben("PATCH", f"feedback/{given.pk}", said, idempotency_key="one")
        assert (again.status, again.code, again.data) == (404, "NOT_FOUND", None)
