"""The only gate to people, teams and organizations: who may see whom.

Educators see themselves and their coach, coaches also the educators of their teams, administrators
everybody in their organization. Nobody sees anybody in another organization.
"""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from accounts.lifecycle_models import AccountExport
from accounts.models import ApiToken, Organization, Team, User
from accounts.roles import Role

M = TypeVar("M", bound=Model)


class NotVisible(Exception):
    """What was asked for does not exist for this member, whether it is missing or somebody else's.

    A gate whose refusals go on record says in `asked` what it was asked for, as `kind:id`; the doors note that
    (`refusals.note`).
    """

    def __init__(self, *, asked: str = "") -> None:
        super().__init__()
        self.asked = asked


class AccountDeactivated(NotVisible):
    """The account was deactivated or removed since this person signed in."""


def organization_of(member: User) -> Organization:
    """Return the member's organization.

    Raises:
        NotVisible: a member of staff belongs to none.
    """
    if member.organization is None:
        raise NotVisible
    return member.organization


def administers(member: User, organization_id: UUID | None) -> bool:
    """Whether the member may change what is an organization's: its active administrator, or staff."""
    if not member.is_active:
        return False
    own = member.organization_id is not None and member.organization_id == organization_id
    return member.is_superuser or (member.is_admin and own)


def administered(member: User, rows: QuerySet[M]) -> QuerySet[M]:
    """Return those of the rows that are the administrator's organization's; all of them for staff."""
    if member.is_superuser:
        return rows
    if not member.is_admin or member.organization_id is None:
        return rows.none()
    return rows.filter(organization_id=member.organization_id)


def current_member(user_id: UUID) -> User:
    """Return the person as the database knows them now; for doors that stay open, such as sockets.

    Raises:
        AccountDeactivated: the account is gone or no longer active.
    """
    member = User.objects.filter(pk=user_id, is_active=True).select_related("organization").first()
    if member is None:
        raise AccountDeactivated
    return member


def hold_open(member: User) -> None:
    """Have the account stay as it is until the transaction ends: who closes or erases it waits.

    Raises:
        AccountDeactivated: the account is gone or no longer active.
    """
    if not User.objects.select_for_update(no_key=True).filter(pk=member.pk, is_active=True).exists():
        raise AccountDeactivated


def visible_people(member: User) -> QuerySet[User]:
    """Return the people whom the member may see, deactivated ones included."""
    if member.organization_id is None:
        return User.objects.none()
    people = User.objects.filter(organization_id=member.organization_id)
    if member.is_admin:
        return people
    seen = Q(pk=member.pk) | Q(coached_teams__memberships__member=member.pk)
    if member.is_coach:
        seen |= Q(team_membership__team__coach=member.pk)
    return people.filter(pk__in=User.objects.filter(seen).values("pk"))


def visible_member(member: User, person_id: UUID) -> User:
    """Return a person whom the member may see.

    Raises:
        NotVisible: there is none, or the member may not see them.
    """
    person = visible_people(member).filter(pk=person_id).first()
    if person is None:
        raise NotVisible
    return person


def visible_teams(member: User) -> QuerySet[Team]:
    """Return the teams of which the member is coach or part; an administrator sees all of the organization."""
    if member.organization_id is None:
        return Team.objects.none()
    teams = Team.objects.filter(organization_id=member.organization_id)
    if member.is_admin:
        return teams
    own = Q(memberships__member=member.pk)
    if member.is_coach:
        own |= Q(coach=member.pk)
    return teams.filter(pk__in=Team.objects.filter(own).values("pk"))


def visible_team(member: User, team_id: UUID) -> Team:
    """Return a team that the member may see.

    Raises:
        NotVisible: there is none, or the member may not see it.
    """
    team = visible_teams(member).filter(pk=team_id).first()
    if team is None:
        raise NotVisible
    return team


def own_export(member: User, export_id: UUID, *, now: datetime) -> AccountExport:
    """Return a copy of the member's own data that can still be downloaded.

    Raises:
        NotVisible: there is none, it is somebody else's, or its day is over.
    """
    export = AccountExport.objects.filter(
        pk=export_id, person_id=member.pk, state=AccountExport.State.READY, expires_at__gt=now
    ).first()
    if export is None:
        raise NotVisible
    return export


def active_coaches(member: User) -> QuerySet[User]:
    """Return the people of the member's organization who coach now; administrators are not among them."""
    if member.organization_id is None:
        return User.objects.none()
    return User.objects.filter(organization_id=member.organization_id, role=Role.COACH, is_active=True)


def coach_for(member: User) -> User | None:
    """Return the coach of the educator's team; none without a team or when that coach has left."""
    if member.organization_id is None:
        return None
    return (
        User.objects.filter(
            coached_teams__memberships__member=member.pk,
            organization_id=member.organization_id,
            role__in=[Role.COACH, Role.ADMIN],
            is_active=True,
        )
        .exclude(pk=member.pk)
        .first()
    )


def coaches_now(coach: User, member: User) -> bool:
    """Whether the member is in a team of this coach now; select `team_membership__team` with many members."""
    membership = getattr(member, "team_membership", None)
    return membership is not None and membership.team.coach_id == coach.pk


def own_tokens(member: User) -> QuerySet[ApiToken]:
    """Return the member's keys for programs that were not revoked, the newest first."""
    return ApiToken.objects.filter(owner_id=member.pk, revoked_at=None).order_by("-created_at")


def own_token(member: User, token_id: UUID) -> ApiToken:
    """Return one of the member's keys.

    Raises:
        NotVisible: there is none, it was revoked, or it is somebody else's.
    """
    token = own_tokens(member).filter(pk=token_id).first()
    if token is None:
        raise NotVisible
    return token
