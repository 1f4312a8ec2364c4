"""`manage.py doctor` on what people wait for: a fault planted for each check, and what is still in time beside it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts import invitations
from accounts.entry_models import OutgoingMail
from accounts.lifecycle_models import AccountExport, Erasure
from accounts.models import ApiToken, Organization, OrganizationDomain
from accounts.tests.cast import Cast, House
from accounts.tests.inviting import invited
from coaching.models import Reservation
from config.doctor import credentials, people
from config.doctor.finding import State
from conversations.outward import Export

pytestmark = pytest.mark.django_db
SEE_BEAT = "See that the worker runs with beat, and look at its log."


def ago(**much: float) -> datetime:
    """Return a time in the past."""
    return timezone.now() - timedelta(**much)


def mail(home: House, **values: Any) -> None:
    """Put a mail into the outbox."""
    usual = {
        "kind": "invitation",
        "about": uuid4(),
        "recipient": "eve@riverside.example",
        "due_at": ago(days=1),
    }
    OutgoingMail.objects.create(organization=home.organization, **{**usual, **values})


class TestMails:
    def test_that_nobody_sends_are_told(self, home: House) -> None:
        mail(home)
        mail(home, due_at=ago(minutes=1))
        found = people.mails()
        assert (found.state, found.text, found.next_step) == (State.WARN, "1 mail overdue", SEE_BEAT)

    def test_that_could_not_be_sent_are_told_for_a_week(self, home: House) -> None:
        mail(home, state="failed")
        mail(home, state="failed", created_at=ago(days=8))
        assert people.mails().text == "1 mail of the last 7 days could not be sent"

    def test_are_missed_where_somebody_is_invited(self, home: House) -> None:
        first, second = invited(home), invited(home, "gil@riverside.example")
        invited(home, "old@riverside.example", now=ago(days=8))
        OutgoingMail.objects.exclude(about=second.pk).delete()
        found = people.mails()
        assert (found.state, found.text) == (State.WARN, "1 invitation without a mail")
        invitations.withdraw(actor=home.admin, invitation_id=first.pk)
        assert people.mails().state == State.OK

    def test_that_are_sent_are_well(self, home: House) -> None:
        mail(home, state="sent", sent_at=timezone.now())
        assert people.mails().state == State.OK


class TestExports:
    def export(self, cast: Cast, **values: Any) -> None:
        organization = cast.home.organization
        usual = {
            "organization": organization,
            "requested_by": cast.home.owner,
            "kind": "own",
            "format": "csv",
        }
        Export.objects.create(**{**usual, **values})

    def test_that_nobody_makes_or_deletes_are_told(self, cast: Cast) -> None:
        self.export(cast, created_at=ago(hours=1))
        self.export(cast, state="ready", expires_at=ago(hours=1))
        AccountExport.objects.create(
            person=cast.home.owner, state="running", lease_until=ago(hours=1), requested_at=ago(hours=2)
        )
        found = people.exports()
        assert found.state == State.WARN
        assert found.text == "2 exports that nobody makes, 1 kept beyond their day"
        assert "queue long" in found.next_step

    def test_that_are_in_time_are_well(self, cast: Cast) -> None:
        self.export(cast, created_at=ago(hours=1), state="running", lease_until=ago(seconds=-30))
        self.export(cast, state="ready", expires_at=ago(hours=-1))
        self.export(cast, state="gone", created_at=ago(days=9))
        assert people.exports().state == State.OK


class TestErasures:
    def erasure(self, cast: Cast, **values: Any) -> None:
        usual = {"person_id": uuid4(), "organization": cast.home.organization, "asked_by_id": uuid4()}
        Erasure.objects.create(**{**usual, **values})

    def test_that_should_be_over_are_told(self, cast: Cast) -> None:
        self.erasure(cast, due_at=ago(hours=2), state="running", attempts=9, lease_until=ago(seconds=-30))
        self.erasure(cast, due_at=ago(hours=2), state="scheduled")
        self.erasure(cast, due_at=ago(minutes=30), state="running", lease_until=ago(seconds=-30))
        found = people.erasures()
        assert found.state == State.FAIL
        assert found.text == "2 erasures overdue: tried in vain, or not at all"

    def test_that_wait_for_something_or_are_done_are_well(self, cast: Cast) -> None:
        self.erasure(cast, due_at=ago(hours=-1), waits_for="open_crisis")
        self.erasure(cast, due_at=ago(days=2), state="done", finished_at=ago(days=2))
        self.erasure(cast, due_at=ago(days=2), state="cancelled")
        assert people.erasures().state == State.OK

    def test_an_organization_that_was_begun_and_not_ended_is_named(self, cast: Cast) -> None:
        home = cast.home.organization
        Organization.objects.filter(pk=home.pk).update(closed_at=ago(minutes=59))
        assert people.erasures().state == State.OK
        Organization.objects.filter(pk=home.pk).update(closed_at=ago(minutes=61))
        found = people.erasures()
        assert (found.state, found.text) == (
            State.WARN,
            f"the erasure of the organization {home.pk} has begun and not ended",
        )
        assert found.next_step == f"Go on with it: manage.py erase_organization {home.pk}"


class TestReservations:
    def test_without_a_turn_are_told(self, home: House) -> None:
        for at in (ago(hours=1), ago(minutes=1)):
            Reservation.objects.create(
                subject_id=uuid4(), user=home.owner, day=at.date(), amount_usd="0.01", at=at
            )
        found = people.reservations()
        assert found.state == State.WARN
        assert found.text.startswith("1 reservation without a turn")
        Reservation.objects.filter(at__lt=ago(minutes=30)).delete()
        assert people.reservations().state == State.OK


class TestDomains:
    def test_that_nobody_has_proved_for_long_are_told(self, home: House) -> None:
        for number, (days, verified) in enumerate(((31, None), (29, None), (99, timezone.now()))):
            OrganizationDomain.objects.create(
                organization=home.organization,
                domain=f"{number}.riverside.example",
                created_at=ago(days=days),
                verified_at=verified,
            )
        assert people.domains().text == "1 domain unverified for more than 30 days"
        OrganizationDomain.objects.filter(verified_at=None).delete()
        assert people.domains().state == State.OK


class TestKeys:
    def test_that_ended_long_ago_and_are_kept_are_told(self, home: House) -> None:
        for days in (373, 371):
            ApiToken.objects.create(
                owner=home.owner,
                name="Program",
                scopes=["read"],
                hash=str(days),
                created_at=ago(days=400),
                expires_at=ago(days=days),
            )
        found = credentials.keys_of([ApiToken])
        assert found.state == State.WARN
        assert found.text == "0 keys without an end, 1 key ended long ago and kept"
