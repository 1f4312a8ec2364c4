"""How whoever runs the installation opens it to an organization, where nobody can sign in by a password."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import Organization, User
from accounts.roles import Role
from accounts.sso import domains


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
