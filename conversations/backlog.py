"""What waits in the rows of conversations: turns for a process, clients for a coach."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, DurationField, ExpressionWrapper, F, Min, Q, Value

from accounts.backlog import Backlog
from conversations.models import Handoff, Interaction
from conversations.outward import Export

SWEPT_WITHIN = timedelta(seconds=30)
"""Within this time of the end of a lease some process should have taken the turn over."""

MADE_WITHIN = timedelta(minutes=15)
"""Within this time after it was asked for, or given up by a worker, somebody should work on an export."""

_PROMISED = F("requested_at") + ExpressionWrapper(
    F("organization__response_minutes") * Value(timedelta(minutes=1)), output_field=DurationField()
)


def turns(*, now: datetime) -> Backlog:
    """Return the turns that are not answered yet; overdue is one whose lease ended and whom nobody took."""
    unfinished = Interaction.objects.filter(
        state__in=[Interaction.State.WAITING, Interaction.State.RUNNING], lease_until__isnull=False
    )
    return _backlog(
        unfinished.aggregate(
            waiting=Count("pk"),
            overdue=Count("pk", filter=Q(lease_until__lt=now - SWEPT_WITHIN)),
            oldest=Min("accepted_at"),
        ),
        now=now,
    )


def handoffs(*, now: datetime) -> Backlog:
    """Return the conversations that wait for a coach; overdue is one whose promised time has passed."""
    queued = Handoff.objects.filter(state=Handoff.State.QUEUED, conversation__deleted_at=None)
    return _backlog(
        queued.annotate(promised_at=_PROMISED).aggregate(
            waiting=Count("pk"),
            overdue=Count("pk", filter=Q(promised_at__lt=now)),
            oldest=Min("requested_at"),
        ),
        now=now,
    )


def exports(*, now: datetime) -> Backlog:
    """Return the exports that are not made yet; overdue is one on which nobody works."""
    before = now - MADE_WITHIN
    unfinished = Export.objects.filter(state__in=[Export.State.WAITING, Export.State.RUNNING])
    abandoned = Q(created_at__lt=before) & (Q(lease_until=None) | Q(lease_until__lt=before))
    return _backlog(
        unfinished.aggregate(
            waiting=Count("pk"), overdue=Count("pk", filter=abandoned), oldest=Min("created_at")
        ),
        now=now,
    )


def _backlog(found: Mapping[str, Any], *, now: datetime) -> Backlog:
    oldest = found["oldest"]
    age = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
    return Backlog(waiting=found["waiting"], overdue=found["overdue"], oldest_s=age)
