"""Erase an organization with everybody and everything in it, app by app, as often as it takes.

First it is closed: nobody in it can sign in, and nobody comes in any more. From then on there is no way back. Each
app's part can be repeated and deletes piece by piece, the row of the organization goes last: whoever was killed
half-way names it once more and goes on.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from accounts import audit
from accounts.entry_models import Invitation
from accounts.lifecycle import StillNeeded
from accounts.models import Organization, OrganizationDomain, User


class Gone(NamedTuple):
    """Something that was just erased, and how many of it."""

    what: str
    number: int


class OrganizationData(Protocol):
    """One app's answer to what it holds of an organization."""

    def waits_for(self, organization_id: UUID) -> str:
        """Return why the organization cannot go yet, or nothing."""
        ...

    def count(self, organization_id: UUID) -> Mapping[str, int]:
        """Return what there is."""
        ...

    def erase(self, organization_id: UUID, *, now: datetime) -> Iterator[Gone]:
        """Erase what there is, and tell piece by piece. Called again after an interruption, it does the rest."""
        ...


def parts() -> list[OrganizationData]:
    """Return each app's answer, in the order of erasing."""
    return [import_string(path)() for path in settings.ORGANIZATION_DATA]


def count(organization: Organization) -> dict[str, int]:
    """Return what an erasure would take, and write nothing."""
    return {what: number for part in parts() for what, number in part.count(organization.pk).items()}


def erase(organization: Organization, *, now: datetime, even_in_a_crisis: bool = False) -> Iterator[Gone]:
    """Close the organization and erase it, piece by piece, then the organization itself.

    Raises:
        StillNeeded: somebody in it waits for a person in a crisis, and that is to be respected.
    """
    _close(organization, now=now, even_in_a_crisis=even_in_a_crisis)
    gone: Counter[str] = Counter()
    for part in parts():
        for piece in part.erase(organization.pk, now=now):
            gone[piece.what] += piece.number
            yield piece
    _finish(organization, gone)


@transaction.atomic(durable=True)
def _close(organization: Organization, *, now: datetime, even_in_a_crisis: bool) -> None:
    """Let nobody sign in or come in any more; sockets, keys and share links end with the accounts."""
    row = Organization.objects.select_for_update().filter(pk=organization.pk, closed_at=None).first()
    if row is None:
        return  # It was closed before, or somebody else has erased it meanwhile.
    reasons = [reason for part in parts() if (reason := part.waits_for(row.pk))]
    if reasons and not even_in_a_crisis:
        raise StillNeeded(reasons[0])
    Organization.objects.filter(pk=row.pk).update(closed_at=now, clever_district_id=None)
    OrganizationDomain.objects.filter(organization=row).delete()
    Invitation.objects.filter(organization=row).delete()
    User.objects.filter(organization=row, is_active=True).update(is_active=False)
    _record(row.pk, "organization_closed", "it is erased from the command line")


@transaction.atomic(durable=True)
def _finish(organization: Organization, gone: Mapping[str, int]) -> None:
    """Delete the organization itself, unless that was done; what this run erased is on record."""
    deleted, _ = Organization.objects.filter(pk=organization.pk).delete()
    if deleted:
        counts = ", ".join(f"{what} {number}" for what, number in gone.items())
        _record(organization.pk, "organization_erased", counts)


def _record(organization_id: UUID, action: str, reason: str) -> None:
    audit.record(
        actor=None,
        action=action,
        resource=f"organization:{organization_id}",
        reason=reason,
        organization_id=organization_id,
    )
