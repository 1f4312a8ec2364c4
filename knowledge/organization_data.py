"""What the library holds of an organization."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from uuid import UUID

from accounts.models import User
from accounts.organization_erasure import Gone
from knowledge import library, suggestions
from knowledge.models import Document, DocumentVersion, Passage


class OrganizationLibrary:
    """The organization's documents and those of its coaches, with files, passages and vectors."""

    def waits_for(self, _organization_id: UUID) -> str:
        """Return nothing."""
        return ""

    def count(self, organization_id: UUID) -> Mapping[str, int]:
        """Return how much there is."""
        return {
            "documents": Document.objects.filter(organization=organization_id).count(),
            "versions": DocumentVersion.objects.filter(organization=organization_id).count(),
            "passages": Passage.objects.filter(organization=organization_id).count(),
        }

    def erase(self, organization_id: UUID, *, now: datetime) -> Iterator[Gone]:
        """Delete the documents one by one, each with its files after the commit."""
        for key in Document.objects.filter(organization=organization_id).values_list("pk", flat=True):
            library.delete(document_id=key)
            yield Gone("documents", 1)
        for coach_id in (
            None,
            *User.objects.filter(organization=organization_id).values_list("pk", flat=True),
        ):
            suggestions.forget(organization_id=organization_id, coach_id=coach_id)
