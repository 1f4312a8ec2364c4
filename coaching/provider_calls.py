"""How the calls to providers went, from the ledger of them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q

from accounts.time_ordered import least_id
from coaching.models import PromptRun


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of a time; one that was stopped early did not fail."""

    made: int
    failed: int


def calls(*, since: datetime, organization_id: UUID | None) -> Calls:
    """Return how many calls were made since then, for one organization or for all."""
    runs = PromptRun.objects.filter(pk__gte=least_id(since), at__gte=since)
    if organization_id is not None:
        runs = runs.filter(organization_id=organization_id)
    return Calls(
        **runs.aggregate(made=Count("pk"), failed=Count("pk", filter=Q(status=PromptRun.Status.ERROR)))
    )
