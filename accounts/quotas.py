"""How often a person may do what costs: token buckets that pages, the API and sockets share.

`docs/quotas.md` says what counts. A bucket belongs to a person and a kind, never to an address, a path or a
conversation. Without Redis what costs money is refused, and the rest is counted in this process.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from accounts import quota_store
from accounts.models import MonthlyUse, Organization, User
from accounts.quota_store import SECOND, Bucket, Level, StoreAway

WINDOWS = {"minute": 60, "hour": 3600, "day": 86_400}
OVERRIDES_LAST_SECONDS = 60.0
"""How long a process goes by what it last read of an organization's own limits."""
TRY_AGAIN_SECONDS = 5
"""When to come back while Redis is away."""


class Kind(StrEnum):
    """What is counted."""

    REQUESTS = "requests"
    AI_TURNS = "ai_turns"
    EXPORTS = "exports"


NEEDS_REDIS = frozenset({Kind.AI_TURNS, Kind.EXPORTS})
"""What is refused rather than counted by halves."""

OWN_LIMITS = {
    Kind.REQUESTS: "requests_per_hour",
    Kind.AI_TURNS: "ai_turns_per_hour",
    Kind.EXPORTS: "exports_per_day",
}
"""The organization's column that replaces a role's first rate."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something may be done now, and what is left; seconds are rounded up."""

    kind: Kind
    allowed: bool
    limit: int
    window: int
    remaining: int
    reset_s: int
    """Until the bucket is full again."""
    retry_after_s: int
    """Until it is possible again; 0 where it is possible now."""
    away: bool = False
    """Refused because Redis is away, not because something was used up."""

    @property
    def is_running_out(self) -> bool:
        """Whether at most a fifth is left, which is when it is shown."""
        return not self.away and self.limit > 0 and self.remaining * 5 <= self.limit


class UsedUp(Exception):
    """It may not be done now; nothing was done. `verdict` says why, and when to come again."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.kind)
        self.verdict = verdict


def take(*, member: User, kind: Kind) -> Verdict:
    """Spend one token of every bucket of this kind, or none when one of them is empty."""
    return _move(member, kind, cost=1)


def peek(*, member: User, kind: Kind) -> Verdict:
    """Return what is left without spending any of it; `allowed` says whether one may be spent now."""
    return _move(member, kind, cost=0)


def give_back(*, member: User, kind: Kind) -> None:
    """Return a token that was taken for something that did not come to pass."""
    _move(member, kind, cost=-1)


@contextmanager
def spent(*, member: User, kind: Kind) -> Iterator[None]:
    """Spend one token on what is done inside, and give it back when that raises.

    Raises:
        UsedUp: there is none, or nobody can tell.
    """
    verdict = take(member=member, kind=kind)
    if not verdict.allowed:
        raise UsedUp(verdict)
    try:
        yield
    except BaseException:
        give_back(member=member, kind=kind)
        raise


def never_refuses(request: HttpRequest) -> bool:
    """Whether the request may reach somebody who helps, or ends or closes something: never one too many."""
    match = request.resolver_match
    return match is not None and f"{request.method} {match.view_name}" in settings.QUOTAS_NEVER_REFUSE


def headers(verdict: Verdict) -> dict[str, str]:
    """Return the headers of an answer over HTTP: `RateLimit`, its policy, and when to come back."""
    if verdict.away:
        return {"Retry-After": str(verdict.retry_after_s)}
    named = {
        "RateLimit-Policy": f'"{verdict.kind}";q={verdict.limit};w={verdict.window}',
        "RateLimit": f'"{verdict.kind}";r={verdict.remaining};t={verdict.reset_s}',
    }
    return named if verdict.allowed else {**named, "Retry-After": str(verdict.retry_after_s)}


def duration(seconds: int) -> str:
    """Return seconds as a person says them: in the largest unit that they exceed, rounded up."""
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds > size:
            return f"{-(-seconds // size)} {unit}s"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def forget() -> None:
    """Forget what this process knows of the organizations' own limits."""
    _known.clear()


