"""Look something up by hand: a question of a person's own, without a conversation around it."""

from datetime import datetime
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import transaction
from uuid_utils.compat import uuid7

from accounts.models import User
from coaching import spending
from coaching.policies import student_data
from conversations import allowance
from conversations.metering import Collector, keep_runs
from conversations.turns.understand import vector_of
from knowledge.access import scope_of
from knowledge.retrieval import retrieve
from knowledge.retrieved import Retrieval
from knowledge.scope import Scope


def look_up(*, member: User, question: str, limit: int, now: datetime) -> Retrieval:
    """Return the passages that answer the question best, of what the member may look things up in.

    Nobody is asked about the students in it: the provider reads it without them, our own search as it is.
    Without the embedding model the words of the question alone must do.

    What that costs is spent from the same daily budget as answers.

    Raises:
        NotVisible: the member belongs to no organization.
        Refusal: it costs something, and what may be spent for now is used up.
    """
    scope = scope_of(member)
    asked = student_data.masked(question)
    cost = spending.most_a_vector_costs(asked)
    search_id = uuid7()
    if cost:
        allowance.set_aside(
            member=member,
            organization_id=scope.organization_id,
            subject_id=search_id,
            amount_usd=cost,
            now=now,
        )
    collector = Collector()
    try:
        vector = async_to_sync(vector_of)(asked, collector)
    finally:
        _keep(collector, member, scope, search_id if cost else None, now)
    return retrieve(scope=scope, question=question, vector=vector, limit=limit)


@transaction.atomic
def _keep(collector: Collector, member: User, scope: Scope, paid_as: UUID | None, now: datetime) -> None:
    """Write what the provider was asked, and settle what it cost where money was set aside for it."""
    kept = keep_runs(
        collector.runs, organization_id=scope.organization_id, user_id=member.pk, subject_id=None, now=now
    )
    if paid_as is not None:
        spending.settle(user_id=member.pk, subject_id=paid_as, runs=kept, now=now)
