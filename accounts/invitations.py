"""Inviting people by mail: a link that expires, works once, and makes exactly the person that was meant.

The link is not stored: it is the invitation's id and the number of the link, signed. Sending it again raises the
number, which ends the earlier link.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from accounts import audit, outbox, people, seats, tasks, teams
from accounts.access import NotVisible, administered, administers
from accounts.entry_models import Invitation, OutgoingMail
from accounts.models import Organization, Team, TeamMembership, User
from accounts.outbox import Letter
from accounts.roles import Role
from accounts.sso import linking

LASTS = timedelta(days=7)
MAIL = "invitation"


class AlreadyHere(Exception):
    """The address belongs to somebody in the organization; nothing was changed."""


class AlreadyInvited(Exception):
    """An invitation to the address is pending; nothing was changed."""


AddressTaken = people.AddressTaken


class LinkClosed(Exception):
    """The link opens nothing: wrong, expired, used, replaced, withdrawn, or of somebody who may not invite now."""


def visible_invitations(member: User) -> QuerySet[Invitation]:
    """Return the invitations of the administrator's organization; all of them for staff."""
    return administered(member, Invitation.objects.all())


def visible_invitation(member: User, invitation_id: UUID) -> Invitation:
    """Return an invitation of the administrator's organization.

    Raises:
        NotVisible: there is none with this id.
    """
    invitation = visible_invitations(member).filter(pk=invitation_id).first()
    if invitation is None:
        raise NotVisible
    return invitation


def listed(member: User) -> QuerySet[Invitation]:
    """Return the same, the newest first, each with the state of its last mail as `mail_state`."""
    mails = OutgoingMail.objects.filter(kind=MAIL, about=OuterRef("pk")).order_by("-created_at")
    found = visible_invitations(member).order_by("-created_at")
    return found.annotate(mail_state=Subquery(mails.values("state")[:1]))


@transaction.atomic
def invite(
    *,
    actor: User,
    organization: Organization,
    email: str,
    role: str,
    team: Team | None,
    now: datetime,
    request: HttpRequest | None = None,
) -> Invitation:
    """Invite somebody into the organization, and into a team when they come as an educator.

    Raises:
        NotVisible: the actor does not administer the organization, or the team is another's.
        AlreadyHere: the person has come already.
        AlreadyInvited: an invitation is pending; it can be sent again.
        NoSeatLeft: every seat is taken or promised.
    """
    if not administers(actor, organization.pk):
        raise NotVisible
    if team is not None and (team.organization_id != organization.pk or role != Role.EDUCATOR):
        raise NotVisible
    if User.objects.filter(organization=organization, email__iexact=email).exists():
        raise AlreadyHere
    seats.claim(organization_id=organization.pk, now=now)
    try:
        with transaction.atomic():
            invitation = Invitation.objects.create(
                organization=organization,
                email=email,
                role=role,
                team=team,
                invited_by=actor,
                created_at=now,
                expires_at=now + LASTS,
            )
    except IntegrityError as error:
        if people.broken_constraint(error) == "invitation_one_pending":
            raise AlreadyInvited from error
        raise
    _mail(invitation, now)
    _record(invitation, actor, "person_invited", request, f"role: {role}")
    return invitation


@transaction.atomic
def send_again(
    *, actor: User, invitation_id: UUID, now: datetime, request: HttpRequest | None = None
) -> Invitation:
    """Send a pending invitation again, with a new link and a new term; earlier links end.

    Raises:
        NotVisible: it is not pending, or the actor does not administer its organization.
        NoSeatLeft: it had expired, and its seat has been given to somebody else.
    """
    invitation = _lock_pending(actor, invitation_id)
    if invitation.expires_at <= now:
        seats.claim(organization_id=invitation.organization_id, now=now)
    invitation.link += 1
    invitation.invited_by = actor
    invitation.expires_at = now + LASTS
    invitation.save(update_fields=["link", "invited_by", "expires_at"])
    _mail(invitation, now)
    _record(invitation, actor, "invitation_sent_again", request)
    return invitation


@transaction.atomic
def withdraw(*, actor: User, invitation_id: UUID, request: HttpRequest | None = None) -> Invitation:
    """Take a pending invitation back: its link opens nothing any more.

    Raises:
        NotVisible: it is not pending, or the actor does not administer its organization.
    """
    invitation = _lock_pending(actor, invitation_id)
    invitation.state = Invitation.State.WITHDRAWN
    invitation.save(update_fields=["state"])
    _record(invitation, actor, "invitation_withdrawn", request)
    return invitation


def opened_by(token: str, *, now: datetime) -> Invitation:
    """Return the invitation that a link opens.

    Raises:
        LinkClosed: it opens none.
    """
    invitation_id, link = _read(token)
    found = _open(invitation_id, now=now).filter(link=link).select_related("organization").first()
    if found is None:
        raise LinkClosed
    return found


