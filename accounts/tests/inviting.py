"""Invitations for tests, and what is sent from the page behind their link."""

from typing import Any

from django.utils import timezone

from accounts import invitations
from accounts.entry_models import Invitation
from accounts.tests.cast import House

PAGE = "/admin/accounts/invitation/"
EVE = "eve@riverside.example"
WORDS = "another walk along the shore"


def invited(house: House, email: str = EVE, **more: Any) -> Invitation:
    """Return an invitation that the house's administrator has made."""
    given = {"role": "educator", "team": None, "now": timezone.now(), **more}
    return invitations.invite(actor=house.admin, organization=house.organization, email=email, **given)


def link_to(invitation: Invitation) -> str:
    """Return the address of the page that the invitation leads to."""
    return f"/join/{invitations.token_of(invitation)}/"


def form(**more: str) -> dict[str, str]:
    """Return the form of that page."""
    return {"name": "Eve Reed", "password1": WORDS, "password2": WORDS, **more}
