"""Clever: staff of a district that Sideline knows, and never a student."""

import re
from typing import Any

from allauth.socialaccount.providers.clever.provider import CleverProvider
from allauth.socialaccount.providers.clever.views import CleverOAuth2Adapter
from typing_extensions import override

from accounts.sso import exchange, refusals
from accounts.sso.exchange import ProviderUnclear
from accounts.sso.flow import StrictAdapter, StrictProvider
from accounts.sso.identity import Identity, readable_name, usable_email
from accounts.sso.refusals import SignInRefused

STAFF = frozenset({"teacher", "staff", "school_admin", "district_admin"})
"""Who may come in; all of them as educators."""
NEVER = frozenset({"student", "contact"})
"""Whoever has one of these roles stays out, whatever the others are."""
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What an id of Clever's looks like; it becomes part of an address."""


class CleverSignIn(StrictAdapter, CleverOAuth2Adapter):  # type: ignore[misc]  # allauth has no types
    """Asks who the token belongs to, and which roles that person has."""

    basic_auth = True

    @override
    def identify(self, *, app: Any, access_token: str, answer: dict[str, Any]) -> Identity:
        """Return the person, when no role keeps them out."""
        bearer = {"Authorization": f"Bearer {access_token}"}
        me = exchange.ask("GET", self.places["ME_URL"], headers=bearer)
        if me.get("type") != "user":
            raise ProviderUnclear("type")  # A token for a whole district is nobody's.
        subject, district = _ids(me)
        person = exchange.ask("GET", f"{self.places['USERS_URL']}/{subject}", headers=bearer)
        if _ids(person) != (subject, district):
            raise ProviderUnclear("id")
        return self._identity(_data(person), subject=subject, district=district)

    def _identity(self, person: dict[str, Any], *, subject: str, district: str) -> Identity:
        """Return what the record of a person says, when its roles let the person in."""
        _check_roles(person.get("roles"))
        name = person.get("name")
        names = name if isinstance(name, dict) else {}
        return Identity(
            provider=self.provider_id,
            subject=subject,
            name=readable_name(names.get("first"), names.get("last")),
            email=usable_email(person.get("email")),
            district=district,
        )


class Clever(StrictProvider, CleverProvider):  # type: ignore[misc]  # allauth has no types
    """Clever as django-allauth knows it."""

    oauth2_adapter_class = CleverSignIn


def _data(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the object in which Clever wraps everything."""
    data = answer.get("data")
    if not isinstance(data, dict):
        raise ProviderUnclear("data")
    return data


def _ids(answer: dict[str, Any]) -> tuple[str, str]:
    """Return the ids of the person and of the district."""
    data = _data(answer)
    return exchange.word(data, "id", ID), exchange.word(data, "district", ID)


def _check_roles(roles: object) -> None:
    """Look at every role.

    Raises:
        SignInRefused: one of them keeps the person out, or none lets them in.
        ProviderUnclear: these are no roles.
    """
    if not isinstance(roles, dict):
        raise ProviderUnclear("roles")
    if NEVER & roles.keys():
        raise SignInRefused(refusals.STUDENT)
    if not roles or not roles.keys() <= STAFF:
        raise SignInRefused(refusals.NO_ROLE)
