"""The feedback queue: coaches and administrators learn what helps, and words stay where they belong."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast
from conversations import giving_feedback, handoff, minding_feedback, organizing
from conversations.models import Conversation, Feedback
from conversations.tests.factories import add, begin

pytestmark = pytest.mark.django_db(transaction=True)

QUEUE = "/admin/feedback/"
QUESTION, ANSWER, COMMENT = "QUESTION-WORDS", "ANSWER-WORDS", "COMMENT-WORDS"


def rated(
    member: User, *, visibility: str = "coached", score: int = -1, reasons: tuple[str, ...] = ("inaccurate",)
) -> Feedback:
    """Return a rating that a member gave to an answer in a conversation of their own."""
    conversation = begin(member, visibility=visibility)
    add(conversation, QUESTION, by="client", sender=member)
    answer = add(conversation, ANSWER)
    return giving_feedback.give(
        member=member, message_id=answer.pk, score=score, reasons=reasons, comment=COMMENT
    )


def signed_in(member: User) -> Client:
    """Return the browser of a member."""
    client = Client()
    client.force_login(member)
    return client


def text(response: Any) -> str:
    """Return the page as text."""
    return str(response.content.decode())


def detail(feedback: Feedback) -> str:
    """Return the address of one piece of feedback."""
    return reverse("conversations:feedback_detail", args=[feedback.pk])


def listed(member: User, **narrowing: Any) -> list[Any]:
    """Return the ids of the feedback in a member's queue."""
    return [row.id for row in minding_feedback.page(member, **narrowing).rows]


class TestWhoSeesIt:
    def test_the_coach_of_the_conversation_and_administrators(self, cast: Cast) -> None:
        ours, theirs = rated(cast.home.owner), rated(cast.away.owner)
        assert listed(cast.home.coach) == [ours.pk]
        assert listed(cast.home.admin) == [ours.pk]
        assert listed(cast.home.other_coach) == []
        assert listed(cast.away.coach) == [theirs.pk]
        assert listed(cast.away.admin) == [theirs.pk]

    def test_to_an_educator_there_is_no_such_page(self, cast: Cast) -> None:
        feedback = rated(cast.home.owner)
        browser = signed_in(cast.home.owner)
        assert browser.get(QUEUE).status_code == 404
        assert browser.get(detail(feedback)).status_code == 404
        assert browser.post(detail(feedback), {"state": "resolved", "note": ""}).status_code == 404

    def test_what_is_not_theirs_looks_like_what_is_missing(self, cast: Cast) -> None:
        feedback = rated(cast.home.owner)
        for member in (cast.home.other_coach, cast.away.coach, cast.away.admin):
            browser = signed_in(member)
            foreign = browser.get(detail(feedback))
            missing = browser.get(f"{QUEUE}00000000-0000-7000-8000-000000000000/")
            assert (foreign.status_code, foreign.content) == (404, missing.content)
            assert browser.post(detail(feedback), {"state": "resolved", "note": "x"}).status_code == 404
        feedback.refresh_from_db()
        assert (feedback.state, feedback.note) == ("new", "")

    def test_a_deleted_conversation_takes_its_feedback_along(self, cast: Cast) -> None:
        feedback = rated(cast.home.owner)
        organizing.delete(
            member=cast.home.owner,
            conversation_id=feedback.message.conversation_id,
            now=timezone.now(),
        )
        assert listed(cast.home.admin) == []
        assert signed_in(cast.home.admin).get(detail(feedback)).status_code == 404


class TestWords:
    def test_are_never_in_the_list(self, cast: Cast) -> None:
        rated(cast.home.owner)
        page = text(signed_in(cast.home.coach).get(QUEUE))
        assert "Ada Moss" in page
        assert "Not accurate" in page
        assert "You may read the answer and the comment" in page
        for words in (QUESTION, ANSWER, COMMENT):
            assert words not in page
        assert not AuditEvent.objects.filter(action="feedback.read").exists()

    def test_are_shown_to_the_coach_of_a_shared_conversation_and_recorded(self, cast: Cast) -> None:
        feedback = rated(cast.home.owner)
        page = text(signed_in(cast.home.coach).get(detail(feedback)))
        assert all(words in page for words in (QUESTION, ANSWER, COMMENT))
        (event,) = AuditEvent.objects.filter(action="feedback.read")
        assert event.actor_id == cast.home.coach.pk
        assert event.resource == f"conversation:{feedback.message.conversation_id}"

    @pytest.mark.parametrize(
        ("visibility", "reader"), [("private", "coach"), ("private", "admin"), ("coached", "admin")]
    )
    def test_are_withheld_from_whoever_may_not_read_the_conversation(
        self, cast: Cast, visibility: str, reader: str
    ) -> None:
        feedback = rated(cast.home.owner, visibility=visibility)
        Conversation.objects.update(coach=cast.home.coach)
        page = text(signed_in(getattr(cast.home, reader)).get(detail(feedback)))
        assert "stay hidden" in page
        for words in (QUESTION, ANSWER, COMMENT):
            assert words not in page
        assert not AuditEvent.objects.filter(action="feedback.read").exists()

    def test_said_before_a_coach_joined_without_consent_stay_hidden(self, cast: Cast) -> None:
        feedback = rated(cast.home.owner)
        conversation = feedback.message.conversation
        handoff.ask_for_coach(member=cast.home.owner, conversation_id=conversation.pk, now=timezone.now())
        handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=timezone.now())
        organizing.set_visibility(
            member=cast.home.owner, conversation_id=conversation.pk, visibility="private", now=timezone.now()
        )
        conversation.refresh_from_db()
        later = add(conversation, "LATER-ANSWER", by="human_coach", sender=cast.home.coach)
        after = giving_feedback.give(member=cast.home.owner, message_id=later.pk, score=1, comment="THANKS")
        browser = signed_in(cast.home.coach)
        assert ANSWER not in text(browser.get(detail(feedback)))
        page = text(browser.get(detail(after)))
        assert ("LATER-ANSWER" in page, "THANKS" in page) == (True, True)
        assert QUESTION not in page


