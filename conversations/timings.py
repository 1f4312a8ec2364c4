"""How long turns took and how long people waited for a coach, computed from the rows; never what was said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.time_ordered import least_id

_TURNS = """
    FROM conversations_interaction turn JOIN conversations_conversation talk ON talk.id = turn.conversation_id
    WHERE turn.id >= %(least)s AND turn.accepted_at >= %(since)s
      AND (%(organization)s::uuid IS NULL OR talk.organization_id = %(organization)s)
"""
_FIRST = "turn.first_token_at - turn.accepted_at"
_WHOLE = "turn.finished_at - turn.accepted_at"
_SUMMARY = f"""
    SELECT count(*) FILTER (WHERE turn.state IN ('done', 'stopped', 'failed')),
           count(*) FILTER (WHERE turn.state = 'failed'),
           count(turn.first_token_at),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY {_FIRST}),
           percentile_cont(0.95) WITHIN GROUP (ORDER BY {_FIRST}),
           count(*) FILTER (WHERE turn.state = 'done'),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY {_WHOLE}) FILTER (WHERE turn.state = 'done'),
           percentile_cont(0.95) WITHIN GROUP (ORDER BY {_WHOLE}) FILTER (WHERE turn.state = 'done')
    {_TURNS}
"""
_SERIES = f"""
    SELECT date_bin(%(step)s, turn.accepted_at, %(since)s), count(*),
           percentile_cont(0.95) WITHIN GROUP (ORDER BY {_FIRST}),
           percentile_cont(0.95) WITHIN GROUP (ORDER BY {_WHOLE}) FILTER (WHERE turn.state = 'done')
    {_TURNS} GROUP BY 1 ORDER BY 1
"""
_WAITS = """
    SELECT count(episode.taken_at),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY episode.taken_at - episode.requested_at),
           percentile_cont(0.95) WITHIN GROUP (ORDER BY episode.taken_at - episode.requested_at),
           count(*) FILTER (WHERE coalesce(episode.taken_at, %(now)s) - episode.requested_at
                                  > house.response_minutes * interval '1 minute'),
           count(*), count(DISTINCT talk.owner_id)
    FROM conversations_handoff episode JOIN accounts_organization house ON house.id = episode.organization_id
    JOIN conversations_conversation talk ON talk.id = episode.conversation_id
    WHERE episode.id >= %(least)s AND episode.requested_at >= %(since)s
      AND episode.reason <> 'coach_initiative' AND episode.state IN ('queued', 'taken', 'returned')
      AND (%(organization)s::uuid IS NULL OR episode.organization_id = %(organization)s)
"""


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took: the median and the time within which 95 % ended, in seconds."""

    count: int
    p50_s: float | None
    p95_s: float | None


@dataclass(frozen=True, slots=True)
class TurnTimings:
    """The turns of a time."""

    ended: int
    failed: int
    first_token: Spread
    whole: Spread
    """Of complete answers only."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A part of a time, with how long 95 % of its turns took at most."""

    at: datetime
    turns: int
    first_token_p95_s: float | None
    whole_p95_s: float | None


@dataclass(frozen=True, slots=True)
class Waits:
    """How long people waited for a coach whom they, a rule or the AI had asked for."""

    taken: Spread
    asked: int
    late: int
    """Those who waited, or wait, longer than their organization promised."""
    people: int
    """How many people they were."""


def turn_timings(*, since: datetime, organization_id: UUID | None) -> TurnTimings:
    """Return how the turns since then went, of one organization or of all."""
    row = _rows(_SUMMARY, since, organization_id)[0]
    ended, failed, heard, first_50, first_95, done, whole_50, whole_95 = row
    return TurnTimings(
        ended,
        failed,
        Spread(heard, _seconds(first_50), _seconds(first_95)),
        Spread(done, _seconds(whole_50), _seconds(whole_95)),
    )


def turn_series(*, since: datetime, step: timedelta, organization_id: UUID | None) -> Sequence[Slot]:
    """Return the same step by step; steps without a turn are left out."""
    rows = _rows(_SERIES, since, organization_id, step=step)
    return [Slot(at, turns, _seconds(first), _seconds(whole)) for at, turns, first, whole in rows]


def coach_waits(*, since: datetime, now: datetime, organization_id: UUID | None) -> Waits:
    """Return how long those waited who were told that a coach is asked."""
    taken, half, most, late, asked, people = _rows(_WAITS, since, organization_id, now=now)[0]
    return Waits(Spread(taken, _seconds(half), _seconds(most)), asked, late, people)


def _rows(
    statement: str, since: datetime, organization_id: UUID | None, **more: datetime | timedelta
) -> list[tuple[Any, ...]]:
    given: dict[str, Any] = {
        "since": since,
        "least": least_id(since),
        "organization": organization_id,
        **more,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()
