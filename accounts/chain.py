"""Verifying the whole record: asked for on the page, done by a worker, and once a day in any case.

A check keeps which row it found newest. Every later one looks for all of these rows, and so notices what a chain
alone cannot show: that the newest rows were removed. What was removed stays missing in every check from then on.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef

from accounts import audit
from accounts.models import AuditEvent, ChainCheck, User

EVERY = timedelta(days=1)


def latest() -> ChainCheck | None:
    """Return the last check that was done."""
    return ChainCheck.objects.exclude(done_at=None).order_by("-pk").first()


def is_waiting() -> bool:
    """Whether a check was asked for and is not done yet."""
    return ChainCheck.objects.filter(done_at=None).exists()


def is_broken() -> bool:
    """Whether the last check found the record edited or shortened."""
    last = latest()
    return last is not None and last.broken_at is not None


def look() -> audit.Verification:
    """Verify the chain, and that it still holds every row that a check ever saw as the newest; write nothing."""
    found = audit.verify()
    missing = _missing() if found.intact else None
    return found if missing is None else audit.Verification(found.events, missing, was_seen=True)


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
    """Look at the whole record, and keep what was found."""
    found = look()
    newest = AuditEvent.objects.order_by("-sequence").first()
    check.events = found.events
    check.broken_at = found.broken_at
    check.newest_sequence = newest.sequence if newest else 0
    check.newest_hash = newest.hash if newest else ""
    check.done_at = now
    check.save()
    return check


def _missing() -> int | None:
    """Return the first row that a check saw as the newest and that is no longer as it was."""
    as_it_was = AuditEvent.objects.filter(sequence=OuterRef("newest_sequence"), hash=OuterRef("newest_hash"))
    seen = ChainCheck.objects.exclude(done_at=None).filter(newest_sequence__gt=0)
    gone = seen.filter(~Exists(as_it_was)).order_by("newest_sequence")
    return gone.values_list("newest_sequence", flat=True).first()
