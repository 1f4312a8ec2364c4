"""What people do with the library: add, replace, edit, stop, retry and delete documents."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypedDict, Unpack
from uuid import UUID

from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet
from uuid_utils.compat import uuid7

from accounts import audit
from accounts.access import NotVisible
from accounts.models import User
from knowledge import retagging, room
from knowledge.ingestion import files, ledger
from knowledge.library_titles import title_from
from knowledge.models import Document, DocumentVersion, Domain, IngestionStep
from knowledge.tasks import nudge

LONGEST_FILENAME = 255
DELETED = "document_deleted"
SECOND_CLICK = timedelta(days=1)
"""How long a page with a button to delete stays open at most, that somebody presses once more."""

State = DocumentVersion.State


class AlreadyInLibrary(Exception):
    """These bytes are already there as another document; nothing was changed."""

    def __init__(self, document: Document) -> None:
        super().__init__(document.pk)
        self.document = document


class Gone(NotVisible):
    """The document or version does not exist any more; nothing was changed."""


class UnknownDomain(Exception):
    """A domain was chosen that does not exist; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Whose library: the organization's own, or the part that one coach keeps."""

    organization_id: UUID
    coach_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """The version that holds the bytes, and whether they were new to the shelf."""

    version: DocumentVersion
    is_new: bool


def add(
    *,
    shelf: Shelf,
    filename: str,
    content: "File[bytes]",
    now: datetime,
    added_by_id: UUID | None = None,
    title: str = "",
    start: bool = True,
) -> Added:
    """Add a file to the library and have it read; `start=False` leaves the reading to the caller.

    The same bytes twice on one shelf are one document, however parallel: the second call returns what the
    first one made, and starts it again when it had failed or been cancelled.

    Raises:
        LibraryFull: the organization has no room for these bytes.
    """
    document = Document(
        organization_id=shelf.organization_id,
        coach_id=shelf.coach_id,
        title=(title or title_from(filename))[:300],
        added_by_id=added_by_id,
        created_at=now,
    )
    return _keep(_Arrival(document, filename, content, now, start), is_new_document=True)


def find(*, shelf: Shelf, content: "File[bytes]") -> DocumentVersion | None:
    """Return the version on the shelf that holds exactly these bytes, if there is one."""
    digest, _ = _digest(content)
    return _with_bytes(shelf, digest).first()


def replace(
    *, document_id: UUID, filename: str, content: "File[bytes]", now: datetime, start: bool = True
) -> Added:
    """Add the changed file of a document as its new version; the old one is found until this one is ready.

    Bytes that an earlier version already had bring that version back, and what is being read meanwhile ends.

    Raises:
        AlreadyInLibrary: another document has these bytes.
        Gone: the document was deleted.
        LibraryFull: the organization has no room for these bytes.
    """
    document = Document.objects.filter(pk=document_id).first()
    if document is None:
        raise Gone
    added = _keep(_Arrival(document, filename, content, now, start), is_new_document=False)
    if added.version.document_id != document_id:
        raise AlreadyInLibrary(added.version.document)
    return added


@dataclass(frozen=True, slots=True)
class _Arrival:
    document: Document
    filename: str
    content: "File[bytes]"
    now: datetime
    start: bool


def _keep(arrival: _Arrival, *, is_new_document: bool) -> Added:
    """Find the version with these bytes, or make it: the unique constraint decides who is first."""
    digest, size = _digest(arrival.content)
    same = _with_bytes(Shelf(arrival.document.organization_id, arrival.document.coach_id), digest)
    if existing := same.first():
        return Added(_take_up(existing, arrival, is_new_document=is_new_document), is_new=False)
    version = _draft(arrival, digest, size)
    with _no_file_without_row(version.pk):
        version.file = files.store_source(version.pk, arrival.filename, arrival.content)
    try:
        _write(version, arrival, is_new_document=is_new_document)
    except IntegrityError:
        existing = same.first()
        if existing is None:
            raise
        return Added(_take_up(existing, arrival, is_new_document=is_new_document), is_new=False)
    return Added(version, is_new=True)


