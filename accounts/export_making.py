"""Put a person's data into one file: claimed, written part by part, kept for a day.

The row is the job. A worker that dies leaves a lease behind; when that is over the next one begins anew.
"""

import hashlib
import logging
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import IO, Any
from uuid import UUID

import orjson
from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts import audit, lifecycle
from accounts.lifecycle_models import AccountExport
from accounts.models import User

logger = logging.getLogger(__name__)

FOLDER = "account-exports"
LEASE = timedelta(minutes=5)
MOST_ATTEMPTS = 3
PIECE_BYTES = 1 << 20
RENEWED_EVERY = 500
"""Records or pieces of a file after which the lease is renewed: a part may be as long as a person's life here."""

State = AccountExport.State


class TakenAway(Exception):
    """The row was taken by another worker, or is gone; nothing more may be written."""


def due(*, now: datetime) -> list[UUID]:
    """Return the exports that nobody works on."""
    return list(unclaimed(now=now).order_by("requested_at").values_list("pk", flat=True)[:100])


def unclaimed(*, now: datetime) -> QuerySet[AccountExport]:
    """Return the exports that somebody should take."""
    return AccountExport.objects.filter(Q(state=State.WAITING) | Q(state=State.RUNNING, lease_until__lt=now))


def make(*, export_id: UUID, now: datetime) -> bool:
    """Write the file of one export; say whether it is ready now. Does nothing for one that is taken or done."""
    export = _claim(export_id, now)
    if export is None:
        return False
    try:
        with tempfile.TemporaryFile() as archive:
            _write(export, archive, now)
            _keep(export, archive)
    except TakenAway:
        return False
    return True


def _claim(export_id: UUID, now: datetime) -> AccountExport | None:
    """Take the export, or give it up after too many attempts."""
    given_up = unclaimed(now=now).filter(pk=export_id, attempts__gte=MOST_ATTEMPTS)
    if given_up.update(state=State.FAILED, lease_until=None):
        logger.warning("account_export_failed", extra={"export_id": export_id})
        return None
    claimed = (
        unclaimed(now=now)
        .filter(pk=export_id)
        .update(state=State.RUNNING, attempts=F("attempts") + 1, lease_until=now + LEASE, done_parts=0)
    )
    return AccountExport.objects.select_related("person").get(pk=export_id) if claimed else None


def _write(export: AccountExport, archive: IO[bytes], now: datetime) -> None:
    files = [part for _, data in lifecycle.parts() for part in data.export(export.person)]
    _note(export, total_parts=len(files), done_parts=0)
    listed: list[dict[str, object]] = []
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for number, part in enumerate(files, start=1):
            listed.append(_write_part(export, zipped, part))
            _note(export, done_parts=number)
        manifest = {"person": _who(export.person), "made_at": now, "files": listed}
        zipped.writestr("manifest.json", orjson.dumps(manifest, option=orjson.OPT_INDENT_2))


def _who(person: User) -> dict[str, object]:
    return {"id": person.pk, "name": person.name, "email": person.email}


def _write_part(export: AccountExport, zipped: zipfile.ZipFile, part: lifecycle.Part) -> dict[str, object]:
    """Write one file and return its line in the manifest."""
    pieces = _lines(part.rows()) if isinstance(part, lifecycle.Records) else _encoded(part.pieces())
    digest, size, count = hashlib.sha256(), 0, 0
    with zipped.open(part.name, "w") as file:
        for piece in pieces:
            file.write(piece)
            digest.update(piece)
            size, count = size + len(piece), count + 1
            if count % RENEWED_EVERY == 0:
                _note(export)
    records = {"records": count} if isinstance(part, lifecycle.Records) else {}
    return {"name": part.name, **records, "bytes": size, "sha256": digest.hexdigest()}


def _lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    for row in rows:
        yield orjson.dumps(dict(row), default=str, option=orjson.OPT_APPEND_NEWLINE)


def _encoded(pieces: Iterable[str]) -> Iterator[bytes]:
    for piece in pieces:
        yield piece.encode()


def _mine(export: AccountExport) -> Any:
    """Return the row as long as it is this attempt's."""
    return AccountExport.objects.filter(pk=export.pk, state=State.RUNNING, attempts=export.attempts)


def _note(export: AccountExport, **values: int) -> None:
    """Show the progress and renew the lease.

    Raises:
        TakenAway: the row is somebody else's now.
    """
    if not _mine(export).update(lease_until=timezone.now() + LEASE, **values):
        raise TakenAway


def _keep(export: AccountExport, archive: IO[bytes]) -> None:
    """Store the file, then say that it is ready; a file without its row is removed again."""
    size, digest = archive.tell(), _digest(archive)
    _note(export)
    name = default_storage.save(f"{FOLDER}/{export.pk}-{export.attempts}.zip", File(archive))
    ready_at = timezone.now()
    with transaction.atomic():
        kept = _mine(export).update(
            state=State.READY,
            file=name,
            size=size,
            sha256=digest,
            lease_until=None,
            ready_at=ready_at,
            expires_at=ready_at + settings.ACCOUNT_EXPORT_LASTS,
        )
        if kept:
            audit.record(
                actor=export.person, action="account_export_ready", resource=audit.person(export.person)
            )
    if not kept:
        default_storage.delete(name)
        raise TakenAway


def _digest(archive: IO[bytes]) -> str:
    """Return the SHA-256 of the whole archive, and stand at its beginning again."""
    archive.seek(0)
    digest = hashlib.sha256()
    while piece := archive.read(PIECE_BYTES):
        digest.update(piece)
    archive.seek(0)
    return digest.hexdigest()


def remove_file(export: AccountExport) -> None:
    """Delete the file of an export; one that is gone already is no error."""
    if export.file:
        default_storage.delete(export.file)
