"""The feedback of an organization over the API: whose words are shown, and that it is on record."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent, Team, User
from accounts.tests.api_caller import as_program
from accounts.tests.cast import Cast
from conversations import diary, giving_feedback, handoff
from conversations.models import Conversation, Feedback, Message
from conversations.tests.factories import add, begin, say

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How do we begin a meeting well?"


def answered(owner: User, conversation: Conversation, text: str = "Begin with one question.") -> Message:
    """Say something as the client, and return the whole answer to it."""
    reply = say(owner, conversation, QUESTION).reply
    assert reply is not None
    Message.objects.filter(pk=reply.pk).update(state="complete", content=text)
    reply.refresh_from_db()
    return reply


class TestAllFeedback:
    @pytest.fixture
    def thumbs(self, cast: Cast) -> dict[str, Message]:
        """Return answers with a thumb and a comment each: shared, private, and of the other organization."""
        answers = {
            "shared": answered(cast.home.owner, begin(cast.home.owner)),
            "private": answered(cast.home.owner, begin(cast.home.owner, visibility="private")),
            "away": answered(cast.away.owner, begin(cast.away.owner)),
        }
        for name, reply in answers.items():
            author = cast.away.owner if name == "away" else cast.home.owner
            giving_feedback.give(
                member=author, message_id=reply.pk, score=-1, reasons=["inaccurate"], comment=f"canary {name}"
            )
        return answers

    def test_is_the_organization_s_without_the_words(self, cast: Cast, thumbs: dict[str, Message]) -> None:
        found = as_program(cast.home.admin)("GET", "admin/feedback")
        assert found.data["total"] == 2
        assert {row["message_id"] for row in found.data["feedback"]} == {
            str(thumbs["shared"].pk),
            str(thumbs["private"].pk),
        }
        for row in found.data["feedback"]:
            assert (row["score"], row["reasons"], row["user_id"]) == (
                -1,
                ["inaccurate"],
                str(cast.home.owner.pk),
            )
            assert (row["comment"], row["comment_withheld"]) == (None, True)

    def test_shows_the_words_to_an_administrator_who_coaches_that_client(
        self, cast: Cast, thumbs: dict[str, Message]
    ) -> None:
        Conversation.objects.filter(owner=cast.home.owner).update(coach=cast.home.admin)
        Team.objects.filter(pk=cast.home.team.pk).update(coach=cast.home.admin)
        rows = as_program(cast.home.admin)("GET", "admin/feedback").data["feedback"]
        assert {row["message_id"]: row["comment"] for row in rows} == {
            str(thumbs["shared"].pk): "canary shared",
            str(thumbs["private"].pk): None,
        }

    def test_records_each_comment_that_was_shown_and_tells_the_client(
        self, cast: Cast, thumbs: dict[str, Message]
    ) -> None:
        as_program(cast.home.admin)("GET", "admin/feedback")
        assert not AuditEvent.objects.filter(action="feedback.read").exists()
        Conversation.objects.filter(owner=cast.home.owner).update(coach=cast.home.admin)
        Team.objects.filter(pk=cast.home.team.pk).update(coach=cast.home.admin)
        as_program(cast.home.admin)("GET", "admin/feedback")
        shown = Feedback.objects.get(message=thumbs["shared"])
        read = AuditEvent.objects.filter(action="feedback.read")
        assert list(read.values_list("actor_id", "resource", "reason")) == [
            (cast.home.admin.pk, f"conversation:{shown.message.conversation_id}", f"feedback:{shown.pk}")
        ]
        assert len(diary.page(cast.home.owner).entries) == 1

    def test_records_a_page_of_comments_in_one_statement_and_each_of_them(self, cast: Cast) -> None:
        ada, admin = cast.home.owner, cast.home.admin
        Team.objects.filter(pk=cast.home.team.pk).update(coach=admin)
        rated = [add(begin(ada), "An answer.") for _ in range(3)]
        for answer in rated:
            giving_feedback.give(member=ada, message_id=answer.pk, score=1, comment="Thank you")
        api = as_program(admin)
        with CaptureQueriesContext(connection) as asked:
            api("GET", "admin/feedback")
        appends = [each for each in asked if 'INSERT INTO "accounts_auditevent"' in each["sql"]]
        assert len(appends) == 1
        read = AuditEvent.objects.filter(action="feedback.read")
        assert set(read.values_list("resource", flat=True)) == {
            f"conversation:{answer.conversation_id}" for answer in rated
        }
        assert len(diary.page(ada).entries) == 3
        assert audit.verify().intact

    @pytest.mark.parametrize(("calls", "shown"), [("I want to die", None), ("consents", "canary")])
    def test_of_a_private_conversation_shows_what_its_coach_may_read(
        self, cast: Cast, calls: str, shown: str | None
    ) -> None:
        ada, admin = cast.home.owner, cast.home.admin
        Team.objects.filter(pk=cast.home.team.pk).update(coach=admin)
        conversation = begin(ada, visibility="private")
        answer = add(conversation, "An answer.")
        giving_feedback.give(member=ada, message_id=answer.pk, score=1, comment="canary")
        if calls == "consents":
            handoff.ask_for_coach(member=ada, conversation_id=conversation.pk, now=timezone.now())
        else:
            say(ada, conversation, calls)
        handoff.take_over(coach=admin, conversation_id=conversation.pk, now=timezone.now())
        (row,) = as_program(admin)("GET", "admin/feedback").data["feedback"]
        assert (row["comment"], row["comment_withheld"]) == (shown, shown is None)
        assert AuditEvent.objects.filter(action="feedback.read").count() == (shown is not None)

    def test_is_narrowed_by_score(self, cast: Cast, thumbs: dict[str, Message]) -> None:
        assert as_program(cast.home.admin)("GET", "admin/feedback?score=1").data["total"] == 0
        assert as_program(cast.home.admin)("GET", "admin/feedback?score=-1").data["total"] == 2

    @pytest.mark.parametrize("who", ["owner", "coach", "other_coach"])
    def test_is_not_for_others(self, cast: Cast, who: str) -> None:
        assert as_program(getattr(cast.home, who))("GET", "admin/feedback").status == 403
