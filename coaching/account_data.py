"""What coaching holds about a person: a coach's persona, and whose calls to providers were whose."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from django.db import transaction
from django.db.models import Model

from accounts.lifecycle import Part, Records
from accounts.models import User
from coaching.models import Budget, MonthlyUsage, Persona, PromptRun, Reservation

PERSONA = (
    *("name", "bio", "tone", "instructions", "escalation_phrases", "low_confidence_below"),
    *("created_at", "updated_at"),
)
CALL = (
    *("at", "purpose", "provider", "model", "input_tokens", "output_tokens", "cost_usd", "latency_ms"),
    "status",
)
SPENT = ("day", "spent_usd", "reserved_usd")
SET_ASIDE = ("day", "amount_usd", "at")


class CoachingData:
    """The persona of a coach, the calls to providers that somebody caused, and what they cost a day."""

    covers: ClassVar[frozenset[type[Model]]] = frozenset({Persona, PromptRun, Budget, Reservation})
    exempt: ClassVar[Mapping[type[Model], str]] = {MonthlyUsage: "totals of an organization, of no person"}

    def waits_for(self, person: User) -> str:
        """Return nothing."""
        return ""

    def export(self, person: User) -> Sequence[Part]:
        """Return the persona, the calls, and what was spent and set aside."""
        return (
            Records("persona.jsonl", lambda: Persona.objects.filter(coach=person).values(*PERSONA)),
            Records(
                "provider_calls.jsonl",
                lambda: PromptRun.objects.filter(user=person).order_by("at").values(*CALL).iterator(),
            ),
            Records(
                "spending.jsonl",
                lambda: Budget.objects.filter(user=person).order_by("day").values(*SPENT).iterator(),
            ),
            Records(
                "set_aside.jsonl",
                lambda: Reservation.objects.filter(user=person).order_by("at").values(*SET_ASIDE),
            ),
        )

    @transaction.atomic
    def erase(self, person: User, *, now: datetime) -> dict[str, int]:
        """Delete the persona; calls stay for the organization's costs, without the person."""
        personas, _ = Persona.objects.filter(coach=person).delete()
        calls = PromptRun.objects.filter(user=person).update(user=None, request_id="")
        Reservation.objects.filter(user=person).delete()
        Budget.objects.filter(user=person).delete()
        return {"personas": personas, "calls detached": calls}
