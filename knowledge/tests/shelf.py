"""A shelf of documents for the tests of retrieval: published, with the vectors of the scripted model."""

from collections.abc import Sequence
from uuid import uuid4

import numpy as np
from asgiref.sync import async_to_sync
from numpy.typing import NDArray

from accounts.models import Organization, User
from coaching.providers import registry
from knowledge import spaces
from knowledge.models import Document, DocumentVersion, EmbeddingSpace, Passage, PassageEmbedding

Vector = NDArray[np.float32]


def embed(*texts: str) -> Vector:
    """Return the vectors of `texts`, shape (texts, dimensions)."""
    return async_to_sync(registry.embeddings().embed)(texts, deadline_s=10).vectors


def question(text: str) -> Vector:
    """Return the vector of a question."""
    vector: Vector = embed(text)[0]
    return vector


def put(
    organization: Organization,
    *texts: str,
    coach: User | None = None,
    title: str = "Handbook",
    domains: Sequence[str] = (),
    live: bool = True,
) -> list[Passage]:
    """Put a document on the shelf, one passage a text, and return its passages in order."""
    document = Document.objects.create(
        organization=organization, coach=coach, title=title, authors=["A. Writer"]
    )
    version = DocumentVersion.objects.create(
        document=document,
        organization=organization,
        coach=coach,
        filename=f"{title}.txt",
        sha256=uuid4().hex * 2,
        size=1,
        state=DocumentVersion.State.READY,
        live=live,
    )
    space = spaces.active_space(registry.embeddings())
    return [
        _passage(version, space, text=text, ordinal=ordinal, vector=vector, domains=domains)
        for ordinal, (text, vector) in enumerate(zip(texts, embed(*texts), strict=True))
    ]


def _passage(
    version: DocumentVersion,
    space: EmbeddingSpace,
    *,
    ordinal: int,
    text: str,
    vector: Vector,
    domains: Sequence[str],
) -> Passage:
    passage = Passage.objects.create(
        version=version,
        organization_id=version.organization_id,
        coach_id=version.coach_id,
        ordinal=ordinal,
        live=version.live,
        text=text,
        start=ordinal * 10_000,
        end=ordinal * 10_000 + len(text),
        page_index=ordinal,
        page_index_end=ordinal,
        page_label=str(ordinal + 1),
        token_count=len(text.split()),
        domains=list(domains),
    )
    PassageEmbedding.objects.create(
        space=space,
        organization_id=version.organization_id,
        coach_id=version.coach_id,
        passage=passage,
        live=version.live,
        embedding=vector,
    )
    return passage
