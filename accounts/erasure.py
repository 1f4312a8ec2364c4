"""Erase a person: when the days of grace are over, app by app, as often as it takes.

The row is the job. Each app's part is noted as done, and each can be repeated, so that a worker that dies
anywhere leaves nothing half done for good. What must be finished first, such as an open crisis, is waited for.
"""

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from accounts import audit, lifecycle
from accounts.lifecycle_models import Erasure
from accounts.models import User

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=10)
LOOK_AGAIN = timedelta(hours=1)
"""When something that must be finished first is looked at again."""
LAST_ADMINISTRATOR = "last_administrator"

State = Erasure.State


def due(*, now: datetime) -> list[UUID]:
    """Return the erasures whose time has come and on which nobody works."""
    return list(_unclaimed(now).order_by("due_at").values_list("pk", flat=True)[:100])


def _unclaimed(now: datetime) -> Any:
    return Erasure.objects.filter(
        Q(state=State.SCHEDULED, due_at__lte=now) | Q(state=State.RUNNING, lease_until__lt=now)
    )


def run(*, erasure_id: UUID, now: datetime) -> bool:
    """Erase the person, or the rest of them; say whether it is done. Does nothing before its time."""
    claimed = (
        _unclaimed(now)
        .filter(pk=erasure_id)
        .update(state=State.RUNNING, attempts=F("attempts") + 1, lease_until=now + LEASE)
    )
    if not claimed:
        return False
    erasure = Erasure.objects.get(pk=erasure_id)
    person = User.objects.filter(pk=erasure.person_id).first()
    try:
        if person is not None:
            _close(erasure, person)
            _erase(erasure, person, now)
    except lifecycle.StillNeeded as needed:
        _postpone(erasure, needed.reason, now)
        return False
    except Exception:
        # It is tried again when the lease is over. The row counts it, and whoever runs Sideline is told.
        logger.exception("erasure_failed", extra={"erasure_id": erasure_id, "attempts": erasure.attempts})
        raise
    _finish(erasure, now)
    return True


@transaction.atomic
def _close(erasure: Erasure, person: User) -> None:
    """Deactivate the account, which ends its sessions and sockets, unless something must be finished first.

    Raises:
        StillNeeded: something must.
    """
    for _, data in lifecycle.parts():
        if reason := data.waits_for(person):
            raise lifecycle.StillNeeded(reason)
    try:
        with transaction.atomic():
            closed = User.objects.filter(pk=person.pk, is_active=True).update(is_active=False)
    except IntegrityError as error:
        raise lifecycle.StillNeeded(LAST_ADMINISTRATOR) from error
    if closed:
        Erasure.objects.filter(pk=erasure.pk).update(closed_account=True)


def _erase(erasure: Erasure, person: User, now: datetime) -> None:
    for name, data in lifecycle.parts():
        if name in erasure.steps:
            continue
        erasure.steps[name] = data.erase(person, now=now)
        erasure.save(update_fields=["steps"])


@transaction.atomic
def _postpone(erasure: Erasure, reason: str, now: datetime) -> None:
    """Let the person be for a while: they may need the account for what must be finished.

    An account that somebody else deactivated stays so.
    """
    if Erasure.objects.filter(pk=erasure.pk, closed_account=True).update(closed_account=False):
        User.objects.filter(pk=erasure.person_id).update(is_active=True)
        _record(erasure, "person_reactivated", f"the erasure waits: {reason}")
    Erasure.objects.filter(pk=erasure.pk).update(
        state=State.SCHEDULED, waits_for=reason, due_at=now + LOOK_AGAIN, lease_until=None, attempts=0
    )


@transaction.atomic
def _finish(erasure: Erasure, now: datetime) -> None:
    done = Erasure.objects.filter(pk=erasure.pk, state=State.RUNNING).update(
        state=State.DONE, finished_at=now, waits_for="", lease_until=None
    )
    if done:
        _record(erasure, "account_erased", _counts(erasure))


def _record(erasure: Erasure, action: str, reason: str) -> None:
    audit.record(
        actor=None,
        action=action,
        resource=f"person:{erasure.person_id}",
        reason=reason,
        organization_id=erasure.organization_id,
    )


def _counts(erasure: Erasure) -> str:
    """Return what went, as the record tells it."""
    counted = {what: count for step in erasure.steps.values() for what, count in step.items()}
    return ", ".join(f"{what} {count}" for what, count in counted.items() if count)
