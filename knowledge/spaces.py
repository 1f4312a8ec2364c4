"""Embedding spaces: the vectors of one model; one space is active, another may be under construction.

A change of model is `begin`, `build` (as often as it takes), `ensure_index`, the gate of `space_gate`,
`promote`, and some time later `remove`. Searches use the active space all along.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import numpy as np
from asgiref.sync import async_to_sync
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from numpy.typing import NDArray

from coaching.providers.ports import EmbeddingModel
from knowledge import vector_search
from knowledge.models import EmbeddingSpace, Passage, PassageEmbedding

BATCH = 64
EMBED_DEADLINE_S = 60.0
REMOVED_AT_ONCE = 5_000
State = EmbeddingSpace.State


class NotPromotable(Exception):
    """The space cannot become the active one as it is; nothing was changed."""


class Embeddable(Protocol):
    """What the vector of a passage is made from."""

    @property
    def heading_path(self) -> str: ...

    @property
    def text(self) -> str: ...


def text_for_embedding(passage: Embeddable) -> str:
    """Return what the embedding model reads of a passage; everything that makes vectors uses this."""
    return f"{passage.heading_path}\n{passage.text}" if passage.heading_path else passage.text


def active_space(model: EmbeddingModel) -> EmbeddingSpace:
    """Return the active space; the first one of an installation is made for `model`."""
    found = EmbeddingSpace.objects.filter(state=EmbeddingSpace.State.ACTIVE).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return EmbeddingSpace.objects.create(
                provider=model.provider,
                model=model.model,
                dimensions=model.dimensions,
                state=EmbeddingSpace.State.ACTIVE,
                promoted_at=timezone.now(),
            )
    except IntegrityError:  # another process was first
        return EmbeddingSpace.objects.get(state=EmbeddingSpace.State.ACTIVE)


def belongs_to(space: EmbeddingSpace, model: EmbeddingModel) -> bool:
    """Whether the vectors of `model` are at home in `space`."""
    return (space.provider, space.model, space.dimensions) == (model.provider, model.model, model.dimensions)


def begin(model: EmbeddingModel) -> EmbeddingSpace:
    """Return the space of `model` that is active or under construction; a new one where there is none."""
    wanted = {"provider": model.provider, "model": model.model, "dimensions": model.dimensions}
    space, _ = EmbeddingSpace.objects.exclude(state=State.RETIRED).get_or_create(
        **wanted, defaults={"state": State.BUILDING}
    )
    return space


def live_passages() -> QuerySet[Passage]:
    """Return every passage that searches find."""
    return Passage.objects.filter(live=True)


def missing(space: EmbeddingSpace) -> QuerySet[Passage]:
    """Return the live passages that have no vector in the space yet."""
    return live_passages().exclude(embeddings__space=space)


def build(
    *, space: EmbeddingSpace, model: EmbeddingModel, on_progress: Callable[[int, int], None] | None = None
) -> int:
    """Make the vectors that the space lacks and return how many were made; safe to stop and to call again.

    `on_progress` gets (vectors made, vectors to make). Raises a ProviderError when the model does.
    """
    total = missing(space).count()
    made = 0
    batch = _next_batch(space, after=None)
    while batch:
        texts = [text_for_embedding(passage) for passage in batch]
        vectors = async_to_sync(model.embed)(texts, deadline_s=EMBED_DEADLINE_S).vectors
        made += _store(space, dict(zip((passage.pk for passage in batch), vectors, strict=True)))
        if on_progress:
            on_progress(made, max(total, made))
        batch = _next_batch(space, after=batch[-1])
    return made


def promote(*, space: EmbeddingSpace, now: datetime) -> None:
    """Make the space the active one, and retire the one that was.

    Raises:
        NotPromotable: it is not under construction, or passages came that it has no vectors of.
    """
    with transaction.atomic(durable=True):
        held = {held.pk: held for held in EmbeddingSpace.objects.select_for_update().order_by("pk")}
        candidate = held.get(space.pk)
        if candidate is None or candidate.state != State.BUILDING:
            raise NotPromotable("This space is not under construction.")
        if lacking := missing(candidate).count():
            raise NotPromotable(f"{lacking} passages have no vector in this space yet; build it again.")
        EmbeddingSpace.objects.filter(state=State.ACTIVE).update(state=State.RETIRED)
        candidate.state, candidate.promoted_at = State.ACTIVE, now
        candidate.save(update_fields=["state", "promoted_at"])
    space.refresh_from_db()
    vector_search.forget_sizes()


def retire(*, space: EmbeddingSpace) -> None:
    """Give up a space that is under construction, so that another attempt begins afresh."""
    EmbeddingSpace.objects.filter(pk=space.pk, state=State.BUILDING).update(state=State.RETIRED)


def remove(*, space: EmbeddingSpace) -> int:
    """Delete the vectors and the index of a retired space and return how many vectors there were."""
    if EmbeddingSpace.objects.filter(pk=space.pk).exclude(state=State.RETIRED).exists():
        raise NotPromotable("Only a retired space can be removed.")
    removed = 0
    while ids := PassageEmbedding.objects.filter(space=space).values_list("pk", flat=True)[:REMOVED_AT_ONCE]:
        removed += PassageEmbedding.objects.filter(pk__in=list(ids)).delete()[0]
    with connection.cursor() as cursor:
        cursor.execute(f'DROP INDEX IF EXISTS "{vector_search.index_name(space)}"')
    space.delete()
    return removed


def needs_index(space: EmbeddingSpace) -> bool:
    """Whether a scope is so large that it is searched through the HNSW index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM knowledge_passageembedding WHERE live AND space_id = %s "
            "GROUP BY organization_id ORDER BY 1 DESC LIMIT 1",
            [space.pk],
        )
        largest = cursor.fetchone()
    return largest is not None and largest[0] > vector_search.EXACT_UP_TO


def ensure_index(space: EmbeddingSpace) -> bool:
    """Build the HNSW index of the space where one is needed and missing; whether there is one now.

    Searches and uploads go on meanwhile. Outside a transaction only.
    """
    if not needs_index(space):
        return False
    name, dimensions, pk = vector_search.index_name(space), int(space.dimensions), int(space.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
        found = cursor.fetchone()
        if found == (True,):
            return True
        if found is not None:  # an attempt that was cut short
            cursor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')
        cursor.execute(
            f'CREATE INDEX CONCURRENTLY "{name}" ON knowledge_passageembedding USING hnsw '
            f"((embedding::halfvec({dimensions})) halfvec_ip_ops) WHERE live AND space_id = {pk}"
        )
    vector_search.forget_sizes()
    return True


def _next_batch(space: EmbeddingSpace, *, after: Passage | None) -> Sequence[Passage]:
    waiting = missing(space).order_by("pk").only("pk", "heading_path", "text")
    if after is not None:
        waiting = waiting.filter(pk__gt=after.pk)
    return list(waiting[:BATCH])


@transaction.atomic
def _store(space: EmbeddingSpace, vectors: Mapping[UUID, NDArray[np.float32]]) -> int:
    """Store the vectors of those passages that are still there and live."""
    still_there = Passage.objects.filter(pk__in=list(vectors), live=True).select_for_update()
    rows = [
        PassageEmbedding(
            space=space,
            organization_id=passage.organization_id,
            coach_id=passage.coach_id,
            passage=passage,
            live=True,
            embedding=vectors[passage.pk],
        )
        for passage in still_there.only("pk", "organization_id", "coach_id")
    ]
    PassageEmbedding.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)
