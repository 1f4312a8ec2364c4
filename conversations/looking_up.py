"""Look something up by hand: a question of a person's own, without a conversation around it."""

import logging
from datetime import datetime

from asgiref.sync import async_to_sync
from numpy import float32
from numpy.typing import NDArray

from accounts.access import organization_of
from accounts.models import User
from coaching.policies import student_data
from coaching.providers import registry
from coaching.providers.ports import ProviderError
from conversations.metering import Collector, keep_runs
from knowledge.access import scope_of
from knowledge.retrieval import retrieve
from knowledge.retrieved import Retrieval

logger = logging.getLogger(__name__)

DEADLINE_SECONDS = 5.0


def look_up(*, member: User, question: str, limit: int, now: datetime) -> Retrieval:
    """Return the passages that answer the question best, of what the member may look things up in.

    Nobody is asked about the students in it: the provider reads it without them, our own search as it is.
    Without the embedding model the words of the question alone must do.

    Raises:
        NotVisible: the member belongs to no organization.
    """
    scope = scope_of(member)
    collector = Collector()
    vector = _vector(student_data.masked(question), collector)
    keep_runs(
        collector.runs,
        organization_id=organization_of(member).pk,
        user_id=member.pk,
        subject_id=None,
        now=now,
    )
    return retrieve(scope=scope, question=question, vector=vector, limit=limit)


def _vector(question: str, collector: Collector) -> NDArray[float32] | None:
    try:
        embedded = async_to_sync(registry.embeddings(collector).embed)(
            [question], deadline_s=DEADLINE_SECONDS
        )
    except ProviderError:
        logger.warning("question_not_embedded")
        return None
    vector: NDArray[float32] = embedded.vectors[0]
    return vector
