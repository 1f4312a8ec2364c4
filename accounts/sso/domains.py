"""The domains of an organization: its administrator states them, staff verify them, people come in by them.

There is no check over the network: whoever can answer for a domain tells staff, who look it up and say so.
"""

import re
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import audit
from accounts.access import NotVisible, administered, administers
from accounts.models import DOMAIN_SHAPE, Organization, OrganizationDomain, User


class NotADomain(ValueError):
    """What was entered is no domain name."""


class DomainTaken(Exception):
    """The domain is verified for another organization; nothing was changed."""


def spelled(text: str) -> str:
    """Return a domain as it is stored, from what somebody entered or copied from an address.

    Raises:
        NotADomain: it is none.
    """
    domain = text.strip().lower().rpartition("@")[2].rstrip(".")
    if not re.fullmatch(DOMAIN_SHAPE, domain):
        raise NotADomain
    return domain


def visible_domains(member: User) -> QuerySet[OrganizationDomain]:
    """Return the domains of the administrator's organization; all of them for staff."""
    return administered(member, OrganizationDomain.objects.all())


def visible_domain(member: User, domain_id: UUID) -> OrganizationDomain:
    """Return a domain of the administrator's organization.

    Raises:
        NotVisible: there is none.
    """
    found = visible_domains(member).filter(pk=domain_id).first()
    if found is None:
        raise NotVisible
    return found


@transaction.atomic
def state(
    *, actor: User | None, organization: Organization, domain: str, request: HttpRequest | None = None
) -> OrganizationDomain:
    """Save that a domain is the organization's own. It opens nothing yet.

    Args:
        actor: an administrator of the organization, or staff; none for staff at the command line.

    Raises:
        NotADomain: it is no domain name.
        NotVisible: the actor administers another organization, or none.
    """
    if actor is not None and not administers(actor, organization.pk):
        raise NotVisible
    stated, new = OrganizationDomain.objects.get_or_create(organization=organization, domain=spelled(domain))
    if new:
        _record(actor, "domain_stated", stated, request)
    return stated


@transaction.atomic
def verify(
    *, actor: User | None, domain: OrganizationDomain, now: datetime, request: HttpRequest | None = None
) -> None:
    """Let people of the domain come in to the organization that stated it.

    Args:
        actor: staff; none at the command line.

    Raises:
        NotVisible: the actor is not staff.
        DomainTaken: it is verified for another organization.
    """
    if actor is not None and not actor.is_superuser:
        raise NotVisible
    unverified = OrganizationDomain.objects.filter(pk=domain.pk, verified_at=None)
    try:
        with transaction.atomic():
            changed = unverified.update(verified_at=now)
    except IntegrityError as error:
        raise DomainTaken from error
    if changed:
        _record(actor, "domain_verified", domain, request)


@transaction.atomic
def withdraw(*, actor: User | None, domain: OrganizationDomain, request: HttpRequest | None = None) -> None:
    """Forget a domain; nobody comes in by it any more.

    Raises:
        NotVisible: the actor administers another organization, or none.
    """
    if actor is not None and not administers(actor, domain.organization_id):
        raise NotVisible
    _record(actor, "domain_withdrawn", domain, request)
    domain.delete()


def _record(actor: User | None, action: str, domain: OrganizationDomain, request: HttpRequest | None) -> None:
    audit.record(
        actor=actor,
        action=action,
        resource=f"organization:{domain.organization_id}",
        reason=domain.domain,
        request=request,
        organization_id=domain.organization_id,
    )
