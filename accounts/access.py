"""The only gate to people, teams and organizations: who may see whom.

Educators see themselves and their coach, coaches also the educators of their teams, administrators
everybody in their organization. Nobody sees anybody in another organization.
"""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import ApiToken, Organization, Team, User
from accounts.roles import Role


class NotVisible(Exception):
    """What was asked for does not exist for this member, whether it is missing or somebody else's."""


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


def current_member(user_id: UUID) -> User:
    """Return the person as the database knows them now; for doors that stay open, such as sockets.

    Raises:
        AccountDeactivated: the account is gone or no longer active.
    """
    member = User.objects.filter(pk=user_id, is_active=True).select_related("organization").first()
    if member is None:
        raise AccountDeactivated
    return member


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


def coached_now(coach: User, people: Collection[UUID]) -> set[UUID]:
    """Return those of the people who are in a team of this coach now."""
    if not people:
        return set()
    members = User.objects.filter(pk__in=people, team_membership__team__coach_id=coach.pk)
    return set(members.values_list("pk", flat=True))


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