@contextmanager
def _no_file_without_row(version_id: UUID) -> Iterator[None]:
    """Remove what was stored when there will be no row for it.

    Only what goes wrong before the commit says so. A commit whose answer is lost may have happened: the file
    stays, and if it did not happen, the retention takes the file as one that no version names.
    """
    try:
        yield
    except BaseException:
        files.remove(version_id)
        raise


def _with_bytes(shelf: Shelf, digest: str) -> QuerySet[DocumentVersion]:
    return DocumentVersion.objects.select_related("document").filter(
        organization_id=shelf.organization_id, coach_id=shelf.coach_id, sha256=digest
    )


def _draft(arrival: _Arrival, digest: str, size: int) -> DocumentVersion:
    return DocumentVersion(
        id=uuid7(),
        document=arrival.document,
        organization_id=arrival.document.organization_id,
        coach_id=arrival.document.coach_id,
        filename=arrival.filename.replace("\x00", "")[-LONGEST_FILENAME:],
        sha256=digest,
        size=size,
        created_at=arrival.now,
    )


def _write(version: DocumentVersion, arrival: _Arrival, *, is_new_document: bool) -> None:
    with transaction.atomic(), _no_file_without_row(version.pk):
        room.claim(organization_id=version.organization_id, size=version.size)
        if is_new_document:
            arrival.document.save(force_insert=True)
        else:
            _locked_document(version.document_id)
            earlier = DocumentVersion.objects.filter(document_id=version.document_id)
            version.number = (earlier.aggregate(last=Max("number"))["last"] or 0) + 1
            earlier.filter(state__in=ledger.UNFINISHED).update(state=State.CANCELLED)
        version.save(force_insert=True)
        ledger.open_steps(version)
        _nudge(version, wanted=arrival.start)


def _take_up(version: DocumentVersion, arrival: _Arrival, *, is_new_document: bool) -> DocumentVersion:
    """Go on with a version that is there: one that was given up starts again, an old one comes back."""
    if is_new_document or version.document_id == arrival.document.pk:
        _store_if_lost(version, arrival)
        if not is_new_document:
            _bring_back(version, start=arrival.start)
        elif version.state in ledger.GIVEN_UP:
            retry(version_id=version.pk, start=arrival.start)
    version.refresh_from_db()
    return version


def _store_if_lost(version: DocumentVersion, arrival: _Arrival) -> None:
    """Store the bytes of a version that was given up once more, where its file is gone."""
    if version.state in ledger.GIVEN_UP and not files.has_source(version):
        version.file = files.store_source(version.pk, arrival.filename, arrival.content)
        version.save(update_fields=["file"])


@transaction.atomic
def _bring_back(known: DocumentVersion, *, start: bool) -> None:
    """Let a version be the last one again, instead of whatever is being read.

    One that searches find goes on being found. One that they found before has its passages, but no vectors;
    one that was given up goes on where it stopped.
    """
    _locked_document(known.document_id)
    version = _locked_version(known.pk)
    others = DocumentVersion.objects.filter(document_id=version.document_id).exclude(pk=version.pk)
    others.filter(state__in=ledger.UNFINISHED).update(state=State.CANCELLED)
    version.number = max(version.number, (others.aggregate(last=Max("number"))["last"] or 0) + 1)
    if version.state == State.READY and not version.live:
        ledger.reopen_from(version, IngestionStep.Stage.EMBED)
        version.state = State.WAITING
    elif version.state in ledger.GIVEN_UP:
        _reopen(version)
    version.save(update_fields=["number", "state", "cause", "failed_stage"])
    _nudge(version, wanted=start and version.state == State.WAITING)


def _reopen(version: DocumentVersion) -> None:
    version.state, version.cause, version.failed_stage = State.WAITING, "", ""
    ledger.reopen_steps(version)


