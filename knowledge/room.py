"""How much the files of an organization's library may take in all, by its tier.

Old versions count: old answers quote from them.
"""

from dataclasses import dataclass
from math import ceil
from uuid import UUID

from django.conf import settings
from django.db.models import Sum

from accounts import seats
from accounts.models import Organization
from knowledge.models import DocumentVersion

MEGABYTE = 1024 * 1024


class LibraryFull(Exception):
    """The file does not fit any more; nothing was changed."""

    def __init__(self, allowed_mb: int) -> None:
        super().__init__(
            f"The library is full: its files may take {allowed_mb:,} MB in all. Delete documents that nobody needs, "
            "or ask for a larger tier."
        )


@dataclass(frozen=True, slots=True)
class Room:
    """What the files of a library take, of what they may take; in bytes, without a limit where there is none."""

    used: int
    allowed: int | None

    @property
    def in_words(self) -> str:
        """Return a sentence in megabytes, where what is left is never said to be more than it is."""
        used = ceil(self.used / MEGABYTE)
        if self.allowed is None:
            return f"The files of your organization take {used:,} MB; there is no limit."
        allowed = self.allowed // MEGABYTE
        return (
            f"The files of your organization take {used:,} of {allowed:,} MB; "
            f"{max(allowed - used, 0):,} MB are left."
        )


def of(organization: Organization) -> Room:
    """Return how much room the organization's library has; old versions count."""
    return Room(used=_taken(organization.pk), allowed=_allowed(organization))


def claim(*, organization_id: UUID, size: int) -> None:
    """Make sure that so many bytes still fit until the transaction ends; whoever else adds a file waits here.

    Raises:
        LibraryFull: they do not.
        NotVisible: the organization is gone, or closed.
    """
    organization = seats.take_turn(organization_id)
    allowed = _allowed(organization)
    if allowed is not None and _taken(organization_id) + size > allowed:
        raise LibraryFull(allowed // MEGABYTE)


def _allowed(organization: Organization) -> int | None:
    megabytes: int | None = settings.LIBRARY_MB.get(organization.tier)
    return None if megabytes is None else megabytes * MEGABYTE


def _taken(organization_id: UUID) -> int:
    held = DocumentVersion.objects.filter(organization_id=organization_id)
    return held.aggregate(bytes=Sum("size"))["bytes"] or 0
