"""Races about people: one link makes one person, one seat is given once, one mail goes out once."""

from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.utils import timezone

from accounts import invitations, outbox, seats
from accounts.entry_models import Invitation, OutgoingMail
from accounts.models import AuditEvent, User
from accounts.tests.cast import House
from config.tests.racing import Racers

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

TRIALS = 40


def invite(house: House, email: str) -> Invitation:
    """Invite somebody as the administrator does."""
    return invitations.invite(
        actor=house.admin,
        organization=house.organization,
        email=email,
        role="educator",
        team=None,
        now=timezone.now(),
    )


def test_one_link_followed_by_four_makes_one_person(home: House) -> None:
    with Racers(4) as racers:
        for trial in range(TRIALS):
            token = invitations.token_of(invite(home, f"p{trial}@riverside.example"))
            follow = partial(invitations.accept, token=token, name="Eve", password=None, now=timezone.now())
            ends = racers.race(*[follow] * 4, apart=True)
            assert sorted(type(end).__name__ for end in ends) == ["LinkClosed"] * 3 + ["User"]
            User.objects.filter(pk=next(end.pk for end in ends if isinstance(end, User))).update(
                is_active=False
            )
    assert User.objects.filter(name="Eve").count() == TRIALS
    assert AuditEvent.objects.filter(action="person_joined").count() == TRIALS


def test_the_last_seat_is_promised_once(home: House, settings: Any) -> None:
    settings.SEATS = {"free": 5}
    with Racers(4) as racers:
        for trial in range(TRIALS):
            runs = [partial(invite, home, f"p{trial}-{runner}@riverside.example") for runner in range(4)]
            ends = racers.race(*runs, apart=True)
            assert sorted(type(end).__name__ for end in ends) == ["Invitation"] + ["NoSeatLeft"] * 3
            assert seats.seats_of(home.organization, now=timezone.now()).promised == 1
            Invitation.objects.update(state="withdrawn")


def test_an_invitation_is_not_both_accepted_and_withdrawn(home: House) -> None:
    with Racers(2) as racers:
        for trial in range(TRIALS):
            invitation = invite(home, f"p{trial}@riverside.example")
            token = invitations.token_of(invitation)
            ends = racers.race(
                partial(invitations.accept, token=token, name="Eve", password=None, now=timezone.now()),
                partial(invitations.withdraw, actor=home.admin, invitation_id=invitation.pk),
                apart=True,
            )
            invitation.refresh_from_db()
            assert sum(isinstance(end, Exception) for end in ends) == 1
            joined = User.objects.filter(email=invitation.email).exists()
            assert (invitation.state == "accepted") is joined
            User.objects.filter(email=invitation.email).update(is_active=False)


def test_a_mail_that_four_workers_take_goes_out_once(home: House, settings: Any) -> None:
    settings.MAIL = {"test": f"{__name__}.compose"}
    with Racers(4) as racers:
        for _ in range(TRIALS):
            now = timezone.now()
            queued = outbox.queue(
                kind="test",
                about=uuid4(),
                recipient="eve@riverside.example",
                organization_id=home.organization.pk,
                now=now,
            )
            racers.race(*[partial(outbox.send, mail_id=queued.pk, now=now)] * 4, apart=True)
    assert len(mail.outbox) == TRIALS
    assert set(OutgoingMail.objects.values_list("state", "attempts")) == {("sent", 1)}


def compose(_about: object, *, now: object) -> outbox.Letter:
    """Write a letter."""
    return outbox.Letter("Hello", f"It is {now}.")