@transaction.atomic
def retry(*, version_id: UUID, start: bool = True) -> None:
    """Go on with a version that failed or was cancelled, at the stage where it stopped.

    Does nothing for a version in any other state.

    Raises:
        Gone: the version was deleted.
    """
    version = _locked_version(version_id)
    if version.state not in ledger.GIVEN_UP:
        return
    _reopen(version)
    version.save(update_fields=["state", "cause", "failed_stage"])
    _nudge(version, wanted=start)


@transaction.atomic
def cancel(*, version_id: UUID) -> None:
    """Stop reading a version; the worker notices within a second and can write nothing more.

    Does nothing for a version that is finished.

    Raises:
        Gone: the version was deleted.
    """
    version = _locked_version(version_id)
    if version.state in ledger.UNFINISHED:
        version.state = State.CANCELLED
        version.save(update_fields=["state"])
        version.steps.filter(state=IngestionStep.State.RUNNING).update(
            state=IngestionStep.State.WAITING, lease_until=None
        )


@transaction.atomic
def delete(*, document_id: UUID, deleted_by: User | None = None) -> None:
    """Delete a document with all versions, passages and vectors at once, and its files after the commit.

    A worker that is busy with it can write nothing any more. Deleting twice is no error.
    """
    document = Document.objects.select_for_update().filter(pk=document_id).first()
    if document is None:
        return
    versions = list(document.versions.select_for_update().values_list("pk", flat=True))
    document.delete()
    for version_id in versions:
        transaction.on_commit(partial(files.remove, version_id), robust=True)
    audit.record(
        actor=deleted_by,
        action=DELETED,
        resource=_resource(document_id),
        organization_id=document.organization_id,
    )


def was_deleted(*, document_id: UUID, by: User, now: datetime) -> bool:
    """Say whether this person deleted the document lately, so that a second click can be told from a wrong address."""
    resource = _resource(document_id)
    return audit.is_recorded(actor=by, action=DELETED, resource=resource, since=now - SECOND_CLICK)


class Known(TypedDict, total=False):
    """What people say about a document; what is not named stays."""

    title: str
    authors: Sequence[str]
    year: int | None
    chosen_domains: Sequence[str]


def edit(*, document_id: UUID, **said: Unpack[Known]) -> Document:
    """Change what is said about a document; chosen domains replace the tags of its passages.

    Choosing none gives each passage the tags that its text asks for.

    Raises:
        Gone: the document was deleted.
        UnknownDomain: a chosen domain does not exist.
        ProviderError: the embedding model, which is needed to find tags, did not answer.
    """
    chosen = said.get("chosen_domains")
    if set(chosen or ()) - set(Domain.objects.values_list("slug", flat=True)):
        raise UnknownDomain
    vectors = retagging.domain_vectors() if chosen is not None and not chosen else None
    with transaction.atomic():
        document = _locked_document(document_id)
        choice_changed = chosen is not None and sorted(document.chosen_domains) != sorted(chosen)
        for name, value in said.items():
            setattr(document, name, value)
        document.save(update_fields=list(said))
        if choice_changed:
            retagging.retag(document, vectors)
    return document


def _resource(document_id: UUID) -> str:
    return f"document:{document_id}"


def _nudge(version: DocumentVersion, *, wanted: bool) -> None:
    if wanted:
        nudge(version.pk)


def _locked_version(version_id: UUID) -> DocumentVersion:
    version = DocumentVersion.objects.select_for_update().filter(pk=version_id).first()
    if version is None:
        raise Gone
    return version


def _locked_document(document_id: UUID) -> Document:
    document = Document.objects.select_for_update().filter(pk=document_id).first()
    if document is None:
        raise Gone
    return document


def _digest(content: "File[bytes]") -> tuple[str, int]:
    """Return the SHA-256 of the content and its size in bytes."""
    digest, size = hashlib.sha256(), 0
    content.seek(0)
    while piece := content.read(files.PIECE_BYTES):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size
