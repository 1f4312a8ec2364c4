"""Making exports: claim the row, write the files, finish; and the sweeps that see to what was left.

A claim is a lease on the row, proven by the number of the attempt. An attempt writes into a folder of its own,
so one that was declared dead disturbs nobody: what it writes last is refused, and its folder goes with the
export. An export that was interrupted begins anew.
"""

import logging
import tempfile
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import orjson
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent
from conversations.exports_files import SHEETS
from conversations.exports_rows import CHUNK, PARTS, Part, Source, total
from conversations.models import Conversation
from conversations.outward import Export

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
STORED_WITHIN = timedelta(minutes=10)
"""How long one file may take on its way to the storage, where nobody can say how far it is."""
ATTEMPTS = 3
PAUSE = timedelta(seconds=20)
"""How long an export waits after an attempt that failed."""
KEPT = timedelta(hours=24)
"""How long the files can be fetched."""
MOST = 50
"""Exports of one sweep, the oldest first."""
RECORDED_AT_ONCE = 50
"""Lines of the record in one transaction: everybody else who has something to record waits for its end."""
MANIFEST = "manifest.json"
FOLDER = "exports"

Clock = Callable[[], datetime]
State = Export.State
_UNFINISHED = Q(state__in=[State.WAITING, State.RUNNING])


class Stopped(Exception):
    """The export is no longer ours: discarded, or taken over after the lease ran out."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to make one export, in the attempt with this number."""

    export: Export
    attempt: int

    @property
    def folder(self) -> str:
        """Where this attempt writes."""
        return f"{_folder(self.export.pk)}/{self.attempt}"


def _folder(export_id: UUID) -> str:
    return f"{FOLDER}/{export_id}"


@transaction.atomic
def due(*, now: datetime) -> list[UUID]:
    """Return the exports that nobody works on and somebody should."""
    locked = unclaimed(now=now).select_for_update(skip_locked=True).order_by("created_at")
    return list(locked.values_list("pk", flat=True)[:MOST])


def unclaimed(*, now: datetime) -> QuerySet[Export]:
    """Return the exports that somebody should take."""
    return Export.objects.filter(_UNFINISHED).exclude(lease_until__gt=now)


def make(*, export_id: UUID, clock: Clock = timezone.now) -> None:
    """Make the files of an export, unless somebody else does or it is no longer wanted.

    Safe to call at any time, any number of times, in parallel.
    """
    claim = _claim(export_id, now=clock())
    if claim is None:
        return
    try:
        source = Source(claim.export)
        files = _write(claim, source, clock)
        if claim.export.kind != Export.Kind.OWN:
            _tell_owners(claim, source, clock)
        _finish(claim, files, source, now=clock())
    except Stopped:
        _drop(claim.folder)
    except Exception:
        logger.exception("An export failed", extra={"step": claim.export.kind})
        _drop(claim.folder)
        _give_back(claim, now=clock())


@transaction.atomic
def _claim(export_id: UUID, *, now: datetime) -> Claim | None:
    """Take the export, counting the attempt before the work; one that was tried too often fails."""
    export = (
        unclaimed(now=now)
        .select_for_update(of=("self",), skip_locked=True)
        .select_related("requested_by")
        .filter(pk=export_id)
        .first()
    )
    if export is None:
        return None
    if export.attempts >= ATTEMPTS or not export.requested_by.is_active:
        _end(export.pk, State.FAILED, now=now)
        return None
    export.attempts += 1
    export.state, export.lease_until, export.done_rows = State.RUNNING, now + LEASE, 0
    export.total_rows = total(Source(export))
    export.save(update_fields=["attempts", "state", "lease_until", "done_rows", "total_rows"])
    return Claim(export, export.attempts)


