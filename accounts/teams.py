"""Who coaches whom has changed: tell the floors above, which keep what was said to whom.

They are named by dotted paths in the setting `COACHING_CHANGES`, because this floor knows none of them.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol, cast
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.models import Team, TeamMembership


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
