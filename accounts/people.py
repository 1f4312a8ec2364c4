"""Adding people to an organization and changing what they are. Every change is on record.

Administrators never learn or set anybody's password, and cannot redirect the mail of somebody who has
signed in: otherwise they could become that person, and read what was only said to the coach.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts import audit, outbox, seats, sessions, tasks
from accounts.access import NotVisible, administers
from accounts.models import Organization, User
from accounts.outbox import Letter
from accounts.roles import Role

PASSWORD_MAIL = "password_link"  # noqa: S105 -- a kind of mail


class LastAdministrator(Exception):
    """The organization would be left without an active administrator; nothing was changed."""


class OnlyInBrowser(Exception):
    """A program would make somebody an administrator, or let one in, who would outlast its key; nothing was changed."""


class AddressTaken(Exception):
    """Somebody has an account with the address already; nothing was changed."""


ADDRESS_RULES = frozenset({"user_email_unique", "accounts_user_email_key"})
"""What the database finds broken when two people would have one address."""


def may_change_email(person: User) -> bool:
    """Whether an administrator may correct the address: only until the person has signed in."""
    return person.last_login is None


def is_last_administrator(person: User) -> bool:
    """Whether the person is the only active administrator of the organization."""
    if person.organization_id is None or not (person.is_admin and person.is_active):
        return False
    others = User.objects.filter(organization_id=person.organization_id, role=Role.ADMIN, is_active=True)
    return not others.exclude(pk=person.pk).exists()


@transaction.atomic
def add_person(*, actor: User, person: User, request: HttpRequest | None = None) -> User:
    """Save a new person, without a password, and record it.

    Raises:
        NotVisible: the actor does not administer the person's organization.
        NoSeatLeft: the organization has no seat for one more.
        AddressTaken: somebody has the address.
    """
    if not administers(actor, person.organization_id):
        raise NotVisible
    _claim_seat(person)
    person.set_unusable_password()
    with _one_address_each():
        person.save(force_insert=True)
    audit.record(
        actor=actor,
        action="person_added",
        resource=audit.person(person),
        reason=f"role: {person.role}",
        request=request,
        organization_id=person.organization_id,
    )
    return person


_CHANGEABLE = frozenset({"name", "email", "role", "is_active"})


def _lock_to_change(actor: User, person: User, fields: Collection[str]) -> User:
    """Return the person as they are, locked.

    Raises:
        NotVisible, ValueError: as `change_person` does.
    """
    before = User.objects.select_for_update().filter(pk=person.pk).first()
    if before is None or not administers(actor, before.organization_id):
        raise NotVisible
    if not _CHANGEABLE.issuperset(fields) or ("email" in fields and not may_change_email(before)):
        raise ValueError(fields)
    return before


def _save(person: User, fields: Collection[str]) -> None:
    """Save these fields of a person.

    Raises:
        LastAdministrator, AddressTaken: as `change_person` does.
    """
    try:
        with _one_address_each():
            person.save(update_fields=fields)
    except IntegrityError as error:
        if broken_constraint(error) == "last_administrator_stays":
            raise LastAdministrator from error
        raise


@transaction.atomic
def change_person(
    *,
    actor: User,
    person: User,
    changed: Iterable[str],
    by_program: bool = False,
    request: HttpRequest | None = None,
) -> User:
    """Save the changed fields of a person and record one event for each.

    Args:
        person: carries the new values.
        changed: the names of the fields to save: name, email, role or is_active.
        by_program: whether a key asks.

    Raises:
        NotVisible: the actor does not administer the person's organization.
        ValueError: another field was named, or the address of somebody who has signed in.
        OnlyInBrowser: a program asks, and the person is or becomes an administrator.
        LastAdministrator: the organization would be left without one.
        NoSeatLeft: the organization has no seat for somebody who is to be reactivated.
        AddressTaken: somebody got the new address meanwhile.
    """
    fields = sorted(set(changed))
    before = _lock_to_change(actor, person, fields)
    comes_back = "is_active" in fields and person.is_active and not before.is_active
    role = person.role if "role" in fields else before.role
    if by_program and role == Role.ADMIN and (comes_back or "role" in fields):
        raise OnlyInBrowser
    if comes_back:
        _claim_seat(person)
    _save(person, fields)
    if "is_active" in fields:
        # Also when somebody comes back: nothing may open again that a sign-in left behind at the last moment.
        reason = "deactivated" if before.is_active else "reactivated"
        sessions.end_everywhere(
            person=person, actor=actor, reason=reason, now=timezone.now(), request=request
        )
    for field in fields:
        audit.record(
            actor=actor,
            action=_action(field, person),
            resource=audit.person(person),
            reason=f"{before.role} to {person.role}" if field == "role" else "",
            request=request,
            organization_id=person.organization_id,
        )
    return person


def sign_out_everywhere(
    *, actor: User, person: User, now: datetime, request: HttpRequest | None = None
) -> sessions.Ended:
    """End every session and every key of somebody whose device was lost or whose password is known; record it.

    Raises:
        NotVisible: the actor does not administer the person's organization.
    """
    if not administers(actor, person.organization_id):
        raise NotVisible
    return sessions.end_everywhere(
        person=person, actor=actor, reason="by an administrator", now=now, request=request
    )


def _claim_seat(person: User) -> None:
    """Make sure of a seat for one more active person; staff outside every organization need none."""
    if person.organization_id is not None and person.is_active:
        seats.claim(organization_id=person.organization_id, now=timezone.now())


def broken_constraint(error: IntegrityError) -> str | None:
    """Return the name of the rule that the database found broken."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None)


