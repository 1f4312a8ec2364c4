"""What answers may cost: an organization's messages in a month, a person's money in a day.

Both are rows that a conditional statement moves, so that no number of answers at the same time can pass a
limit. Money is set aside before a provider is asked, by a sum that no answer exceeds, and settled with the
real cost afterwards. `docs/quotas.md` tells the whole.
"""

import json
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_UP, Decimal
from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from accounts import prepared
from coaching.providers import registry
from coaching.providers.metered import RunRecord
from coaching.providers.ports import Usage
from coaching.providers.prices import cost_usd

PROMPT_TOKENS = 13_000
"""More than the largest prompt has without the question, and the one that asks what it is about: persona, history,
what a coach said, passages, subjects."""
ANSWER_TOKENS = 1024
"""The longest answer that is asked for."""
SETTLES_IN_SECONDS = 10
"""When to try again while too many answers are under way."""
_SMALLEST = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why nothing more may be asked now, and in how many seconds it may be; nothing was spent."""

    of: Literal["month", "budget", "turns"]
    retry_after_s: int
    limit: int = 0
    """The messages of the month, or the answers at once, that are allowed."""


def most_an_answer_costs(question: str) -> Decimal:
    """Return a sum that no answer to `question` exceeds, whichever model of the chain gives it.

    A character is at most a token. Only one model of a chain is paid: those that failed said nothing.
    """
    usage = Usage(PROMPT_TOKENS + len(question), ANSWER_TOKENS)
    chain = registry.chat_chain()
    return max(cost_usd(provider=model.provider, model=model.model, usage=usage) for model in chain)


def most_a_vector_costs(text: str) -> Decimal:
    """Return a sum that the vector of `text` does not exceed; zero where its model costs nothing."""
    model = registry.embeddings()
    cost = cost_usd(provider=model.provider, model=model.model, usage=Usage(len(text)))
    return cost.quantize(_SMALLEST, ROUND_UP)


# One statement: whatever is not there, the caller's transaction is given up and so nothing was spent. The rows
# are locked until the commit, so it comes last.
_RESERVE = """
WITH allowed AS (
    SELECT COALESCE(monthly_message_limit, (%(tiers)s::jsonb ->> tier)::int) AS messages,
           COALESCE(daily_budget_usd, %(budget)s) AS usd
    FROM accounts_organization WHERE id = %(organization)s
), month AS (
    INSERT INTO accounts_monthlyuse AS kept (organization_id, month, messages)
    SELECT %(organization)s, %(month)s, %(messages)s FROM allowed
    WHERE %(messages)s > 0 AND %(messages)s <= COALESCE(allowed.messages, %(messages)s)
    ON CONFLICT (organization_id, month) DO UPDATE SET messages = kept.messages + excluded.messages
    WHERE kept.messages + excluded.messages
          <= COALESCE((SELECT messages FROM allowed), kept.messages + excluded.messages)
    RETURNING kept.messages
), today AS (
    INSERT INTO coaching_budget AS kept (user_id, day, spent_usd, reserved_usd, open_turns)
    SELECT %(user)s, %(day)s, 0, %(amount)s, 1 FROM allowed WHERE %(amount)s <= allowed.usd AND %(at_once)s > 0
    ON CONFLICT (user_id, day) DO UPDATE
    SET reserved_usd = kept.reserved_usd + excluded.reserved_usd, open_turns = kept.open_turns + 1
    WHERE kept.spent_usd + kept.reserved_usd + excluded.reserved_usd <= (SELECT usd FROM allowed)
          AND kept.open_turns < %(at_once)s
    RETURNING kept.open_turns
), kept AS (
    INSERT INTO coaching_reservation (subject_id, user_id, day, amount_usd, at)
    SELECT %(subject)s, %(user)s, %(day)s, %(amount)s, %(now)s FROM today
)
SELECT allowed.messages, (SELECT messages FROM month), (SELECT open_turns FROM today),
       (SELECT open_turns FROM coaching_budget WHERE user_id = %(user)s AND day = %(day)s)
FROM allowed
"""


def reserve(
    *,
    organization_id: UUID,
    user_id: UUID,
    subject_id: UUID,
    amount_usd: Decimal,
    messages: int,
    now: datetime,
) -> Shortage | None:
    """Count `messages` for the organization and set `amount_usd` aside for the person, in one statement.

    Runs in the caller's transaction, which must be given up when this returns a shortage.
    """
    today = timezone.localdate(now)
    at_once = settings.AI_TURNS_AT_ONCE
    values: dict[str, Any] = {
        "organization": organization_id,
        "user": user_id,
        "subject": subject_id,
        "amount": amount_usd,
        "messages": messages,
        "month": today.replace(day=1),
        "day": today,
        "now": now,
        "budget": settings.DAILY_BUDGET_USD,
        "at_once": at_once,
        "tiers": json.dumps(settings.MONTHLY_MESSAGES),
    }
    with prepared.cursor() as cursor:
        cursor.execute(_RESERVE, values)
        limit, counted, opened, open_before = cursor.fetchone()
    if messages and counted is None:
        return Shortage("month", _seconds_until(_next_month(today), now), limit)
    if opened is not None:
        return None
    if (open_before or 0) >= at_once:
        return Shortage("turns", SETTLES_IN_SECONDS, at_once)
    return Shortage("budget", _seconds_until(today + timedelta(days=1), now))


_LEFT = """
SELECT COALESCE(house.monthly_message_limit, (%(tiers)s::jsonb ->> house.tier)::int), COALESCE(month.messages, 0),
       COALESCE(house.daily_budget_usd, %(budget)s), COALESCE(today.spent_usd + today.reserved_usd, 0)
