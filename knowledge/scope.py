"""Whose knowledge a question may be answered from."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Scope:
    """What one conversation can look up: what its organization shares, and what its coach keeps."""

    organization_id: UUID
    coach_id: UUID | None = None
    """None: only what the whole organization shares."""

    @property
    def owners(self) -> tuple[UUID | None, ...]:
        """The values of `coach` on what is visible; None stands for "shared"."""
        return (None,) if self.coach_id is None else (None, self.coach_id)
