"""Nobody came in the promised time: offer the conversation to every coach of the organization.

The others learn that somebody waits, not what was said; the words open to the one who takes over.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from conversations import announcing, handoff
from conversations.database import in_db
from conversations.models import Conversation, Handoff, Message

AT_ONCE = 50


def escalate(*, now: datetime) -> list[UUID]:
    """Mark the episodes whose promised time has passed; return their conversations."""
    waiting = Handoff.objects.filter(state=Handoff.State.QUEUED, escalated_at=None).select_related(
        "organization"
    )
    late = [
        episode
        for episode in waiting.order_by("requested_at")[:AT_ONCE]
        if (now - episode.requested_at).total_seconds() >= episode.organization.response_minutes * 60
    ]
    return [episode.conversation_id for episode in late if _escalate_one(episode, now=now)]


@transaction.atomic(durable=True)
def _escalate_one(episode: Handoff, *, now: datetime) -> bool:
    conversation: Conversation = handoff.lock(episode.conversation_id)
    marked = Handoff.objects.filter(pk=episode.pk, state=Handoff.State.QUEUED, escalated_at=None).update(
        escalated_at=now
    )
    if marked != 1:
        return False
    handoff.add_message(
        conversation,
        sender_type=Message.Sender.SYSTEM,
        text="Your coach has not been able to join yet, so the other coaches of your organization have been "
        "told that somebody waits. They do not see what you wrote until one of them joins.",
        now=now,
        metadata={"kind": "request_escalated"},
    )
    return True


async def tell(conversation_id: UUID) -> None:
    """Show the escalation to the client, and the waiting conversation to the coaches."""
    conversation, _ = await in_db(announcing.load_with_names)(conversation_id)
    await announcing.show(conversation_id, sequence=conversation.last_sequence, with_state=True)
