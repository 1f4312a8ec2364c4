"""What a client thinks of an answer."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from django.db import transaction

from accounts.access import NotVisible
from accounts.models import User
from conversations import access, measures
from conversations.models import Feedback, Message

PRAISE = ("accurate", "helpful")
"""Reasons for a thumb up; the others are those of `Feedback.Reason`."""


@transaction.atomic
def give(
    *, member: User, message_id: UUID, score: int, reasons: Sequence[str] = (), comment: str = ""
) -> Feedback:
    """Keep the owner's thumb for an answer; a second one replaces the first and is new to whoever looks after it.

    Raises:
        NotVisible: the message is not an answer in the member's own conversation.
    """
    standing, message = access.readable_message(member, message_id)
    if not standing.is_client or message.sender_type not in {Message.Sender.AI, Message.Sender.HUMAN_COACH}:
        raise NotVisible
    feedback, _ = Feedback.objects.update_or_create(
        message=message,
        author=member,
        defaults={
            "score": score,
            "reasons": list(reasons),
            "comment": comment,
            "state": Feedback.State.NEW,
        },
    )
    transaction.on_commit(partial(measures.feedback_given, score))
    return feedback


@transaction.atomic
def take_back(*, member: User, message_id: UUID) -> None:
    """Forget the owner's thumb for an answer.

    Raises:
        NotVisible: the member may not read the message.
    """
    access.readable_message(member, message_id)
    Feedback.objects.filter(message_id=message_id, author=member).delete()
