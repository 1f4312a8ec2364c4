"""What the service promises and how it keeps it: the numbers of the service page, from the rows of each floor."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from coaching import provider_calls
from config.plural import plural
from conversations import timings
from conversations.analytics_masking import FEWEST
from conversations.timings import Spread, TurnTimings
from knowledge.ingestion import timings as ingestion

FIRST_TOKEN_S = 1.2
"""95 % of the answers begin within this time."""
ANSWER_S = 2.5
"""95 % of the answers are complete within this time."""
FAILED_TURNS = 0.01
FAILED_CALLS = 0.03
LATE_COACHES = 0.05
"""The promised time is kept for 95 % of those who wait."""
FAILED_DOCUMENTS = 0.01


class Window(StrEnum):
    """How far back to look."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return _LENGTHS[self][0]

    @property
    def step(self) -> timedelta:
        """How long one part of its chart is."""
        return _LENGTHS[self][1]


_LENGTHS = {
    Window.HOUR: (timedelta(hours=1), timedelta(minutes=5)),
    Window.DAY: (timedelta(days=1), timedelta(hours=1)),
    Window.WEEK: (timedelta(days=7), timedelta(hours=6)),
}


@dataclass(frozen=True, slots=True)
class Level:
    """One promise: what was measured, beside what was promised."""

    name: str
    half: str
    most: str
    target: str
    count: str
    kept: bool | None
    """Whether the promise was kept; None when there is nothing to judge."""


@dataclass(frozen=True, slots=True)
class Levels:
    """The promises of a time, and how the turns went step by step."""

    since: datetime
    levels: Sequence[Level]
    slots: Sequence[timings.Slot]


def look(*, window: Window, now: datetime, organization_id: UUID | None) -> Levels:
    """Return how the promises were kept until `now`, for one organization or, for staff, for all."""
    since = now - window.length
    turns = timings.turn_timings(since=since, organization_id=organization_id)
    return Levels(
        since=since,
        levels=[
            _timed("First words", turns.first_token, FIRST_TOKEN_S),
            _timed("Complete answer", turns.whole, ANSWER_S),
            _failed_turns(turns),
            _failed_calls(since, organization_id),
            _coach(since, now, organization_id),
            _documents(since, organization_id),
        ],
        slots=timings.turn_series(since=since, step=window.step, organization_id=organization_id),
    )


def _timed(name: str, spread: Spread, target_s: float) -> Level:
    kept = None if spread.p95_s is None else spread.p95_s < target_s
    target = f"95 % in {target_s:g} s"
    return Level(
        name, lasting(spread.p50_s), lasting(spread.p95_s), target, plural(spread.count, "answer"), kept
    )


def _failed_turns(turns: TurnTimings) -> Level:
    count = plural(turns.ended, "answer")
    return _share("Failed answers", turns.failed, turns.ended, FAILED_TURNS, count)


def _failed_calls(since: datetime, organization_id: UUID | None) -> Level:
    calls = provider_calls.calls(since=since, organization_id=organization_id)
    return _share(
        "Failed calls to the provider", calls.failed, calls.made, FAILED_CALLS, plural(calls.made, "call")
    )


def _coach(since: datetime, now: datetime, organization_id: UUID | None) -> Level:
    """Return how long people waited; who looks at one organization is not told of a few of its people."""
    waits = timings.coach_waits(since=since, now=now, organization_id=organization_id)
    if organization_id is not None and 0 < waits.people < FEWEST:
        return Level(
            "Wait for a coach", "", "not shown", "95 % as promised", f"fewer than {FEWEST} people", None
        )
    kept = None if not waits.asked else waits.late / waits.asked <= LATE_COACHES
    count = f"{plural(waits.asked, 'request')}, {waits.late} late"
    half, most = lasting(waits.taken.p50_s), lasting(waits.taken.p95_s)
    return Level("Wait for a coach", half, most, "95 % as promised", count, kept)


def _documents(since: datetime, organization_id: UUID | None) -> Level:
    reading = ingestion.reading(since=since, organization_id=organization_id)
    kept = None if not reading.ended else reading.failed / reading.ended < FAILED_DOCUMENTS
    count = f"{plural(reading.ended, 'document')}, {reading.failed} failed"
    half, most = lasting(reading.p50_s), lasting(reading.p95_s)
    return Level("Reading a document", half, most, f"under {percent(FAILED_DOCUMENTS)} fail", count, kept)


def _share(name: str, bad: int, all_: int, limit: float, count: str) -> Level:
    """Return a promise about a share; it has no median."""
    kept = None if not all_ else bad / all_ < limit
    share = percent(bad / all_) if all_ else "none"
    return Level(name, "", share, f"under {percent(limit)}", count, kept)


def percent(share: float) -> str:
    """Return a share as a percentage with at most one decimal."""
    return f"{round(share * 100, 1):g} %"


def lasting(seconds: float | None) -> str:
    """Return a length of time as a person reads it, with two digits that matter."""
    if seconds is None:
        return "none"
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
