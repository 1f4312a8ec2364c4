"""Take over turns whose process died, and those that nobody has begun.

A turn that had shown nothing is answered anew. One that had begun to speak keeps what it said and is
marked as interrupted, with a way to ask again: a second answer is never appended to the first.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from conversations import announcing, live
from conversations.database import in_db
from conversations.models import Conversation, Interaction, Message
from conversations.turns import measures
from conversations.turns.record import claim, lock_turn
from conversations.turns.run import turns

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 3
AT_ONCE = 20
UNDER_WAY = timedelta(seconds=2)
"""So long the sweep leaves a turn that nobody has begun to the message that was sent for it, and to its request's id."""


@dataclass(frozen=True, slots=True)
class Found:
    """A turn without a living process: to be run here, or already closed as interrupted."""

    turn_id: UUID
    conversation_id: UUID
    reply_sequence: int
    run: bool


def overdue(*, now: datetime) -> list[UUID]:
    """Return the turns whose lease has run out, oldest first; one that was asked for just now is not yet lost."""
    just_asked = Q(state=Interaction.State.WAITING, lease_until__gt=now - UNDER_WAY)
    return list(
        Interaction.objects.filter(
            ~just_asked,
            state__in=[Interaction.State.WAITING, Interaction.State.RUNNING],
            lease_until__lt=now,
        )
        .order_by("lease_until")
        .values_list("pk", flat=True)[:AT_ONCE]
    )


@transaction.atomic(durable=True)
def take(*, turn_id: UUID, worker: str, now: datetime) -> Found | None:
    """Claim one overdue turn or close it; None when another process was faster or its time has not come."""
    known = Interaction.objects.filter(pk=turn_id).values("conversation_id")
    conversation = Conversation.objects.select_for_update(skip_locked=True).filter(pk__in=known).first()
    turn = lock_turn().filter(pk=turn_id, lease_until__lt=now).first()
    if conversation is None or turn is None:
        return None
    if turn.state == Interaction.State.WAITING and _another_runs(turn, now=now):
        return None
    if turn.state == Interaction.State.RUNNING and turn.stop_requested:
        return _close(turn, now=now, ended=Message.State.STOPPED)
    if turn.reply.content or turn.attempts >= MOST_ATTEMPTS:
        return _close(turn, now=now, ended=Message.State.FAILED)
    claim(turn, worker=worker, now=now)
    return Found(turn.pk, turn.conversation_id, turn.reply.sequence, run=True)


def _another_runs(turn: Interaction, *, now: datetime) -> bool:
    return Interaction.objects.filter(
        conversation_id=turn.conversation_id, state=Interaction.State.RUNNING
    ).exists()


def _close(turn: Interaction, *, now: datetime, ended: str) -> Found:
    Message.objects.filter(pk=turn.reply_id, state=Message.State.STREAMING).update(
        state=ended, completed_at=now, metadata={**turn.reply.metadata, "interrupted": True}
    )
    Interaction.objects.filter(pk=turn.pk).update(
        state=Interaction.State.STOPPED if ended == Message.State.STOPPED else Interaction.State.FAILED,
        error="interrupted",
        finished_at=now,
        lease_until=None,
    )
    transaction.on_commit(measures.turn_interrupted)
    return Found(turn.pk, turn.conversation_id, turn.reply.sequence, run=False)


async def recover(turn_id: UUID, *, now: datetime) -> bool:
    """Take over one turn and run it to its end; say whether there was something to do."""
    found = await in_db(take)(turn_id=turn_id, worker=live.PROCESS, now=now)
    if found is None:
        return False
    logger.info("turn_taken_over", extra={"run": found.run})
    if found.run:
        await turns.work(found.turn_id, found.conversation_id)
    else:
        await announcing.show(found.conversation_id, sequence=found.reply_sequence)
    return True
