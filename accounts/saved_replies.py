"""One effect for each key that a program gives to an unsafe request, however often and in parallel it is sent.

The first request claims the key, does its work and leaves its reply; the same request again gets that reply
for a day. A request that was refused has changed nothing and leaves nothing. Where a reply tells of other people, who may
be gone tomorrow, it leaves no words: the operation tells again what there is.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError
from django.db.models import QuerySet

from accounts.models import SavedReply

KEPT = timedelta(hours=24)
LEASE = timedelta(minutes=4)
"""After this a request without a reply is held for dead, and the next one does the work."""


GONE = 404
"""In place of the status of a reply whose words are not given out any more."""


class KeyReused(Exception):
    """The key belongs to another request of this person; nothing was done."""


class Gone(Exception):
    """What the first reply told of has been deleted since; nothing was done."""


class StillAnswering(Exception):
    """The first request with this key is at work; its reply will be there in a moment."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to answer under a key: given to one request at a time."""

    row_id: int
    claimed_at: datetime


@dataclass(frozen=True, slots=True)
class Saved:
    """What the first request was answered; without words where they tell of other people."""

    status: int
    body: bytes
    about: UUID | None = None


def claim(
    *, user_id: UUID, key: str, fingerprint: str, now: datetime, about: UUID | None = None
) -> Claim | Saved:
    """Take the key for this request, or return what was answered under it before.

    The reply goes with what it is about, when that goes.

    Raises:
        KeyReused: another request of this person had the key.
        Gone: what was answered before told of something that is deleted.
        StillAnswering: the first request has not been answered yet.
    """
    try:
        row, is_new = SavedReply.objects.get_or_create(
            user_id=user_id,
            key=key,
            defaults={"fingerprint": fingerprint, "claimed_at": now, "about": about},
        )
    except IntegrityError:
        # Another had the key and let go of it between our two looks.
        raise StillAnswering from None
    if is_new:
        return Claim(row.pk, now)
    if row.claimed_at < now - (LEASE if row.status is None else KEPT):
        return _take_up(row, fingerprint=fingerprint, now=now, about=about)
    if row.fingerprint != fingerprint:
        raise KeyReused
    if row.status is None:
        raise StillAnswering
    if row.status == GONE:
        raise Gone
    return Saved(row.status, bytes(row.body), row.about)


def _take_up(row: SavedReply, *, fingerprint: str, now: datetime, about: UUID | None) -> Claim:
    """Claim a key whose time is over; one of several wins."""
    won = SavedReply.objects.filter(pk=row.pk, claimed_at=row.claimed_at).update(
        fingerprint=fingerprint, claimed_at=now, status=None, body=b"", about=about
    )
    if not won:
        raise StillAnswering
    return Claim(row.pk, now)


def keep(*, claimed: Claim, status: int, body: bytes, about: UUID | None = None) -> None:
    """Leave the reply for the same request again; nothing when the claim has gone meanwhile, or was taken up."""
    _mine(claimed).update(status=status, body=body, about=about)


def let_go(*, claimed: Claim) -> None:
    """Free the key of a request that changed nothing."""
    _mine(claimed).delete()


def forget_about(*, ids: Collection[UUID]) -> None:
    """Delete the replies that tell of what is deleted itself, in the caller's transaction; those under way too."""
    SavedReply.objects.filter(about__in=ids).delete()


def withdraw_about(*, about: UUID) -> None:
    """Give out no reply again that tells of what was deleted, in the caller's transaction.

    The request that deletes it is under way, and keeps its own.
    """
    SavedReply.objects.filter(about=about, status__isnull=False).update(status=GONE, body=b"")


def old(*, now: datetime) -> QuerySet[SavedReply]:
    """Return the replies whose day is over."""
    return SavedReply.objects.filter(claimed_at__lt=now - KEPT)


def forget_old(*, now: datetime) -> int:
    """Delete the replies whose day is over; return how many there were."""
    deleted, _ = old(now=now).delete()
    return deleted


def _mine(claimed: Claim) -> QuerySet[SavedReply]:
    return SavedReply.objects.filter(pk=claimed.row_id, claimed_at=claimed.claimed_at, status=None)
