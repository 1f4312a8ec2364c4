"""What a gate refused goes on record: who asked for what, never whether it exists.

A row is written for what is missing as for what is somebody else's, after the answer is decided and outside of the
transaction in which the gate refused. The record is a chain that one transaction at a time appends to, so nobody fills
it with guesses: one row for each person and thing within an hour, and `MOST_AN_HOUR` in all.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.http import HttpRequest

from accounts import audit
from accounts.access import NotVisible
from accounts.models import AuditEvent, User
from accounts.record_models import REFUSED

MOST_AN_HOUR = 30
"""Rows for one person within an hour; the last of them says that it is the last."""

WITHIN = timedelta(hours=1)
LAST = "further ones are not listed for a while"


def note_at(request: HttpRequest, refusal: NotVisible, *, now: datetime) -> None:
    """Put the refusal of a request on record, if the gate wants that and somebody is signed in."""
    if refusal.asked and isinstance(request.user, User):
        _append(request.user, refusal.asked, since=now - WITHIN, request=request)


def note(refusal: NotVisible, *, asker: User, now: datetime) -> None:
    """Put the refusal of what came without a request on record, if the gate wants that."""
    if refusal.asked:
        _append(asker, refusal.asked, since=now - WITHIN, request=None)


@transaction.atomic(durable=True)
def _append(asker: User, asked: str, *, since: datetime, request: HttpRequest | None) -> None:
    """Append a row unless there is one, or there are too many; the lock lets a person's requests count in turn."""
    if not User.objects.select_for_update(no_key=True).filter(pk=asker.pk).exists():
        return
    lately = AuditEvent.objects.filter(actor_id=asker.pk, action=REFUSED, at__gt=since)
    listed = list(lately.values_list("resource", flat=True)[:MOST_AN_HOUR])
    if asked in listed or len(listed) == MOST_AN_HOUR:
        return
    reason = LAST if len(listed) == MOST_AN_HOUR - 1 else ""
    audit.record(actor=asker, action=REFUSED, resource=asked, reason=reason, request=request)
