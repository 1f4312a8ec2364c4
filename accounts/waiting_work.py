"""What waits in the rows of accounts: mails to be sent, copies to be made, people to be erased."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q

from accounts.backlog import Backlog
from accounts.data_requests import OPEN, UNFINISHED
from accounts.entry_models import OutgoingMail
from accounts.lifecycle_models import AccountExport, Erasure
from accounts.outbox import UNSENT

SWEPT_WITHIN = timedelta(minutes=15)
"""Within this time after it was due some sweep should have taken a row; the slowest comes every minute."""
ERASED_WITHIN = timedelta(hours=1)
"""Nobody takes so long to erase: what is open longer after its time was tried in vain."""


def mails(*, now: datetime) -> Backlog:
    """Return the mails to be sent; overdue is one that nobody has tried although it was due."""
    return _backlog(OutgoingMail.objects.filter(UNSENT), "created_at", Q(due_at__lt=now - SWEPT_WITHIN), now)


def copies(*, now: datetime) -> Backlog:
    """Return the copies of people's data that are not made yet; overdue is one on which nobody works."""
    before = now - SWEPT_WITHIN
    abandoned = Q(requested_at__lt=before) & (Q(lease_until=None) | Q(lease_until__lt=before))
    return _backlog(AccountExport.objects.filter(state__in=UNFINISHED), "requested_at", abandoned, now)


def erasures(*, now: datetime) -> Backlog:
    """Return the erasures whose time has come; overdue is one that fails again and again, or that nobody begins.

    One that waits for something, such as an open crisis, is given another time and is not overdue.
    """
    due = Erasure.objects.filter(state__in=OPEN, due_at__lte=now)
    return _backlog(due, "due_at", Q(due_at__lt=now - ERASED_WITHIN), now)


def _backlog(rows: Any, since: str, overdue: Q, now: datetime) -> Backlog:
    found: Mapping[str, Any] = rows.aggregate(
        waiting=Count("pk"), overdue=Count("pk", filter=overdue), oldest=Min(since)
    )
    age = max(0.0, (now - found["oldest"]).total_seconds()) if found["oldest"] else 0.0
    return Backlog(waiting=found["waiting"], overdue=found["overdue"], oldest_s=age)
