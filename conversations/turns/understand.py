"""What a question is about: its vector, and the domains that its search should prefer."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from coaching.prompts.compose import Subjects, compose_routing
from coaching.providers import registry
from coaching.providers.metered import MeterSink, RunRecord
from coaching.providers.ports import ProviderError
from conversations.apart import apart
from conversations.database import in_db
from conversations.metering import Collector
from knowledge.domains import domain_texts
from knowledge.remembered import Remembered
from knowledge.routing import router_for

logger = logging.getLogger(__name__)

EMBEDDING_DEADLINE_SECONDS = 5.0
LONGEST_PATIENCE_SECONDS = 2.0
"""With the embedding, well within what a thinking process may take (`conversations.apart`)."""
MOST_DOMAINS = 2
"""Of those that a model names."""

_texts: Remembered[str, dict[str, tuple[str, ...]]] = Remembered(seconds=300, most=1)


@dataclass(frozen=True, slots=True)
class Understood:
    """The unit vector of a question, and its domains by slug; nothing of both when it could not be embedded."""

    vector: NDArray[np.float32] | None = None
    domains: tuple[str, ...] = ()
    is_vague: bool = False
    """Whether it says too little to be answered."""


async def understand(question: str, sink: MeterSink | None = None) -> Understood:
    """Embed the question and route it."""
    vector = await _embed(question, sink)
    if vector is None:
        return Understood()
    try:
        texts = _texts.get("") or _texts.put("", await in_db(domain_texts)())
        router = await router_for(registry.embeddings(), texts)
    except ProviderError:
        logger.warning("question_not_embedded")
        return Understood()
    routing = router.route(question=question, vector=vector)
    domains = routing.domains
    if routing.unsure:
        domains = () if routing.needs_clarification else await _asked(question, texts, sink)
    return Understood(vector, domains, is_vague=routing.needs_clarification)


async def _asked(
    question: str, texts: Mapping[str, Sequence[str]], sink: MeterSink | None
) -> tuple[str, ...]:
    """Return what a model says that the question is about: of the domains there are; nothing when it is late."""
    patience_s = min(settings.ROUTING_MODEL_MS / 1000, LONGEST_PATIENCE_SECONDS)
    model = registry.decider(sink) if patience_s else None
    if model is None:
        return ()
    request = compose_routing(
        question=question, subjects={slug: described[0] for slug, described in texts.items()}
    )
    try:
        answer = await model.structured(request, schema=Subjects, deadline_s=patience_s)
    except ProviderError:
        logger.info("question_not_routed")
        return ()
    known = [slug for slug in dict.fromkeys(answer.value.subjects) if slug in texts]
    return tuple(known[:MOST_DOMAINS])


async def vector_of(question: str, collector: Collector) -> NDArray[np.float32] | None:
    """Return the unit vector of a question; without one the text search alone must do."""
    (vector, runs), elsewhere = await apart.call(_embed_here, question)
    collector.take(runs, counted=not elsewhere)
    return vector


async def _embed_here(question: str) -> tuple[NDArray[np.float32] | None, Sequence[RunRecord]]:
    collector = Collector()
    return await _embed(question, collector), collector.runs


async def _embed(question: str, sink: MeterSink | None) -> NDArray[np.float32] | None:
    try:
        embedded = await registry.embeddings(sink).embed([question], deadline_s=EMBEDDING_DEADLINE_SECONDS)
    except ProviderError:
        logger.warning("question_not_embedded")
        return None
    vector: NDArray[np.float32] = embedded.vectors[0]
    return vector