FROM accounts_organization house
LEFT JOIN accounts_monthlyuse month ON month.organization_id = house.id AND month.month = %(month)s
LEFT JOIN coaching_budget today ON today.user_id = %(user)s AND today.day = %(day)s
WHERE house.id = %(organization)s
"""


@dataclass(frozen=True, slots=True)
class Left:
    """What may still be asked in this month by an organization, and spent today on a person; no limit is None."""

    messages: int | None
    of_messages: int | None
    usd: Decimal
    of_usd: Decimal

    @property
    def month_is_running_out(self) -> bool:
        """Whether at most a fifth of the month is left, which is when it is shown."""
        return bool(self.of_messages) and (self.messages or 0) * 5 <= (self.of_messages or 0)

    @property
    def budget_is_running_out(self) -> bool:
        """Whether at most a fifth of the day's money is left."""
        return self.of_usd > 0 and self.usd * 5 <= self.of_usd


def left(*, organization_id: UUID, user_id: UUID, now: datetime) -> Left:
    """Return what is left of the month and of the day, by one short look."""
    today = timezone.localdate(now)
    values: dict[str, Any] = {
        "organization": organization_id,
        "user": user_id,
        "month": today.replace(day=1),
        "day": today,
        "budget": settings.DAILY_BUDGET_USD,
        "tiers": json.dumps(settings.MONTHLY_MESSAGES),
    }
    with prepared.cursor() as cursor:
        cursor.execute(_LEFT, values)
        of_messages, messages, of_usd, usd = cursor.fetchone()
    return Left(
        messages=None if of_messages is None else max(0, of_messages - messages),
        of_messages=of_messages,
        usd=max(Decimal(0), of_usd - usd),
        of_usd=of_usd,
    )


def _seconds_until(day: date, now: datetime) -> int:
    """Return the seconds until a day begins here."""
    begins = timezone.make_aware(datetime.combine(day, time.min))
    return math.ceil((begins - now).total_seconds())


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


_SETTLE = """
WITH gone AS (
    DELETE FROM coaching_reservation WHERE subject_id = %(subject)s RETURNING day, amount_usd
)
INSERT INTO coaching_budget AS kept (user_id, day, spent_usd, reserved_usd, open_turns)
VALUES (%(user)s, COALESCE((SELECT day FROM gone), %(day)s), %(cost)s, 0, 0)
ON CONFLICT (user_id, day) DO UPDATE
SET spent_usd = kept.spent_usd + excluded.spent_usd,
    reserved_usd = kept.reserved_usd - COALESCE((SELECT amount_usd FROM gone), 0),
    open_turns = kept.open_turns - (SELECT count(*) FROM gone)
"""


def settle(*, user_id: UUID, subject_id: UUID, runs: Iterable[RunRecord], now: datetime) -> None:
    """Replace what was set aside for an answer by what its calls cost; what nobody set aside is added too.

    Runs in the caller's transaction.
    """
    cost = sum((run.cost_usd for run in runs), Decimal(0)).quantize(_SMALLEST, ROUND_UP)
    values: dict[str, Any] = {
        "subject": subject_id,
        "user": user_id,
        "day": timezone.localdate(now),
        "cost": cost,
    }
    with prepared.cursor() as cursor:
        cursor.execute(_SETTLE, values)


_RELEASE = """
WITH chosen AS (
    SELECT subject_id FROM coaching_reservation WHERE subject_id = ANY(%s) FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM coaching_reservation USING chosen
    WHERE coaching_reservation.subject_id = chosen.subject_id
    RETURNING coaching_reservation.user_id, coaching_reservation.day, coaching_reservation.amount_usd
), sums AS (
    SELECT user_id, day, sum(amount_usd) AS amount, count(*) AS turns FROM gone
    GROUP BY user_id, day ORDER BY user_id, day
)
UPDATE coaching_budget AS kept
SET reserved_usd = kept.reserved_usd - sums.amount, open_turns = kept.open_turns - sums.turns
FROM sums WHERE kept.user_id = sums.user_id AND kept.day = sums.day
"""


def release(*, subject_ids: Collection[UUID]) -> None:
    """Give back what was set aside for answers on which nobody works any more; one being settled is left alone."""
    if not subject_ids:
        return
    with prepared.cursor() as cursor:
        cursor.execute(_RELEASE, [list(subject_ids)])
