"""Is the work being done: messages in the broker, a worker that listens, rows that nobody takes?"""

from collections.abc import Mapping

from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.backlog import Backlog
from config import broker, health
from config.backlogs import BACKLOGS
from config.doctor.finding import Finding, fail, ok, warn
from config.plural import plural
from conversations import analytics as numbers

LONG_QUEUE = 500
"""Messages that wait in one queue when workers do not keep up."""
SWEPT_HOURLY = 100_000
"""Sessions that have ended and are still there when nobody tidies."""

CHECKED_APART = frozenset({"mails", "exports", "copies", "erasures"})
"""Rows of people's wishes, which have checks of their own."""
STALE_S = 3600
"""Age of the analytics at which six refreshes in a row have not come about."""

_START_WORKER = "Start the worker with beat (celery -A config.celery worker --beat)."


def queues() -> Finding:
    """Look whether the broker answers and how much waits in it."""
    try:
        depths = broker.depths()
    except broker.BrokerAway as away:
        return fail(
            f"the broker does not answer ({away})",
            "Look at Redis and REDIS_URL; meanwhile people are heard, but the AI and background work wait.",
        )
    told = ", ".join(f"{name} {depth}" for name, depth in depths.items())
    long = [name for name in broker.queue_names() if depths[name] > LONG_QUEUE]
    if long:
        return warn(told, f"Start another worker for the queue {long[0]} (--queues {long[0]}).")
    return ok(told)


def worker() -> Finding:
    """Look whether a beat went through the broker to a worker lately."""
    try:
        heard = health.worker_was_heard()
    except broker.BrokerAway as away:
        return fail(f"the broker does not answer ({away})", "Look at Redis and REDIS_URL.")
    if heard:
        return ok(f"heard within {health.HEARTBEAT_SECONDS} s")
    return fail(f"none was heard for {health.HEARTBEAT_SECONDS} s", _START_WORKER)


def rows() -> Finding:
    """Look for rows of background work that somebody should have taken by now."""
    now = timezone.now()
    found = {name: count(now=now) for name, count in BACKLOGS.items() if name not in CHECKED_APART}
    told = ", ".join(f"{name} {backlog.waiting}" for name, backlog in found.items())
    overdue = {name: backlog for name, backlog in found.items() if backlog.overdue}
    if not overdue:
        return ok(told)
    return _overdue(overdue, told)


def _overdue(overdue: Mapping[str, Backlog], told: str) -> Finding:
    """Return which rows wait too long; a person who does not come is no fault of a process."""
    text = ", ".join(f"{name} {backlog.overdue} overdue" for name, backlog in overdue.items())
    if set(overdue) == {"handoffs"}:
        return warn(text, "Tell a coach of the organization; the queue in the dashboard shows who waits.")
    return fail(f"{text} (of {told})", f"Their processes died and no sweep took them over. {_START_WORKER}")


def analytics() -> Finding:
    """Look whether the numbers of the analytics are brought up to date."""
    age_s = (timezone.now() - numbers.refreshed_at()).total_seconds()
    if age_s > STALE_S:
        return warn(
            f"{plural(int(age_s // 3600), 'hour')} old",
            f"Look for refresh_analytics in the worker's log. {_START_WORKER}",
        )
    return ok(f"{plural(int(age_s // 60), 'minute')} old")


def sessions() -> Finding:
    """Look whether sessions that have ended are tidied away."""
    ended = Session.objects.filter(expire_date__lt=timezone.now()).count()
    if ended > SWEPT_HOURLY:
        return warn(
            f"{plural(ended, 'ended session')} kept", "Run manage.py clearsessions, and see that beat runs."
        )
    return ok(f"{plural(ended, 'ended session')} to tidy")