@transaction.atomic
def accept(
    *, token: str, name: str, password: str | None, now: datetime, request: HttpRequest | None = None
) -> User:
    """Make the invited person, who may then sign in, and use up the link.

    Address, role, organization and team are the invitation's; without a password the person signs in elsewhere.

    Raises:
        LinkClosed: the link opens nothing.
        AddressTaken: somebody has an account with the address already.
        NoSeatLeft: the organization has become too small meanwhile.
    """
    invitation_id, _link = _read(token)
    _lock(invitation_id)
    invitation = opened_by(token, now=now)
    if User.objects.filter(email__iexact=invitation.email).exists():
        raise AddressTaken
    # The invitation's own seat is free for its person.
    invitation.state = Invitation.State.ACCEPTED
    invitation.save(update_fields=["state"])
    seats.claim(organization_id=invitation.organization_id, now=now)
    person = _create_person(invitation, name, password)
    if invitation.team_id is not None:
        TeamMembership.objects.create(team_id=invitation.team_id, member=person)
        teams.coaching_changed(educators=[person.pk], now=now)
    invitation.person = person
    invitation.save(update_fields=["person"])
    audit.record(
        actor=person,
        action="person_joined",
        resource=audit.person(person),
        reason=f"invitation:{invitation.pk}, role: {person.role}",
        request=request,
    )
    return person


def _create_person(invitation: Invitation, name: str, password: str | None) -> User:
    """Create the person whom the invitation means."""
    try:
        with transaction.atomic():
            return User.objects.create_user(
                invitation.email,
                password,
                name=name,
                role=invitation.role,
                organization=invitation.organization,
            )
    except IntegrityError as error:
        if people.broken_constraint(error) in people.ADDRESS_RULES:
            raise AddressTaken from error
        raise


def letter(about: UUID, *, now: datetime) -> Letter | None:
    """Write the mail of an invitation; none for one that cannot be accepted any more."""
    invitation = _open(about, now=now).select_related("organization", "invited_by").first()
    if invitation is None:
        return None
    context = {
        "organization": invitation.organization.name,
        "inviter": invitation.invited_by,
        "site": settings.SITE_NAME,
        "link": settings.PUBLIC_URL + reverse("join", args=[token_of(invitation)]),
        "expires_at": invitation.expires_at,
        "way_in": linking.way_in(invitation.email),
    }
    subject = render_to_string("mail/invitation/subject.txt", context)
    return Letter(" ".join(subject.split()), render_to_string("mail/invitation/body.txt", context))


def without_mail(*, now: datetime) -> QuerySet[Invitation]:
    """Return the invitations that can be accepted and of which no mail tells, so that nobody knows of them."""
    mails = OutgoingMail.objects.filter(kind=MAIL, about=OuterRef("pk"))
    pending = Invitation.objects.filter(state=Invitation.State.PENDING, expires_at__gt=now)
    return pending.filter(~Exists(mails))


def token_of(invitation: Invitation) -> str:
    """Return what the link of an invitation ends in."""
    return _signer().sign(f"{invitation.pk.hex}.{invitation.link}")


def _open(invitation_id: UUID, *, now: datetime) -> QuerySet[Invitation]:
    """Return the invitation if it can be accepted: it is worth what its inviter may still do."""
    still_may = Q(invited_by__role=Role.ADMIN) | Q(invited_by__is_superuser=True)
    pending = Invitation.objects.filter(pk=invitation_id, state=Invitation.State.PENDING, expires_at__gt=now)
    return pending.filter(still_may, invited_by__is_active=True)


def _signer() -> Signer:
    """Return what signs links; a signature for another purpose is none here."""
    return Signer(sep=".", salt="accounts.invitations")


def _read(token: str) -> tuple[UUID, int]:
    """Return the id and the number of the link that a token names."""
    try:
        invitation_id, link = _signer().unsign(token).split(".")
        return UUID(invitation_id), int(link)
    except (BadSignature, ValueError):
        raise LinkClosed from None


def _lock(invitation_id: UUID) -> Invitation | None:
    """Lock and return an invitation after its organization: in the order in which new ones are made."""
    found = Invitation.objects.filter(pk=invitation_id).first()
    if found is None:
        return None
    seats.take_turn(found.organization_id)
    return Invitation.objects.select_for_update().filter(pk=invitation_id).first()


def _lock_pending(actor: User, invitation_id: UUID) -> Invitation:
    """Lock and return a pending invitation that the actor administers."""
    invitation = _lock(invitation_id)
    if invitation is None or invitation.state != Invitation.State.PENDING:
        raise NotVisible
    if not administers(actor, invitation.organization_id):
        raise NotVisible
    return invitation


def _mail(invitation: Invitation, now: datetime) -> None:
    """Queue the mail with the invitation, and have it sent after the commit."""
    mail = outbox.queue(
        kind=MAIL,
        about=invitation.pk,
        recipient=invitation.email,
        organization_id=invitation.organization_id,
        now=now,
    )
    tasks.nudge_mail(mail.pk)


def _record(
    invitation: Invitation, actor: User, action: str, request: HttpRequest | None, reason: str = ""
) -> None:
    audit.record(
        actor=actor,
        action=action,
        resource=f"invitation:{invitation.pk}",
        reason=reason,
        request=request,
        organization_id=invitation.organization_id,
    )
