"""The seats of an organization: promised, taken and given back."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import invitations, seats
from accounts.entry_models import Invitation
from accounts.models import Organization, User
from accounts.tests.browsing import as_
from accounts.tests.cast import House
from accounts.tests.inviting import EVE, PAGE, form, invited, link_to

pytestmark = [
    pytest.mark.usefixtures("accounts_alone", "generated_menu", "fresh_limits"),
    pytest.mark.django_db,
]


class TestSeats:
    @pytest.fixture(autouse=True)
    def _five_seats(self, settings: Any) -> None:
        settings.SEATS = {"free": 5}

    def test_are_promised_with_the_invitation(self, home: House) -> None:
        invited(home)
        assert seats.seats_of(home.organization, now=timezone.now()) == seats.Seats(4, 1, 5)
        page = as_(home.admin).post(f"{PAGE}add/", {"email": "f@x.example", "role": "educator"}, follow=True)
        assert "All 5 seats are taken or promised." in page.content.decode()
        shown = as_(home.admin).get(PAGE).content.decode()
        assert "There is none left.</strong> Deactivate somebody, withdraw an invitation" in shown
        assert [each.email for each in Invitation.objects.all()] == [EVE]

    def test_come_back_with_a_withdrawn_or_expired_invitation(self, home: House) -> None:
        first = invited(home, now=timezone.now() - invitations.LASTS)
        second = invited(home, "f@riverside.example")
        with pytest.raises(seats.NoSeatLeft):
            invitations.send_again(actor=home.admin, invitation_id=first.pk, now=timezone.now())
        invitations.withdraw(actor=home.admin, invitation_id=second.pk)
        invitations.send_again(actor=home.admin, invitation_id=first.pk, now=timezone.now())

    def test_are_needed_to_add_and_to_reactivate_somebody(self, home: House) -> None:
        invited(home)
        User.objects.filter(pk=home.owner.pk).update(is_active=False)
        client = as_(home.admin)
        sent = {"name": "Gil", "email": "gil@riverside.example", "role": "educator"}
        assert client.post("/admin/accounts/user/add/", sent).status_code == 302
        page = client.post(
            f"/admin/accounts/user/{home.owner.pk}/change/",
            {"name": "Ada Moss", "role": "educator", "email": home.owner.email, "is_active": "on"},
            follow=True,
        )
        assert "All 5 seats are taken or promised." in page.content.decode()
        home.owner.refresh_from_db()
        assert home.owner.is_active is False

    def test_are_given_to_nobody_once_the_organization_is_closed(self, home: House) -> None:
        invitation = invited(home)
        client = as_(home.admin)
        Organization.objects.filter(pk=home.organization.pk).update(closed_at=timezone.now())
        sent = {"name": "Gil", "email": "gil@riverside.example", "role": "educator"}
        assert client.post("/admin/accounts/user/add/", sent).status_code == 404
        assert client.post(f"{PAGE}add/", sent).status_code == 404
        assert Client().post(link_to(invitation), form()).status_code == 404
        assert not User.objects.filter(email__in=[EVE, sent["email"]]).exists()
        assert [each.email for each in Invitation.objects.all()] == [EVE]

    def test_keep_a_link_open_until_there_is_one(self, home: House, settings: Any) -> None:
        invitation = invited(home)
        settings.SEATS = {"free": 4}
        page = Client().post(link_to(invitation), form())
        assert "There is no free place at the moment." in page.content.decode()
        settings.SEATS = {"free": 5}
        assert Client().post(link_to(invitation), form()).status_code == 302

    def test_have_no_end_in_the_largest_tier(self, home: House, settings: Any) -> None:
        settings.SEATS = {"free": 5, "enterprise": None}
        Organization.objects.filter(pk=home.organization.pk).update(tier="enterprise")
        for number in range(3):
            invited(home, f"p{number}@riverside.example")
        assert "your tier has no limit" in as_(home.admin).get(PAGE).content.decode()
