"""Embedding spaces: the vectors of one model; one space is active, another may be under construction."""

from typing import Protocol

from django.db import IntegrityError, transaction
from django.utils import timezone

from coaching.providers.ports import EmbeddingModel
from knowledge.models import EmbeddingSpace


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