@contextmanager
def _one_address_each() -> Iterator[None]:
    """Say that somebody has the address already, in words of this module."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if broken_constraint(error) in ADDRESS_RULES:
            raise AddressTaken from error
        raise


def _action(field: str, person: User) -> str:
    """Return the verb for a changed field."""
    if field == "is_active":
        return "person_reactivated" if person.is_active else "person_deactivated"
    return f"person_{field}_changed"


def may_choose_password(person: User) -> bool:
    """Whether a password is for this person: not where passwords open nothing, nor when a provider vouches for them.

    The address of somebody who comes from a provider may be unverified, and a password would outlast their place
    there.
    """
    if not (settings.PASSWORD_SIGN_IN and person.email):
        return False
    return person.has_usable_password() or not person.socialaccount_set.exists()  # type: ignore[attr-defined]  # allauth's


@transaction.atomic
def send_password_link(*, actor: User, person: User, request: HttpRequest) -> bool:
    """Have the person mailed a link to choose a password, and record it; say whether there is one to send.

    Raises:
        NotVisible: the actor does not administer the person's organization, or the person is deactivated.
    """
    if not administers(actor, person.organization_id) or not person.is_active:
        raise NotVisible
    if not may_choose_password(person):
        return False
    mail_password_link(person, now=timezone.now())
    audit.record(
        actor=actor,
        action="password_link_sent",
        resource=audit.person(person),
        request=request,
        organization_id=person.organization_id,
    )
    return True


@transaction.atomic
def mail_password_link(person: User, *, now: datetime) -> None:
    """Queue the mail with a link to choose a password, and have it sent after the commit."""
    mail = outbox.queue(
        kind=PASSWORD_MAIL,
        about=person.pk,
        recipient=str(person.email),
        organization_id=person.organization_id,
        now=now,
    )
    tasks.nudge_mail(mail.pk)


def password_letter(about: UUID, *, now: datetime) -> Letter | None:
    """Write the mail with a link to choose a password; none for whom there is no password to choose any more.

    It goes to the address of this moment: the link would let somebody in whose address it was before.
    """
    person = User.objects.filter(pk=about, is_active=True).first()
    if person is None or not may_choose_password(person):
        return None
    place = {"uidb36": user_pk_to_url_str(person), "key": default_token_generator.make_token(person)}
    context = {
        "site": settings.SITE_NAME,
        "link": settings.PUBLIC_URL + reverse("account_reset_password_from_key", kwargs=place),
        "days": timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT).days,
    }
    subject = render_to_string("mail/password_link/subject.txt", context)
    text = render_to_string("mail/password_link/body.txt", context)
    return Letter(" ".join(subject.split()), text, to=str(person.email))


@transaction.atomic
def rename(*, person: User, name: str, request: HttpRequest | None = None) -> None:
    """Save and record the name that a person chose for themselves: nobody becomes somebody else unseen."""
    if person.name == name:
        return
    person.name = name
    person.save(update_fields=["name"])
    audit.record(actor=person, action=_action("name", person), resource=audit.person(person), request=request)


@transaction.atomic
def change_organization(
    *, actor: User, organization: Organization, changed: Iterable[str], request: HttpRequest | None = None
) -> None:
    """Save the changed settings of an organization and record which; where none was changed there is nothing to do.

    Raises:
        NotVisible: the actor administers another organization, or none.
    """
    if not administers(actor, organization.pk):
        raise NotVisible
    fields = sorted(set(changed))
    if not fields:
        return
    organization.save(update_fields=fields)
    audit.record(
        actor=actor,
        action="organization_changed",
        resource=f"organization:{organization.pk}",
        reason=", ".join(fields),
        request=request,
        organization_id=organization.pk,
    )
