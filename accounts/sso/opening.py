"""How whoever runs the installation opens it to an organization, where nobody can sign in by a password."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts import audit
from accounts.models import Organization, User
from accounts.roles import Role
from accounts.sso import domains


class NotOne(LookupError):
    """What was named is missing, or there are several."""


def organization_named(named: str) -> Organization:
    """Return the organization of a name or an id.

    Raises:
        NotOne: there is none, or there are several.
    """
    wanted = Q(name__iexact=named)
    if (key := _id(named)) is not None:
        wanted |= Q(pk=key)
    match list(Organization.objects.filter(wanted)[:2]):
        case [only]:
            return only
        case _:
            raise NotOne(named)


def person_named(named: str) -> User:
    """Return the person of an address or an id.

    Raises:
        NotOne: there is none in any organization.
    """
    wanted = Q(email__iexact=named)
    if (key := _id(named)) is not None:
        wanted |= Q(pk=key)
    person = User.objects.filter(wanted, organization__isnull=False).first()
    if person is None:
        raise NotOne(named)
    return person


@transaction.atomic
def open_organization(
    *, name: str, administrator: str, stated: Iterable[str], district: str | None, now: datetime
) -> Organization:
    """Add an organization whose people may come in at once, and the account that waits for its administrator.

    Args:
        administrator: the address at which the administrator signs in with Google.
        stated: the domains, whose owner was asked.
        district: the id in Clever, if the organization uses it.

    Raises:
        NotADomain: one of the domains is none.
        DomainTaken: one is another organization's.
    """
    organization = Organization.objects.create(
        name=name, clever_district_id=district or None, links_accounts=True
    )
    person = User(email=administrator, name=administrator, role=Role.ADMIN, organization=organization)
    person.set_unusable_password()
    person.save(force_insert=True)
    for domain in stated:
        domains.verify(
            actor=None, domain=domains.state(actor=None, organization=organization, domain=domain), now=now
        )
    audit.record(
        actor=None,
        action="organization_added",
        resource=f"organization:{organization.pk}",
        organization_id=organization.pk,
    )
    return organization


@transaction.atomic
def make_administrator(*, person: User) -> None:
    """Let somebody who came in administer the organization."""
    before = person.role
    person.role = Role.ADMIN
    person.save(update_fields=["role"])
    audit.record(
        actor=None,
        action="person_role_changed",
        resource=audit.person(person),
        reason=f"{before} to {person.role}",
        organization_id=person.organization_id,
    )


def _id(text: str) -> UUID | None:
    """Return the id that a text is, if it is one."""
    try:
        return UUID(text)
    except ValueError:
        return None
