"""Files of documents that no version names: left behind when a process died between the commit and the deleting."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.core.files.storage import default_storage

from accounts.retention import Rule, Scope
from knowledge.ingestion import files
from knowledge.models import DocumentVersion

YOUNG = timedelta(hours=2)
"""A file is stored before its row is committed; one that is younger may be waiting for that."""
AT_ONCE = 500


def _folders() -> Iterator[UUID]:
    try:
        names, _ = default_storage.listdir(files.ROOT)
    except FileNotFoundError:
        return
    for name in names:
        try:
            yield UUID(name)
        except ValueError:
            continue


def orphans(now: datetime) -> list[UUID]:
    """Return the versions that have files but no row, and have had none for a while."""
    found: list[UUID] = []
    ids = sorted(_folders())
    for begin in range(0, len(ids), AT_ONCE):
        some = ids[begin : begin + AT_ONCE]
        known = set(DocumentVersion.objects.filter(pk__in=some).values_list("pk", flat=True))
        found += [each for each in some if each not in known and _is_old(each, now)]
    return found


def _is_old(version_id: UUID, now: datetime) -> bool:
    _, names = default_storage.listdir(files.folder(version_id))
    times = (default_storage.get_modified_time(f"{files.folder(version_id)}/{name}") for name in names)
    return all(time < now - YOUNG for time in times)


def _count(_scope: Scope, now: datetime) -> int:
    return len(orphans(now))


def _remove(_scope: Scope, now: datetime, limit: int) -> int:
    found = orphans(now)[:limit]
    for version_id in found:
        files.remove(version_id)
    return len(found)


RULES = (Rule("document_files", _count, _remove, for_organizations=False, for_installation=True),)
