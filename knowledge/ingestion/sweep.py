"""Finding the versions that somebody should be working on and nobody is."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from knowledge.ingestion.ledger import UNFINISHED
from knowledge.models import DocumentVersion, IngestionStep

MOST = 50
"""Versions of one sweep, the oldest first: a long queue needs no nudge for each of its members."""


@transaction.atomic
def due(*, now: datetime) -> list[UUID]:
    """Return the versions that wait or whose worker's lease ran out; not those at work or pausing."""
    spoken_for = IngestionStep.objects.filter(
        version=OuterRef("pk"),
        state__in=[IngestionStep.State.WAITING, IngestionStep.State.RUNNING],
        lease_until__gt=now,
    )
    versions = DocumentVersion.objects.select_for_update(skip_locked=True).filter(
        ~Exists(spoken_for), state__in=UNFINISHED
    )
    return list(versions.order_by("created_at").values_list("pk", flat=True)[:MOST])
