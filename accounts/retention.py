"""Delete what has been kept long enough: rule by rule, in small batches, with the counts on record.

Each app names its rules in a tuple that `RETENTION` in the settings points at. A rule finds by itself what is
too old, so a run that is interrupted anywhere is simply run again.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from accounts import audit
from accounts.models import Organization

BATCH = 200
"""Rows that one transaction deletes."""

Scope = Organization | None
"""An organization, or the installation: what belongs to no organization."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of data that is not kept for ever."""

    name: str
    due: Callable[[Scope, datetime], int]
    """Counts what is too old."""
    purge: Callable[[Scope, datetime, int], int]
    """Deletes at most so many, inside the caller's transaction, and says how many; 0 when there are no more."""
    for_organizations: bool = True
    for_installation: bool = False


def rule_of(
    name: str,
    old: Callable[[Scope, datetime], QuerySet[Any]],
    *,
    for_organizations: bool = True,
    for_installation: bool = False,
) -> Rule:
    """Return the rule that deletes the rows that `old` finds; one that is in use waits for the next run."""

    def due(scope: Scope, now: datetime) -> int:
        return old(scope, now).count()

    def purge(scope: Scope, now: datetime, limit: int) -> int:
        locked = old(scope, now).select_for_update(skip_locked=True, of=("self",))
        keys = list(locked.values_list("pk", flat=True)[:limit])
        old(scope, now).filter(pk__in=keys).delete()
        return len(keys)

    return Rule(name, due, purge, for_organizations, for_installation)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run removed, or would remove, for one organization or for the installation."""

    organization: Organization | None
    counts: Mapping[str, int]


def rules() -> list[Rule]:
    """Return the rules of every app."""
    return [rule for path in settings.RETENTION for rule in import_string(path)]


def run(
    *, now: datetime, organizations: Iterable[Organization] | None = None, dry_run: bool = False
) -> list[Outcome]:
    """Apply every rule, organization by organization; with none named, to all of them and the installation.

    With `dry_run` nothing is written at all.
    """
    applicable = [rule for rule in rules() if rule.for_organizations]
    houses = Organization.objects.order_by("pk") if organizations is None else organizations
    outcomes = [_apply(applicable, house, now, dry_run=dry_run) for house in houses]
    if organizations is None:
        outcomes.append(run_for_installation(now=now, dry_run=dry_run))
    return outcomes


def run_for_installation(*, now: datetime, only: Iterable[str] = (), dry_run: bool = False) -> Outcome:
    """Apply the rules for what belongs to no organization; `only` names some of them."""
    wanted = set(only)
    applicable = [rule for rule in rules() if rule.for_installation and (not wanted or rule.name in wanted)]
    return _apply(applicable, None, now, dry_run=dry_run)


def _apply(applicable: Iterable[Rule], scope: Scope, now: datetime, *, dry_run: bool) -> Outcome:
    counts: dict[str, int] = {}
    for rule in applicable:
        counts[rule.name] = rule.due(scope, now) if dry_run else _purge(rule, scope, now)
    if not dry_run and any(counts.values()):
        _record(scope, counts)
    return Outcome(scope, counts)


def _purge(rule: Rule, scope: Scope, now: datetime) -> int:
    total = 0
    while True:
        with transaction.atomic():
            removed = rule.purge(scope, now, BATCH)
        if not removed:
            return total
        total += removed


def _record(scope: Scope, counts: Mapping[str, int]) -> None:
    audit.record(
        actor=None,
        action="retention",
        resource=f"organization:{scope.pk}" if scope else "installation",
        reason=", ".join(f"{name} {count}" for name, count in counts.items() if count),
        organization_id=scope.pk if scope else None,
    )