def _write(claim: Claim, source: Source, clock: Clock) -> list[dict[str, Any]]:
    """Write the files and, last, the manifest; return what is known of each."""
    files: list[dict[str, Any]] = []
    for part in PARTS[claim.export.kind]:
        before = sum(file["rows"] for file in files)
        files.append(_write_part(claim, part, source, before, clock))
    export = claim.export
    told = {
        "kind": export.kind,
        "format": export.format,
        "first_day": export.first_day,
        "last_day": export.last_day,
        "asked_for_at": export.created_at,
        "made_at": clock(),
        "files": [{key: file[key] for key in ("name", "rows", "bytes", "sha256")} for file in files],
    }
    manifest = orjson.dumps(told, option=orjson.OPT_INDENT_2)
    path = default_storage.save(f"{claim.folder}/{MANIFEST}", ContentFile(manifest))
    return [*files, {"name": MANIFEST, "path": path, "rows": 0, "bytes": len(manifest), "sha256": ""}]


def _write_part(claim: Claim, part: Part, source: Source, before: int, clock: Clock) -> dict[str, Any]:
    with tempfile.TemporaryFile() as out:
        sheet = SHEETS[claim.export.format](out, part.columns)
        for row in part.rows(source):
            sheet.add(row)
            if sheet.rows % CHUNK == 0:
                _hold(claim, done_rows=before + sheet.rows, now=clock())
        _hold(claim, done_rows=before + sheet.rows, now=clock(), lasts=STORED_WITHIN)
        out.seek(0)
        name = f"{part.name}.{claim.export.format}"
        path = default_storage.save(f"{claim.folder}/{name}", File(out, name=name))
    return {"name": name, "path": path, "rows": sheet.rows, "bytes": sheet.size, "sha256": sheet.sha256}


def _hold(claim: Claim, *, now: datetime, lasts: timedelta = LEASE, **progress: int) -> None:
    """Keep the lease and write down the progress.

    Raises:
        Stopped: the export is not ours any more.
    """
    if _ours(claim).update(lease_until=now + lasts, **progress) != 1:
        raise Stopped


def _ours(claim: Claim) -> QuerySet[Export]:
    """Return the row of the export as long as it is this attempt's."""
    return Export.objects.filter(pk=claim.export.pk, state=State.RUNNING, attempts=claim.attempt)


def _tell_owners(claim: Claim, source: Source, clock: Clock) -> None:
    """Have it in their owners' diaries whose words are inside, before anybody has them; what is there already stays."""
    resources = [f"conversation:{conversation_id}" for conversation_id in source.opened]
    for first in range(0, len(resources), RECORDED_AT_ONCE):
        _record_taken(claim, resources[first : first + RECORDED_AT_ONCE], now=clock())


@transaction.atomic
def _record_taken(claim: Claim, resources: Collection[str], *, now: datetime) -> None:
    # The row is ours until the end of the transaction: no other attempt records the same meanwhile.
    _hold(claim, now=now)
    action, reason = "feedback.exported", f"export:{claim.export.pk}"
    recorded = AuditEvent.objects.filter(action=action, reason=reason, resource__in=resources)
    untold = sorted({*resources} - {*recorded.values_list("resource", flat=True)})
    audit.record_each(
        actor=claim.export.requested_by, action=action, done_to=[(resource, reason) for resource in untold]
    )


def _finish(claim: Claim, files: Iterable[dict[str, Any]], source: Source, *, now: datetime) -> None:
    """Mark the export as ready.

    Raises:
        Stopped: the export is not ours any more.
    """
    done = _ours(claim).update(
        state=State.READY,
        files=list(files),
        opened={str(conversation): first for conversation, first in source.opened.items()},
        finished_at=now,
        expires_at=now + KEPT,
        lease_until=None,
    )
    if done != 1:
        raise Stopped