def forget_person(person_id: UUID) -> None:
    """Forget what a person has spent; while Redis is away, that goes by itself within a day."""
    keys = [_key(person_id, kind, window) for kind in Kind for window in WINDOWS.values()]
    quota_store.local().empty(keys)
    with suppress(StoreAway):
        quota_store.shared().empty(keys)


@dataclass(frozen=True, slots=True)
class Month:
    """What an organization has sent to the AI in a calendar month; no limit is None."""

    messages: int
    limit: int | None


def month_of(organization: Organization, *, now: datetime) -> Month:
    """Return how much of its monthly messages an organization has used."""
    first = timezone.localdate(now).replace(day=1)
    used = MonthlyUse.objects.filter(organization=organization, month=first).values_list(
        "messages", flat=True
    )
    own = organization.monthly_message_limit
    limit = settings.MONTHLY_MESSAGES.get(organization.tier) if own is None else own
    return Month(used.first() or 0, limit)


# --- Which buckets -----------------------------------------------------------------------------------


@cache
def _rates(text: str) -> tuple[tuple[int, int], ...]:
    """Return size and seconds of each rate in `"50/hour 10/minute"`."""
    return tuple((int(size), WINDOWS[per]) for size, _, per in (rate.partition("/") for rate in text.split()))


def _buckets(member: User, kind: Kind) -> list[Bucket]:
    rates = _rates(settings.QUOTAS[member.role][kind])
    own = _own_limits(member.organization_id).get(kind) if member.organization_id else None
    return [
        Bucket(_key(member.pk, kind, window), size if own is None or number else own, window)
        for number, (size, window) in enumerate(rates)
    ]


def _key(person_id: UUID, kind: Kind, window: int) -> str:
    """Return a bucket's name; the braces keep those of one person on one server of a Redis cluster."""
    return f"quota:{{{person_id.hex}}}:{kind}:{window}"


_known: dict[UUID, tuple[float, Mapping[Kind, int | None]]] = {}


def _own_limits(organization_id: UUID) -> Mapping[Kind, int | None]:
    """Return the limits that an organization has of its own, a minute old at most."""
    known = _known.get(organization_id)
    now = time.monotonic()
    if known is not None and known[0] > now:
        return known[1]
    row = Organization.objects.filter(pk=organization_id).values_list(*OWN_LIMITS.values()).first()
    own = dict(zip(OWN_LIMITS, row or (), strict=False))
    _known[organization_id] = (now + OVERRIDES_LAST_SECONDS, own)
    return own


# --- The decision ------------------------------------------------------------------------------------


def _move(member: User, kind: Kind, *, cost: int) -> Verdict:
    buckets = _buckets(member, kind)
    closed = next((bucket for bucket in buckets if bucket.size == 0), None)
    if closed is not None:
        return Verdict(kind, False, 0, closed.window, 0, closed.window, closed.window)
    try:
        levels = quota_store.shared().move(buckets, cost)
    except StoreAway:
        if kind in NEEDS_REDIS:
            first = buckets[0]
            return Verdict(kind, False, first.size, first.window, 0, 0, TRY_AGAIN_SECONDS, away=True)
        levels = quota_store.local().move(buckets, cost)
    return _verdict(kind, buckets, levels)


def _verdict(kind: Kind, buckets: Sequence[Bucket], levels: Sequence[Level]) -> Verdict:
    """Return the word of the bucket that keeps one waiting longest; where none does, of the first."""
    bucket, level = max(zip(buckets, levels, strict=True), key=lambda pair: pair[1].wait)
    return Verdict(
        kind=kind,
        allowed=level.wait == 0,
        limit=bucket.size,
        window=bucket.window,
        remaining=level.remaining,
        reset_s=math.ceil(level.full_in / SECOND),
        retry_after_s=math.ceil(level.wait / SECOND),
    )
