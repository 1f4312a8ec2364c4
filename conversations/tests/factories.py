"""Conversations for tests, made as the product makes them where that is cheap."""

from uuid import UUID, uuid4

from django.utils import timezone

from accounts.models import User
from conversations import organizing
from conversations.models import Conversation, Message
from conversations.turns.accept import Accepted, accept


def begin(member: User, *, visibility: str = Conversation.Visibility.COACHED) -> Conversation:
    """Begin a conversation of `member`."""
    return organizing.begin(member=member, now=timezone.now(), visibility=visibility)


def say(
    member: User, conversation: Conversation, text: str, *, client_id: UUID | None = None, worker: str = ""
) -> Accepted:
    """Say something as the client."""
    return accept(
        member=member,
        conversation_id=conversation.pk,
        client_id=client_id or uuid4(),
        text=text,
        now=timezone.now(),
        worker=worker,
    )


def spoken(conversation: Conversation) -> list[tuple[str, str]]:
    """Return who said what, in order."""
    rows = Message.objects.filter(conversation=conversation).order_by("sequence")
    return list(rows.values_list("sender_type", "content"))


def sequences(conversation: Conversation) -> list[int]:
    """Return the sequence numbers, in order."""
    rows = Message.objects.filter(conversation=conversation).order_by("sequence")
    return list(rows.values_list("sequence", flat=True))
