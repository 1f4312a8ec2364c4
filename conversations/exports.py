"""Exports as their owner sees them: ask for one, watch it, fetch its files, delete them.

A file is there for a day. Whoever fetches it is looked at again: it is theirs, they may still have what is in
it, and the words inside are still open to them. The work itself is in `exports_work.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO, Any
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts import audit, quotas
from accounts.access import NotVisible, organization_of
from accounts.models import User
from conversations import access, exports_work
from conversations.exports_files import CONTENT_TYPES
from conversations.exports_rows import still_open
from conversations.outward import Export

LISTED = 20
"""How many exports the page shows, the newest first."""

DATA = ("conversations", "messages", "feedback")
"""What can be asked for by its own name, whoever asks."""

Kind, State = Export.Kind, Export.State


class OneAtATime(Exception):
    """Another export of the member is being made. Nothing was changed."""


class NoLongerOpen(Exception):
    """Words inside the export are not the member's to read any more; its files are deleted."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks to have exported: the kind, in which form, and of which days; of all unless they say."""

    kind: str
    file_format: str
    first_day: date | None = None
    last_day: date | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """Return the same as the columns of an export."""
        return {
            "kind": self.kind,
            "format": self.file_format,
            "first_day": self.first_day,
            "last_day": self.last_day,
        }


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file on its way to its owner."""

    filename: str
    content_type: str
    content: IO[bytes]
    """Open, and read by whoever sends it."""


def offered(member: User) -> Sequence[Export.Kind]:
    """Return what the member may have exported."""
    kinds = [Kind.OWN]
    if member.is_coach:
        kinds.append(Kind.FEEDBACK)
    if member.is_admin:
        kinds.append(Kind.DAILY_COUNTS)
    return kinds


def sheet_of(member: User, data: str) -> tuple[Export.Kind, str]:
    """Return the kind of export, and the sheet of it, in which the member has one of DATA.

    Conversations and messages are everybody's own; whoever sees to an organization has the numbers of them.
    """
    if data == "feedback":
        return (Kind.FEEDBACK if member.is_coach else Kind.OWN), data
    return (Kind.DAILY_COUNTS, "days") if member.is_admin else (Kind.OWN, data)


def ask(*, member: User, wanted: Wanted, now: datetime, request: HttpRequest | None = None) -> Export:
    """Have an export made; the caller nudges a worker.

    Raises:
        NotVisible: the member may not have this kind.
        OneAtATime: another one is being made for them.
        UsedUp: they have begun as many as is possible for now.
    """
    if wanted.kind not in offered(member):
        raise NotVisible
    with quotas.spent(member=member, kind=quotas.Kind.EXPORTS):
        return _ask(member, wanted, now, request)


@transaction.atomic(durable=True)
def _ask(member: User, wanted: Wanted, now: datetime, request: HttpRequest | None) -> Export:
    try:
        with transaction.atomic():
            export = Export.objects.create(
                organization=organization_of(member), requested_by=member, created_at=now, **wanted.columns
            )
    except IntegrityError as error:
        if "export_one_at_a_time" in str(error):
            raise OneAtATime from None
        raise
    _record(member, "export.requested", export, request)
    return export


def listed(member: User) -> Sequence[Export]:
    """Return the member's latest exports."""
    return list(access.own_exports(member).order_by("-created_at")[:LISTED])


def at_hand(*, member: User, wanted: Wanted, now: datetime) -> Export | None:
    """Return the member's newest such export that can be fetched, else the one that is being made."""
    found = access.own_exports(member).filter(**wanted.columns).order_by("-created_at")
    ready = found.filter(state=State.READY, expires_at__gt=now).first()
    return ready or found.filter(state__in=[State.WAITING, State.RUNNING]).first()


def fetch(
    *, member: User, export_id: UUID, name: str, now: datetime, request: HttpRequest | None = None
) -> Fetched:
    """Return a file of the member's export, with the fetching on record.

    Raises:
        NotVisible: there is no such file of theirs, or its day is over, or they may not have it any more.
        NoLongerOpen: words inside it are not open to them any more.
    """
    export = access.own_export(member, export_id)
    until = export.fetchable_until
    stored = next((each for each in export.files if each["name"] == name), None)
    if until is None or now >= until or stored is None or export.kind not in offered(member):
        raise NotVisible
    if not still_open(member, export.opened):
        exports_work.discard(export_id=export.pk, now=now)
        raise NoLongerOpen
    try:
        content = default_storage.open(stored["path"])
    except FileNotFoundError:
        raise NotVisible from None
    # Once it is open: whoever else has something to record waits for no storage.
    _record(member, "export.downloaded", export, request)
    return Fetched(
        filename=f"sideline-{export.created_at:%Y-%m-%d}-{stored['name']}",
        content_type=CONTENT_TYPES[stored["name"].rpartition(".")[2]],
        content=content,
    )


def discard(*, member: User, export_id: UUID, now: datetime) -> None:
    """Delete the member's export now; one that is being made is given up.

    Raises:
        NotVisible: it is not theirs.
    """
    exports_work.discard(export_id=access.own_export(member, export_id).pk, now=now)


def _record(member: User, action: str, export: Export, request: HttpRequest | None) -> None:
    """Record what was done; an export of somebody's own data concerns them, the others the organization."""
    own = export.kind == Kind.OWN
    audit.record(
        actor=member,
        action=action,
        resource=audit.person(member) if own else f"export:{export.pk}",
        reason=f"{export.kind} {export.format}",
        request=request,
    )
