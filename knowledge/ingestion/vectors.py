"""The vectors of a version's passages, made in batches; each batch is kept even if the next one fails."""

from collections.abc import Callable

from asgiref.sync import async_to_sync

from coaching.providers import registry
from coaching.providers.ports import EmbeddingModel
from knowledge import spaces
from knowledge.domains import EMBED_DEADLINE_S, Vectors
from knowledge.ingestion.ledger import Stopped
from knowledge.ingestion.work import Work
from knowledge.ingestion_errors import MODEL_CHANGED, StageFailed
from knowledge.models import EmbeddingSpace, Passage, PassageEmbedding

BATCH = 64
"""Passages of one call. With the deadline of a call it must stay well inside a lease."""

AndThen = Callable[[list[Passage], Vectors], None]


def current() -> tuple[EmbeddingModel, EmbeddingSpace]:
    """Return the embedding model and the active space; raises StageFailed when they do not belong together."""
    model = registry.embeddings()
    space = spaces.active_space(model)
    if not spaces.belongs_to(space, model):
        raise StageFailed(MODEL_CHANGED, f"{model.provider}/{model.model}")
    return model, space


def embed_missing(
    work: Work, model: EmbeddingModel, space: EmbeddingSpace, and_then: AndThen | None = None
) -> None:
    """Make the vectors that the version's passages do not have yet, hidden until they are published.

    `and_then` gets each batch of passages with its vectors, in the transaction that stores them.
    """
    passages = work.version.passages.order_by("ordinal")
    total = passages.count()
    missing = list(
        passages.exclude(embeddings__space=space).only("id", "version_id", "heading_path", "text", "domains")
    )
    done = total - len(missing)
    for first in range(0, len(missing), BATCH):
        work.progress(done, total)
        if work.cancelled():
            raise Stopped
        batch = missing[first : first + BATCH]
        texts = [spaces.text_for_embedding(passage) for passage in batch]
        vectors = async_to_sync(model.embed)(texts, deadline_s=EMBED_DEADLINE_S).vectors
        done += len(batch)
        work.progress(done, total)
        with work.writing():
            _store(work, space, batch, vectors)
            if and_then:
                and_then(batch, vectors)
    work.progress(total, total)


def _store(work: Work, space: EmbeddingSpace, passages: list[Passage], vectors: Vectors) -> None:
    PassageEmbedding.objects.bulk_create(
        (
            PassageEmbedding(
                space=space,
                organization_id=work.version.organization_id,
                coach_id=work.version.coach_id,
                passage=passage,
                embedding=vector,
            )
            for passage, vector in zip(passages, vectors, strict=True)
        ),
        ignore_conflicts=True,
    )
