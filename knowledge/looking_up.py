"""Look something up by hand: a question of a person's own, without a conversation around it."""

import logging

from asgiref.sync import async_to_sync
from numpy import float32
from numpy.typing import NDArray

from accounts.models import User
from coaching.providers import registry
from coaching.providers.ports import ProviderError
from knowledge import access
from knowledge.retrieval import retrieve
from knowledge.retrieved import Retrieval

logger = logging.getLogger(__name__)

DEADLINE_SECONDS = 5.0


def look_up(*, member: User, question: str, limit: int) -> Retrieval:
    """Return the passages that answer the question best, of what the member may look things up in.

    Without the embedding model the words of the question alone must do.

    Raises:
        NotVisible: the member belongs to no organization.
    """
    scope = access.scope_of(member)
    return retrieve(scope=scope, question=question, vector=_vector(question), limit=limit)


def _vector(question: str) -> NDArray[float32] | None:
    try:
        embedded = async_to_sync(registry.embeddings().embed)([question], deadline_s=DEADLINE_SECONDS)
    except ProviderError:
        logger.warning("question_not_embedded")
        return None
    vector: NDArray[float32] = embedded.vectors[0]
    return vector
