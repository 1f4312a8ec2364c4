"""Verifying the whole record: asked for on the page, done by a worker, and once a day in any case.

A check keeps what it found newest. The next one looks for that row, and so notices what a chain alone cannot
show: that the newest rows were removed.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from accounts import audit
from accounts.models import AuditEvent, ChainCheck, User

EVERY = timedelta(days=1)


def latest() -> ChainCheck | None:
    """Return the last check that was done."""
    return ChainCheck.objects.exclude(done_at=None).order_by("-pk").first()


def is_waiting() -> bool:
    """Whether a check was asked for and is not done yet."""
    return ChainCheck.objects.filter(done_at=None).exists()


def ask(*, asked_by: User, now: datetime) -> None:
    """Ask for a check; where one waits already, that one will do."""
    try:
        with transaction.atomic():
            ChainCheck.objects.create(asked_at=now, asked_by=asked_by.pk)
    except IntegrityError:
        return


@transaction.atomic
def do_what_is_due(*, now: datetime) -> ChainCheck | None:
    """Do the check that waits, or one of the clock's own when the last is a day old.

    Returns none when nothing is due, or another worker is at it.
    """
    waiting = ChainCheck.objects.select_for_update(skip_locked=True).filter(done_at=None).first()
    if waiting is None:
        last = latest()
        if is_waiting() or (last is not None and last.asked_at > now - EVERY):
            return None
        waiting = ChainCheck(asked_at=now)
    return _do(waiting, now=now)


@transaction.atomic
def verify(*, now: datetime) -> ChainCheck:
    """Verify the record here and now, and keep what was found."""
    return _do(ChainCheck(asked_at=now), now=now)


def _do(check: ChainCheck, *, now: datetime) -> ChainCheck:
    """Verify the chain, and that it still holds what the last check saw."""
    found = audit.verify()
    newest = AuditEvent.objects.order_by("-sequence").first()
    check.events = found.events
    check.broken_at = found.broken_at or _missing(latest())
    check.newest_sequence = newest.sequence if newest else 0
    check.newest_hash = newest.hash if newest else ""
    check.done_at = now
    check.save()
    return check


def _missing(last: ChainCheck | None) -> int | None:
    """Return the row that the last check saw as the newest, if it is no longer as it was."""
    if last is None or not last.newest_sequence:
        return None
    seen = AuditEvent.objects.filter(sequence=last.newest_sequence, hash=last.newest_hash)
    return None if seen.exists() else last.newest_sequence
