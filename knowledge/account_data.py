"""What the library holds about a person: what a coach keeps, and who added what the organization shares."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from django.db.models import F, Model, Q

from accounts.lifecycle import Part, Records
from accounts.models import User
from knowledge import library, suggestions
from knowledge.models import (
    Document,
    DocumentVersion,
    Domain,
    EmbeddingSpace,
    IngestionStep,
    Passage,
    PassageEmbedding,
)

DOCUMENT = ("id", "title", "authors", "year", "created_at")
VERSION = ("document_id", "number", "filename", "sha256", "size", "state", "created_at")


class KnowledgeData:
    """A coach's own documents with everything made of them."""

    covers: ClassVar[frozenset[type[Model]]] = frozenset(
        {Document, DocumentVersion, IngestionStep, Passage, PassageEmbedding}
    )
    exempt: ClassVar[Mapping[type[Model], str]] = {
        Domain: "fields of coaching, the same for everybody",
        EmbeddingSpace: "names models, not people",
    }

    def waits_for(self, person: User) -> str:
        """Return nothing."""
        return ""

    def export(self, person: User) -> Sequence[Part]:
        """Return the documents that the person keeps or added, and their versions."""
        theirs = Document.objects.filter(Q(coach=person) | Q(added_by=person)).order_by("created_at")
        versions = DocumentVersion.objects.filter(document__in=theirs).order_by("created_at")
        return (
            Records(
                "documents.jsonl",
                lambda: theirs.values(*DOCUMENT, kept_by=F("coach__name")).iterator(),
            ),
            Records("document_versions.jsonl", lambda: versions.values(*VERSION).iterator()),
        )

    def erase(self, person: User, *, now: datetime) -> dict[str, int]:
        """Delete what the coach keeps, files and vectors with it; what the organization shares stays, unsigned."""
        kept = list(Document.objects.filter(coach=person).values_list("pk", flat=True))
        for document_id in kept:
            library.delete(document_id=document_id)
        Document.objects.filter(added_by=person).update(added_by=None)
        if person.organization_id is not None:
            suggestions.forget(organization_id=person.organization_id, coach_id=person.pk)
        return {"documents": len(kept)}
