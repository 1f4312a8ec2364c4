"""How much the files of an organization's library may take in all, by its tier.

Old versions count: old answers quote from them.
"""

from uuid import UUID

from django.conf import settings
from django.db.models import Sum

from accounts import seats
from knowledge.models import DocumentVersion

MEGABYTE = 1024 * 1024


class LibraryFull(Exception):
    """The file does not fit any more; nothing was changed."""

    def __init__(self, allowed_mb: int) -> None:
        super().__init__(
            f"The library is full: its files may take {allowed_mb:,} MB in all. Delete documents that nobody needs, "
            "or ask for a larger tier."
        )


def claim(*, organization_id: UUID, size: int) -> None:
    """Make sure that so many bytes still fit until the transaction ends; whoever else adds a file waits here.

    Raises:
        LibraryFull: they do not.
    """
    organization = seats.take_turn(organization_id)
    allowed: int | None = settings.LIBRARY_MB.get(organization.tier)
    if allowed is not None and _taken(organization_id) + size > allowed * MEGABYTE:
        raise LibraryFull(allowed)


def _taken(organization_id: UUID) -> int:
    held = DocumentVersion.objects.filter(organization_id=organization_id)
    return held.aggregate(bytes=Sum("size"))["bytes"] or 0