@transaction.atomic
def _give_back(claim: Claim, *, now: datetime) -> None:
    """Let an export that failed be tried again after a pause, or fail for good."""
    ours = _ours(claim).select_for_update()
    if not ours.exists():
        return
    if claim.attempt >= ATTEMPTS:
        _end(claim.export.pk, State.FAILED, now=now)
    else:
        ours.update(state=State.WAITING, lease_until=now + PAUSE)


def _end(export_id: UUID, state: Export.State, *, now: datetime) -> None:
    """End an export that has nothing to fetch; what a dying worker may still write is deleted once more later."""
    Export.objects.filter(pk=export_id).update(
        state=state, files=[], opened={}, lease_until=None, finished_at=now, expires_at=now + 2 * LEASE
    )


def discard(*, export_id: UUID, now: datetime) -> None:
    """Delete an export; one that is being made is given up."""
    # First the row: a worker that still writes finds that it is not wanted any more, and deletes what it wrote.
    _end(export_id, State.GONE, now=now)
    drop_files(export_id)


def withdraw(*, conversation_ids: Collection[UUID], now: datetime) -> None:
    """End the exports in which words of these conversations are, in the caller's transaction; the sweep has the files.

    One that is being made begins anew, since nobody can say how far it is.
    """
    concerned = Conversation.objects.filter(pk__in=conversation_ids)
    rated = concerned.filter(messages__feedback__isnull=False)
    may_hold = Q(kind=Export.Kind.OWN, requested_by__in=concerned.values("owner")) | Q(
        kind=Export.Kind.FEEDBACK, organization__in=rated.values("organization")
    )
    # Those that wait, too: until the transaction ends nobody begins one and reads what is about to go.
    Export.objects.filter(_UNFINISHED).filter(may_hold).update(state=State.WAITING, lease_until=None)
    holding = Export.objects.filter(
        state=State.READY, opened__has_any_keys=[str(conversation_id) for conversation_id in conversation_ids]
    )
    for export_id in holding.values_list("pk", flat=True):
        _end(export_id, State.GONE, now=now)


def over(*, now: datetime) -> QuerySet[Export]:
    """Return the exports whose files have had their day."""
    return Export.objects.filter(~_UNFINISHED, expires_at__lte=now)


def purge(*, now: datetime, most: int = MOST) -> int:
    """Delete the files whose day is over and say of how many exports; a row without files stays."""
    found = list(over(now=now).values_list("pk", "state")[:most])
    for export_id, state in found:
        # First the files: the row names what is left to do until they are gone.
        drop_files(export_id)
        left = State.FAILED if state == State.FAILED else State.GONE
        Export.objects.filter(pk=export_id, state=state).update(
            state=left, files=[], opened={}, expires_at=None
        )
    return len(found)


def orphans() -> list[str]:
    """Return the folders of exports whose rows went with their people while a worker was killed."""
    named = set(_listed(FOLDER)[0])
    return sorted(named - {str(export_id) for export_id in Export.objects.values_list("pk", flat=True)})


def remove_orphans(*, most: int) -> int:
    """Delete such folders and say how many; a worker that still writes into one deletes what it wrote."""
    found = orphans()[:most]
    for name in found:
        drop_files(UUID(name))
    return len(found)


def drop_files(export_id: UUID) -> None:
    """Delete all files of an export, those of attempts that came to nothing too."""
    folder = _folder(export_id)
    for attempt in _listed(folder)[0]:
        _drop(f"{folder}/{attempt}")
    _remove(folder)


def _drop(folder: str) -> None:
    for name in _listed(folder)[1]:
        default_storage.delete(str(PurePosixPath(folder) / name))
    _remove(folder)


def _remove(folder: str) -> None:
    """Remove an empty folder; one into which a dying worker still writes is visited again by the purge."""
    with suppress(OSError):
        default_storage.delete(folder)


def _listed(folder: str) -> tuple[list[str], list[str]]:
    """Return the folders and the files inside a folder; none where it does not exist."""
    try:
        return default_storage.listdir(folder)
    except FileNotFoundError:
        return [], []
