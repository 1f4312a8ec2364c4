"""Single calls to providers become monthly totals: deleted and added up in one statement."""

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet

from accounts.models import Organization
from accounts.retention import Rule, Scope, rule_of
from coaching.models import Budget, PromptRun

_ADD_UP = """
WITH gone AS (
    DELETE FROM coaching_promptrun WHERE id IN (
        SELECT id FROM coaching_promptrun
        WHERE organization_id IS NOT DISTINCT FROM %s AND at < %s
        ORDER BY at LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING *),
totals AS (
    INSERT INTO coaching_monthlyusage AS kept (organization_id, month, purpose, provider, model, status,
        calls, input_tokens, output_tokens, cost_usd, latency_ms)
    SELECT organization_id, date_trunc('month', at AT TIME ZONE 'UTC')::date, purpose, provider, model, status,
        count(*), sum(input_tokens), sum(output_tokens), sum(cost_usd), sum(latency_ms)
    FROM gone GROUP BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (organization_id, month, purpose, provider, model, status) DO UPDATE SET
        calls = kept.calls + excluded.calls,
        input_tokens = kept.input_tokens + excluded.input_tokens,
        output_tokens = kept.output_tokens + excluded.output_tokens,
        cost_usd = kept.cost_usd + excluded.cost_usd,
        latency_ms = kept.latency_ms + excluded.latency_ms)
SELECT count(*) FROM gone
"""


def _cutoff(scope: Scope, now: datetime) -> datetime:
    return now - timedelta(days=(scope or Organization()).keep_events_days)


def _old(scope: Scope, now: datetime) -> QuerySet[PromptRun]:
    return PromptRun.objects.filter(organization=scope, at__lt=_cutoff(scope, now))


def _count(scope: Scope, now: datetime) -> int:
    return _old(scope, now).count()


def _add_up(scope: Scope, now: datetime, limit: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_ADD_UP, [scope.pk if scope else None, _cutoff(scope, now), limit])
        row = cursor.fetchone()
    return int(row[0])


def _settled_days(scope: Scope, now: datetime) -> QuerySet[Budget]:
    """Return what people spent on days long ago; never a day on which something is still set aside."""
    settled = Budget.objects.filter(open_turns=0, reserved_usd=0)
    return settled.filter(user__organization=scope, day__lt=_cutoff(scope, now).date())


RULES = (
    Rule("provider_calls", _count, _add_up, for_installation=True),
    rule_of("daily_spending", _settled_days, for_installation=True),
)
