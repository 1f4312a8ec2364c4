"""Names and addresses of the erased: gone from notices, mails and the log of the dashboard, and nothing else changed."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse

from accounts import data_requests, erasure, people, retention
from accounts.dashboard import ReadOnly
from accounts.entry_models import OutgoingMail
from accounts.models import AuditEvent, Team, User
from accounts.tests.browsing import as_
from accounts.tests.cast import Cast
from config.tests.canaries import with_canaries
from conversations import handoff
from conversations.models import Message
from conversations.tests.factories import add as spoken_in
from conversations.tests.factories import begin

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=7)


@pytest.fixture(autouse=True)
def _presence(settings: Any, redis_url: str) -> None:
    settings.PRESENCE_URL = redis_url


def erased(person: User) -> None:
    """Ask for an erasure and let its time come."""
    asked = data_requests.ask_for_erasure(actor=person, person=person, now=NOW)
    assert erasure.run(erasure_id=asked.pk, now=LATER)


class TestTheName:
    def test_takes_the_name_out_of_notices_only_where_it_is_this_coach_s(self, cast: Cast) -> None:
        ben, ada = cast.home.coach, cast.home.owner
        User.objects.filter(pk=ben.pk).update(name="Will")
        ben.refresh_from_db()
        here, there = begin(ada), begin(ada)
        words = "Teams Will agree; Willing teams meet."
        kept = [spoken_in(here, words), spoken_in(there, words)]
        other = spoken_in(there, "Will Reed has joined. The AI stays silent.", by="system")
        changed = spoken_in(there, "Eve is your coach now. Will can no longer read this.", by="system")
        handoff.say_as_coach(
            coach=ben, conversation_id=here.pk, client_id=uuid4(), text="Will says: Will do.", now=NOW
        )
        erased(ben)
        for message in (*kept, other, changed):
            message.refresh_from_db()
        assert [message.content for message in (*kept, other, changed)] == [
            words,
            words,
            "Will Reed has joined. The AI stays silent.",
            "Eve is your coach now. A former coach can no longer read this.",
        ]
        said = Message.objects.filter(conversation=here)
        assert said.get(sender_type="human_coach").content == "Will says: Will do."
        assert said.filter(
            content="A former coach has joined. The AI stays silent until A former coach hands back."
        ).exists()

    def test_leaves_the_notices_about_another_of_the_same_name(self, cast: Cast) -> None:
        ben, cora = cast.home.coach, cast.home.other_coach
        User.objects.filter(pk__in=[ben.pk, cora.pk]).update(name="Sam Hill")
        ben.refresh_from_db()
        notice = spoken_in(begin(cast.home.owner), "Sam Hill has joined.", by="system")
        erased(ben)
        notice.refresh_from_db()
        assert notice.content == "Sam Hill has joined."

    def test_without_a_name_changes_no_words(self, cast: Cast) -> None:
        User.objects.filter(pk=cast.home.coach.pk).update(name="")
        cast.home.coach.refresh_from_db()
        conversation = begin(cast.home.owner)
        handoff.say_as_coach(
            coach=cast.home.coach, conversation_id=conversation.pk, client_id=uuid4(), text="Hm.", now=NOW
        )
        erased(cast.home.coach)
        assert not Message.objects.filter(content__contains="former").exists()


def test_an_address_that_somebody_had_before_goes_from_the_mails(cast: Cast) -> None:
    ada = cast.home.owner
    people.mail_password_link(ada, now=NOW)
    User.objects.filter(pk=ada.pk).update(email="ada.moss@riverside.example")
    people.mail_password_link(cast.home.coach, now=NOW)
    erased(ada)
    assert list(OutgoingMail.objects.values_list("recipient", flat=True)) == [cast.home.coach.email]


class TestTheDashboardsLog:
    """Django's own log of the dashboard would keep names in rows that no key leads to."""

    def test_is_not_written(self, cast: Cast) -> None:
        with_canaries(cast)
        invitation = {"email": "eve@riverside.example", "role": "educator", "team": ""}
        browser = as_(cast.home.admin)
        assert browser.post(reverse("admin:accounts_invitation_add"), invitation).status_code == 302
        assert not LogEntry.objects.exists()
        record = AuditEvent.objects.filter(actor_id=cast.home.admin.pk).order_by("sequence")
        assert list(record.values_list("action", flat=True)) == [
            "person_name_changed",
            "team_changed",
            "team_changed",
            "person_invited",
        ]

    def test_is_written_by_no_page(self) -> None:
        pages = dict(admin.site._registry)
        assert [model for model, page in pages.items() if not isinstance(page, ReadOnly)] == []

    def test_of_an_earlier_version_is_shown_to_nobody(self, cast: Cast) -> None:
        self.left_behind(cast)
        page = reverse("admin:accounts_team_history", args=[cast.home.team.pk])
        for member in (cast.home.admin, cast.home.coach):
            assert as_(member).get(page).status_code == 404

    def test_of_an_earlier_version_goes_with_an_erasure(self, cast: Cast) -> None:
        self.left_behind(cast)
        erased(cast.home.owner)
        assert not LogEntry.objects.exists()

    def test_of_an_earlier_version_goes_the_next_night(self, cast: Cast) -> None:
        self.left_behind(cast)
        outcome = retention.run_for_installation(now=NOW)
        assert outcome.counts["dashboard_log"] == 1
        assert not LogEntry.objects.exists()

    def left_behind(self, cast: Cast) -> None:
        """Leave what an earlier version wrote when Ada came into her team."""
        LogEntry.objects.create(
            user=cast.home.admin,
            content_type=ContentType.objects.get_for_model(Team),
            object_id=str(cast.home.team.pk),
            object_repr=cast.home.team.name,
            action_flag=CHANGE,
            change_message="Ada Moss in Ben Hart's team",
        )
