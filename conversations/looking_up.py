"""Look something up by hand: a question of a person's own, without a conversation around it."""

from datetime import datetime

from asgiref.sync import async_to_sync

from accounts.access import organization_of
from accounts.models import User
from coaching.policies import student_data
from conversations.metering import Collector, keep_runs
from conversations.turns.understand import vector_of
from knowledge.access import scope_of
from knowledge.retrieval import retrieve
from knowledge.retrieved import Retrieval


def look_up(*, member: User, question: str, limit: int, now: datetime) -> Retrieval:
    """Return the passages that answer the question best, of what the member may look things up in.

    Nobody is asked about the students in it: the provider reads it without them, our own search as it is.
    Without the embedding model the words of the question alone must do.

    Raises:
        NotVisible: the member belongs to no organization.
    """
    scope = scope_of(member)
    collector = Collector()
    vector = async_to_sync(vector_of)(student_data.masked(question), collector)
    keep_runs(
        collector.runs,
        organization_id=organization_of(member).pk,
        user_id=member.pk,
        subject_id=None,
        now=now,
    )
    return retrieve(scope=scope, question=question, vector=vector, limit=limit)
