"""Letting somebody in whom a provider knows: the account they have, one that waits for them, or a new one."""

from typing import NoReturn

from allauth.socialaccount.models import SocialAccount
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit, seats
from accounts.access import NotVisible
from accounts.models import Organization, OrganizationDomain, User
from accounts.roles import Role
from accounts.sso import refusals
from accounts.sso.identity import Identity
from accounts.sso.refusals import SignInRefused

NAMELESS = "New educator"


def admit(*, identity: Identity, request: HttpRequest | None = None) -> User:
    """Return the person whom an identity belongs to; a new educator when the organization is known.

    Nobody is known by an e-mail address. When the same person comes in twice at once, the database keeps
    one of the two accounts, and both get that one.

    Raises:
        SignInRefused: the person may not come in.
    """
    try:
        return _admit(identity, request)
    except IntegrityError:
        return _admit(identity, request)


@transaction.atomic
def _admit(identity: Identity, request: HttpRequest | None) -> User:
    account = _account(identity)
    if account is not None:
        return _known(account.user, identity)
    organization = _organization(identity)
    address = _address(identity, organization)
    if address is not None:
        # Locked, so that two identities with one address cannot both be given the account.
        waiting = User.objects.select_for_update().filter(email__iexact=address).first()
        if waiting is not None:
            return _linked(waiting, identity, organization, request)
    return _joined(identity, address, organization, request)


def _account(identity: Identity) -> SocialAccount | None:
    """Return the account that an identity opens, if it opens one."""
    known = SocialAccount.objects.filter(provider=identity.provider, uid=identity.subject)
    return known.select_related("user__organization").first()


def _known(person: User, identity: Identity) -> User:
    """Return a person who came before, while the organization still goes with the identity."""
    if not person.is_active:
        raise SignInRefused(refusals.CLOSED, person=person)
    if _organization(identity, person=person) != person.organization:
        raise SignInRefused(refusals.OTHER_ORGANIZATION, home=identity.home, person=person)
    return person


def _organization(identity: Identity, person: User | None = None) -> Organization:
    """Return the organization that vouches for an identity.

    Raises:
        SignInRefused: there is none, or the identity is not one that it could vouch for.
    """
    if identity.district:
        found = Organization.objects.filter(clever_district_id=identity.district).first()
        return found or _nobody_vouches(identity.home, person)
    if not identity.domain:
        raise SignInRefused(refusals.PERSONAL, person=person)
    if not identity.email or not identity.email_verified:
        raise SignInRefused(refusals.UNVERIFIED, person=person)
    verified = OrganizationDomain.objects.filter(verified_at__isnull=False)
    its = verified.filter(domain=identity.domain).select_related("organization").first()
    if its is None:
        return _nobody_vouches(identity.home, person)
    if not verified.filter(organization=its.organization_id, domain=identity.email_domain).exists():
        return _nobody_vouches(identity.email_domain, person)
    return its.organization


def _nobody_vouches(home: str, person: User | None) -> NoReturn:
    """Refuse somebody of a domain or a district that nobody, or not their own organization, has.

    Raises:
        SignInRefused: always.
    """
    reason = refusals.UNKNOWN_ORGANIZATION if person is None else refusals.OTHER_ORGANIZATION
    raise SignInRefused(reason, home=home, person=person)


def _linked(
    person: User, identity: Identity, organization: Organization, request: HttpRequest | None
) -> User:
    """Return somebody who was added before, when the organization lets addresses link accounts.

    Raises:
        SignInRefused: it does not, the address is not verified, or the account is opened elsewhere already.
    """
    identities = SocialAccount.objects.filter(user=person)
    if identities.filter(provider=identity.provider, uid=identity.subject).exists():
        return person  # The same sign-in, a moment faster.
    agreed = identity.email_verified and organization.links_accounts
    if not agreed or person.organization_id != organization.pk or identities.exists():
        raise SignInRefused(refusals.TAKEN, person=person if person.organization == organization else None)
    if not person.is_active:
        raise SignInRefused(refusals.CLOSED, person=person)
    _remember(person, identity)
    audit.record(
        actor=person,
        action="sign_in_linked",
        resource=audit.person(person),
        reason=identity.provider,
        request=request,
    )
    return person


def _joined(
    identity: Identity, address: str | None, organization: Organization, request: HttpRequest | None
) -> User:
    """Return a new educator of the organization; nobody becomes more than that by coming in.

    Raises:
        SignInRefused: the organization has no seat for one more, or has been closed meanwhile.
    """
    try:
        seats.claim(organization_id=organization.pk, now=timezone.now())
    except seats.NoSeatLeft as full:
        # Whoever took the last seat while this one waited may be the same person, a moment faster.
        account = _account(identity)
        if account is None:
            raise SignInRefused(refusals.FULL) from full
        return _known(account.user, identity)
    except NotVisible:
        _nobody_vouches(identity.home, None)
    person = User(
        email=address,
        name=identity.name or (address or "").partition("@")[0] or NAMELESS,
        role=Role.EDUCATOR,
        organization=organization,
    )
    person.set_unusable_password()
    person.save(force_insert=True)
    _remember(person, identity)
    audit.record(
        actor=person,
        action="person_joined",
        resource=audit.person(person),
        reason=identity.provider,
        request=request,
    )
    return person


def _address(identity: Identity, organization: Organization) -> str | None:
    """Return the address to keep: a verified one, or one in a domain of the organization's own.

    Anything else could be somebody else's, whose account it would then stand in the way of.
    """
    if not identity.email:
        return None
    own = organization.domains.filter(domain=identity.email_domain, verified_at__isnull=False)
    return identity.email if identity.email_verified or own.exists() else None


def _remember(person: User, identity: Identity) -> None:
    """Save what the provider calls a person; the database keeps it unique."""
    SocialAccount.objects.create(user=person, provider=identity.provider, uid=identity.subject, extra_data={})
