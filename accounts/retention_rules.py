"""What accounts keeps only for a time: copies of people's data, and what nobody can come in or act by any more."""

from datetime import datetime, timedelta
from pathlib import PurePath

from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.db.models import Q, QuerySet

from accounts import saved_replies
from accounts.entry_models import Invitation, OutgoingMail
from accounts.export_making import FOLDER, remove_file
from accounts.lifecycle_models import AccountExport
from accounts.models import ApiToken, MonthlyUse, SavedReply
from accounts.outbox import UNSENT
from accounts.retention import Rule, Scope, rule_of

YOUNG = timedelta(hours=2)
"""A file without a row may be so young that its row is still to come."""
SETTLED = timedelta(days=90)
"""How long it can be looked up that a mail was sent or an invitation followed."""
YEAR = timedelta(days=365)
"""How long a key that opens nothing any more stays in its owner's list."""
MONTHS = timedelta(days=3 * 365)
"""How long it is known how many messages an organization sent in a month."""


def expired(*, now: datetime) -> QuerySet[AccountExport]:
    """Return the copies of people's data whose day is over."""
    return AccountExport.objects.filter(state=AccountExport.State.READY, expires_at__lte=now)


def _count_expired(_scope: Scope, now: datetime) -> int:
    return expired(now=now).count()


def _expire(_scope: Scope, now: datetime, limit: int) -> int:
    """Delete files first: a row that says "ready" without a file is found again, a file without a row is not."""
    rows = list(expired(now=now).select_for_update(skip_locked=True)[:limit])
    for export in rows:
        remove_file(export)
    AccountExport.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=AccountExport.State.EXPIRED, file="", size=0, sha256=""
    )
    return len(rows)


def _orphans(now: datetime) -> list[str]:
    """Return the files of exports that no row names, left behind by a crash."""
    try:
        _, names = default_storage.listdir(FOLDER)
    except FileNotFoundError:
        return []
    known = set(AccountExport.objects.exclude(file="").values_list("file", flat=True))
    files = [str(PurePath(FOLDER, name)) for name in names]
    return [
        file for file in files if file not in known and default_storage.get_modified_time(file) < now - YOUNG
    ]


def _count_orphans(_scope: Scope, now: datetime) -> int:
    return len(_orphans(now))


def _remove_orphans(_scope: Scope, now: datetime, limit: int) -> int:
    found = _orphans(now)[:limit]
    for file in found:
        default_storage.delete(file)
    return len(found)


def _ended(_scope: Scope, now: datetime) -> QuerySet[Session]:
    return Session.objects.filter(expire_date__lt=now)


def _settled_mails(scope: Scope, now: datetime) -> QuerySet[OutgoingMail]:
    return OutgoingMail.objects.filter(~UNSENT, organization=scope, created_at__lt=now - SETTLED)


def _over(scope: Scope, now: datetime) -> QuerySet[Invitation]:
    """Return the invitations that were used, taken back or left to expire long ago."""
    return Invitation.objects.filter(organization=scope, expires_at__lt=now - SETTLED)


def _dead_keys(scope: Scope, now: datetime) -> QuerySet[ApiToken]:
    before = now - YEAR
    dead = Q(revoked_at__lt=before) | Q(expires_at__lt=before)
    return ApiToken.objects.filter(dead, owner__organization=scope)


def _old_replies(_scope: Scope, now: datetime) -> QuerySet[SavedReply]:
    return saved_replies.old(now=now)


def _dashboard_log(_scope: Scope, _now: datetime) -> QuerySet[LogEntry]:
    """Return all that an earlier version left in Django's log of the dashboard, which is not written any more."""
    return LogEntry.objects.all()


def _old_months(scope: Scope, now: datetime) -> QuerySet[MonthlyUse]:
    return MonthlyUse.objects.filter(organization=scope, month__lt=(now - MONTHS).date())


RULES = (
    Rule("account_exports", _count_expired, _expire, for_organizations=False, for_installation=True),
    Rule(
        "account_export_files",
        _count_orphans,
        _remove_orphans,
        for_organizations=False,
        for_installation=True,
    ),
    rule_of("sessions", _ended, for_organizations=False, for_installation=True),
    rule_of("api_replies", _old_replies, for_organizations=False, for_installation=True),
    rule_of("dashboard_log", _dashboard_log, for_organizations=False, for_installation=True),
    rule_of("mails", _settled_mails, for_installation=True),
    rule_of("invitations", _over),
    rule_of("api_keys", _dead_keys, for_installation=True),
    rule_of("monthly_messages", _old_months),
)
