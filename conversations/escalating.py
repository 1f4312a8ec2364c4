"""Nobody came in the promised time: offer the conversation to every coach of the organization.

The others learn that somebody waits, not what was said; the words open to the one who takes over.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import DurationField, ExpressionWrapper, F, Q, Value

from accounts.roles import Role
from conversations import announcing, episodes
from conversations.database import in_db
from conversations.models import Conversation, Handoff

AT_ONCE = 50

_MINUTES = F("organization__response_minutes") * Value(timedelta(minutes=1))
_DUE = F("requested_at") + ExpressionWrapper(_MINUTES, output_field=DurationField())
_COACH_HAS_LEFT = Q(state=Handoff.State.TAKEN) & (Q(coach__is_active=False) | Q(coach__role=Role.EDUCATOR))


def escalate(*, now: datetime) -> list[UUID]:
    """Offer what has waited too long, or lost its coach, to the other coaches; return the conversations."""
    oldest = Handoff.objects.select_related("coach").order_by("requested_at")
    asked = oldest.filter(state=Handoff.State.QUEUED, escalated_at=None, conversation__deleted_at=None)
    late = asked.annotate(due=_DUE).filter(Q(due__lte=now) | Q(conversation__coach__is_active=False))[
        :AT_ONCE
    ]
    left = oldest.filter(_COACH_HAS_LEFT)[:AT_ONCE]
    return [
        *(each.conversation_id for each in late if _escalate_one(each, now=now)),
        *(each.conversation_id for each in left if _release_one(each, now=now)),
    ]


@transaction.atomic(durable=True)
def _escalate_one(episode: Handoff, *, now: datetime) -> bool:
    conversation: Conversation = episodes.lock(episode.conversation_id)
    marked = Handoff.objects.filter(pk=episode.pk, state=Handoff.State.QUEUED, escalated_at=None).update(
        escalated_at=now
    )
    if marked != 1:
        return False
    episodes.say_that_all_are_asked(conversation, "Your coach has not been able to join yet", now=now)
    return True


@transaction.atomic(durable=True)
def _release_one(found: Handoff, *, now: datetime) -> bool:
    """Let a conversation wait again whose coach was deactivated or coaches no more."""
    conversation: Conversation = episodes.lock(found.conversation_id)
    episode = Handoff.objects.filter(_COACH_HAS_LEFT, pk=found.pk).select_related("coach").first()
    if episode is None:
        return False
    name = episode.coach.name if episode.coach else "Your coach"
    episodes.wait_again(conversation, episode, cause=f"{name} can no longer be here", now=now)
    return True


async def tell(conversation_id: UUID) -> None:
    """Show the escalation to the client, and the waiting conversation to the coaches."""
    conversation, _ = await in_db(announcing.load_with_names)(conversation_id)
    await announcing.show(conversation_id, sequence=conversation.last_sequence, with_state=True)