class TestTheQueue:
    def test_can_be_narrowed_down(self, cast: Cast) -> None:
        bad = rated(cast.home.owner)
        good = rated(cast.home.owner, score=1, reasons=())
        done = rated(cast.home.owner, reasons=("other",))
        Feedback.objects.filter(pk=done.pk).update(state="resolved")
        coach = cast.home.coach
        assert listed(coach) == [good.pk, bad.pk]
        assert listed(coach, state="all") == [done.pk, good.pk, bad.pk]
        assert listed(coach, state="resolved") == [done.pk]
        assert listed(coach, score="1") == [good.pk]
        assert listed(coach, reason="inaccurate") == [bad.pk]
        assert listed(coach, state="all", reason="other") == [done.pk]
        page = text(signed_in(coach).get(QUEUE, {"reason": "incomplete"}))
        assert "Nothing matches" in page

    def test_an_empty_one_says_what_will_come(self, cast: Cast) -> None:
        assert "Nothing is open" in text(signed_in(cast.home.coach).get(QUEUE))

    def test_goes_back_page_by_page(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        answers = [add(conversation, f"{number}") for number in range(minding_feedback.PAGE_SIZE + 2)]
        given = [
            giving_feedback.give(member=cast.home.owner, message_id=answer.pk, score=1).pk
            for answer in answers
        ]
        first = minding_feedback.page(cast.home.coach)
        second = minding_feedback.page(cast.home.coach, before=first.next_before)
        assert [row.id for row in (*first.rows, *second.rows)] == given[::-1]
        assert second.next_before is None
        page = text(signed_in(cast.home.coach).get(QUEUE))
        assert f'href="?before={first.next_before}"' in page

    def test_needs_as_many_queries_for_ten_as_for_one(
        self, cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for visibility in ("coached", "private") * 5:
            rated(cast.home.owner, visibility=visibility)
        with django_assert_num_queries(3):
            assert len(minding_feedback.page(cast.home.coach).rows) == 10

    def test_is_in_the_menu_of_coaches(self, cast: Cast) -> None:
        assert f'href="{QUEUE}"' in text(signed_in(cast.home.coach).get("/admin/queue/"))


class TestHandling:
    def test_keeps_the_state_a_note_and_who_said_so(self, cast: Cast) -> None:
        feedback = rated(cast.home.owner)
        browser = signed_in(cast.home.coach)
        response = browser.post(detail(feedback), {"state": "resolved", "note": "Added the missing chapter."})
        assert response.status_code == 302
        feedback.refresh_from_db()
        assert (feedback.state, feedback.note) == ("resolved", "Added the missing chapter.")
        assert feedback.handled_by == cast.home.coach
        assert listed(cast.home.coach) == []
        page = text(browser.get(detail(feedback)))
        assert "Resolved, says Ben Hart" in page

    def test_refuses_an_unknown_state(self, cast: Cast) -> None:
        feedback = rated(cast.home.owner)
        response = signed_in(cast.home.coach).post(detail(feedback), {"state": "burnt", "note": ""})
        assert response.status_code == 422
        feedback.refresh_from_db()
        assert (feedback.state, feedback.handled_at) == ("new", None)
        with pytest.raises(IntegrityError, match="feedback_state_known"), transaction.atomic():
            Feedback.objects.update(state="burnt")

    def test_a_changed_rating_is_new_again(self, cast: Cast) -> None:
        feedback = rated(cast.home.owner)
        minding_feedback.handle(
            member=cast.home.coach, feedback_id=feedback.pk, state="resolved", note="", now=timezone.now()
        )
        giving_feedback.give(member=cast.home.owner, message_id=feedback.message_id, score=1)
        assert listed(cast.home.coach) == [feedback.pk]

    def test_an_administrator_may_handle_what_they_may_not_read(self, cast: Cast) -> None:
        feedback = rated(cast.home.owner, visibility="private")
        response = signed_in(cast.home.admin).post(detail(feedback), {"state": "seen", "note": "Asked Ada."})
        assert response.status_code == 302
        feedback.refresh_from_db()
        assert (feedback.state, feedback.handled_by) == ("seen", cast.home.admin)
