"""Giving the passages of a document other tags after a person chose domains, or took the choice back."""

import numpy as np
from asgiref.sync import async_to_sync

from coaching.providers import registry
from knowledge import domains, spaces, tagging
from knowledge.domains import DomainVectors
from knowledge.models import Document, EmbeddingSpace, Passage, PassageEmbedding

BATCH = 500


def domain_vectors() -> DomainVectors | None:
    """Return the vectors of the domains, to be fetched before a transaction; None while the model changes.

    Raises ProviderError.
    """
    model = registry.embeddings()
    if not spaces.belongs_to(spaces.active_space(model), model):
        return None
    return async_to_sync(domains.embed_domains)(model, domains.domain_texts())


def retag(document: Document, known: DomainVectors | None) -> None:
    """Write the chosen domains to every passage; without a choice, read tags off the stored vectors again."""
    if document.chosen_domains:
        Passage.objects.filter(version__document=document).update(domains=document.chosen_domains)
        return
    if known is None:
        return
    rows = PassageEmbedding.objects.filter(
        passage__version__document=document, space__state=EmbeddingSpace.State.ACTIVE
    )
    stored = list(rows.select_related("passage").only("embedding", "passage__id", "passage__domains"))
    for first in range(0, len(stored), BATCH):
        batch = stored[first : first + BATCH]
        vectors = np.array([row.embedding for row in batch], np.float32)
        for row, names in zip(batch, tagging.tags(vectors, known), strict=True):
            row.passage.domains = names
        Passage.objects.bulk_update([row.passage for row in batch], ["domains"])
