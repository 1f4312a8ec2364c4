"""What accounts keeps only for a time: copies of people's data, and sessions that have ended."""

from datetime import datetime, timedelta
from pathlib import PurePath

from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.db.models import QuerySet

from accounts.export_making import FOLDER, remove_file
from accounts.lifecycle_models import AccountExport
from accounts.retention import Rule, Scope

YOUNG = timedelta(hours=2)
"""A file without a row may be so young that its row is still to come."""


def _expired(now: datetime) -> QuerySet[AccountExport]:
    return AccountExport.objects.filter(state=AccountExport.State.READY, expires_at__lte=now)


def _count_expired(_scope: Scope, now: datetime) -> int:
    return _expired(now).count()


def _expire(_scope: Scope, now: datetime, limit: int) -> int:
    """Delete files first: a row that says "ready" without a file is found again, a file without a row is not."""
    rows = list(_expired(now).select_for_update(skip_locked=True)[:limit])
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


def _ended(now: datetime) -> QuerySet[Session]:
    return Session.objects.filter(expire_date__lt=now)


def _count_ended(_scope: Scope, now: datetime) -> int:
    return _ended(now).count()


def _remove_ended(_scope: Scope, now: datetime, limit: int) -> int:
    keys = list(_ended(now).values_list("pk", flat=True)[:limit])
    return Session.objects.filter(pk__in=keys).delete()[0]


RULES = (
    Rule("account_exports", _count_expired, _expire, for_organizations=False, for_installation=True),
    Rule(
        "account_export_files",
        _count_orphans,
        _remove_orphans,
        for_organizations=False,
        for_installation=True,
    ),
    Rule("sessions", _count_ended, _remove_ended, for_organizations=False, for_installation=True),
)
