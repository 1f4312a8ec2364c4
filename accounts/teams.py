"""Who coaches whom: said by administrators, and told to the floors above, which keep what was said to whom.

They are named by dotted paths in the setting `COACHING_CHANGES`, because this floor knows none of them.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol, cast
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.module_loading import import_string

from accounts import access, audit
from accounts.access import NotVisible
from accounts.models import Team, TeamMembership, User
from accounts.roles import Role


class InAnotherTeam(Exception):
    """Somebody has a place in another team already; nothing was changed."""


class CoachingChange(Protocol):
    """What a floor above does when educators may have another coach, in the transaction of the change."""

    def __call__(self, *, educators: Collection[UUID], now: datetime) -> None:
        """Look anew at who coaches these people; for those whose coach is the same there is nothing to do."""
        ...


def members_of(team: Team) -> set[UUID]:
    """Return the educators who are in a team now."""
    return set(TeamMembership.objects.filter(team=team).values_list("member_id", flat=True))


def coaching_changed(*, educators: Collection[UUID], now: datetime) -> None:
    """Tell everybody whom it concerns that these educators may have another coach, or none."""
    for path in settings.COACHING_CHANGES:
        change = cast("CoachingChange", import_string(path))
        change(educators=educators, now=now)


@transaction.atomic
def build(
    *,
    actor: User,
    name: str,
    coach_id: UUID,
    members: Collection[UUID] | None = None,
    now: datetime,
    request: HttpRequest | None = None,
) -> Team:
    """Build a team in the administrator's organization.

    Raises:
        NotVisible: the actor does not administer an organization, the coach does not coach there, or somebody is no
            educator there.
        InAnotherTeam: somebody has a place elsewhere.
    """
    if not actor.is_admin:
        raise NotVisible
    _make_sure_of_coach(actor, coach_id)
    team = Team.objects.create(organization=access.organization_of(actor), name=name, coach_id=coach_id)
    _seat(actor, team, set(members or ()), set())
    note_change(
        actor=actor,
        team=team,
        is_new=True,
        changed=["name", "coach", *([] if members is None else ["members"])],
        before=set(),
        now=now,
        request=request,
    )
    return team


@transaction.atomic
def change(
    *,
    actor: User,
    team_id: UUID,
    name: str | None = None,
    coach_id: UUID | None = None,
    members: Collection[UUID] | None = None,
    now: datetime,
    request: HttpRequest | None = None,
) -> Team:
    """Change what is given about a team; the rest stays as it is by now, whoever changed it meanwhile.

    Args:
        members: the educators who are in it from now on.

    Raises:
        NotVisible: there is no such team where the actor is an administrator, the new coach does not coach there, or
            somebody new is no educator there.
        InAnotherTeam: somebody has a place elsewhere.
    """
    found = access.visible_teams(actor).filter(pk=team_id).select_for_update()
    team = found.first() if actor.is_admin else None
    if team is None:
        raise NotVisible
    before = members_of(team)
    changed = []
    if name is not None and name != team.name:
        team.name = name
        changed.append("name")
    if coach_id is not None and coach_id != team.coach_id:
        _make_sure_of_coach(actor, coach_id)
        team.coach_id = coach_id
        changed.append("coach")
    team.save(update_fields=changed)
    if members is not None and set(members) != before:
        _seat(actor, team, set(members), before)
        changed.append("members")
    note_change(
        actor=actor, team=team, is_new=False, changed=changed, before=before, now=now, request=request
    )
    return team


def _make_sure_of_coach(actor: User, coach_id: UUID) -> None:
    if not access.active_coaches(actor).filter(pk=coach_id).exists():
        raise NotVisible


def _seat(actor: User, team: Team, members: set[UUID], before: set[UUID]) -> None:
    """Let exactly these educators be in the team."""
    educators = access.visible_people(actor).filter(role=Role.EDUCATOR, pk__in=members - before)
    if educators.count() != len(members - before):
        raise NotVisible
    TeamMembership.objects.filter(team=team, member__in=before - members).delete()
    places = [TeamMembership(team=team, member_id=person) for person in members - before]
    try:
        with transaction.atomic():
            TeamMembership.objects.bulk_create(places)
    except IntegrityError as error:
        raise InAnotherTeam from error


def note_change(
    *,
    actor: User,
    team: Team,
    is_new: bool,
    changed: Iterable[str],
    before: Collection[UUID],
    now: datetime,
    request: HttpRequest | None = None,
) -> None:
    """Tell everybody whom it concerns that a team was changed, and record it; `before` were in it until now.

    Where nothing was changed there is nothing to tell.
    """
    named = ", ".join(changed)
    if not (named or is_new):
        return
    coaching_changed(educators=set(before) | members_of(team), now=now)
    audit.record(
        actor=actor,
        action="team_added" if is_new else "team_changed",
        resource=f"team:{team.pk}",
        reason=named,
        request=request,
    )
