"""A question to the AI as a door takes it, for tests about what may be asked."""

from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from conversations import allowance
from conversations.models import Conversation
from conversations.turns.accept import Accepted, Refusal

QUESTION = "How do we begin a team meeting well?"


def say(
    member: User, conversation: Conversation, text: str = QUESTION, client_id: UUID | None = None
) -> Accepted:
    """Say something as a door does."""
    return allowance.accept_within(
        member=member,
        conversation_id=conversation.pk,
        client_id=client_id or uuid4(),
        text=text,
        now=timezone.now(),
        worker="here",
    )


def refused(member: User, conversation: Conversation, text: str = QUESTION) -> Refusal:
    """Say something that is refused, and return why."""
    with pytest.raises(Refusal) as refusal:
        say(member, conversation, text)
    return refusal.value


def remaining(member: User) -> int:
    """Return what the member may still ask."""
    return allowance.left(member).remaining
