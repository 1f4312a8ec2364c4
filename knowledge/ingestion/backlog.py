"""What waits in the rows of ingestion."""

from datetime import datetime, timedelta

from django.db.models import Count, Exists, Min, OuterRef, Q

from accounts.backlog import Backlog
from knowledge.ingestion.ledger import UNFINISHED
from knowledge.models import DocumentVersion, IngestionStep

SWEPT_WITHIN = timedelta(seconds=90)
"""Within this time of the end of a lease a worker should have taken the stage over."""


def documents(*, now: datetime) -> Backlog:
    """Return the versions that are not read yet; overdue is one whose worker's lease ended long ago.

    A version that nobody has begun waits in line; it is not overdue, however long the line is.
    """
    abandoned = IngestionStep.objects.filter(
        version=OuterRef("pk"), state=IngestionStep.State.RUNNING, lease_until__lt=now - SWEPT_WITHIN
    )
    found = (
        DocumentVersion.objects.filter(state__in=UNFINISHED)
        .annotate(is_abandoned=Exists(abandoned))
        .aggregate(
            waiting=Count("pk"), overdue=Count("pk", filter=Q(is_abandoned=True)), oldest=Min("created_at")
        )
    )
    oldest = found["oldest"]
    age = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
    return Backlog(waiting=found["waiting"], overdue=found["overdue"], oldest_s=age)
