"""What coaching holds of an organization: the personas of its coaches, and its calls to providers."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.organization_erasure import Gone
from coaching.models import Budget, MonthlyUsage, Persona, PromptRun, Reservation

AT_ONCE = 1000
"""Rows that one statement deletes."""


class OrganizationCoaching:
    """Personas and calls; not even totals stay."""

    def waits_for(self, _organization_id: UUID) -> str:
        """Return nothing."""
        return ""

    def count(self, organization_id: UUID) -> Mapping[str, int]:
        """Return how much there is."""
        return {what: rows.count() for what, rows in _held(organization_id).items()}

    def erase(self, organization_id: UUID, *, now: datetime) -> Iterator[Gone]:
        """Delete it, some rows at a time."""
        for what, rows in _held(organization_id).items():
            while chosen := list(rows.values_list("pk", flat=True)[:AT_ONCE]):
                rows.model._default_manager.filter(pk__in=chosen).delete()  # noqa: SLF001 -- what Django calls it
                yield Gone(what, len(chosen))


def _held(organization_id: UUID) -> dict[str, "QuerySet[Any]"]:
    calls = Q(organization=organization_id) | Q(user__organization=organization_id)
    return {
        "personas": Persona.objects.filter(coach__organization=organization_id),
        "provider calls": PromptRun.objects.filter(calls),
        "sums set aside": Reservation.objects.filter(user__organization=organization_id),
        "daily budgets": Budget.objects.filter(user__organization=organization_id),
        "monthly totals": MonthlyUsage.objects.filter(organization=organization_id),
    }
