"""Conversations for tests, made as the product makes them where that is cheap."""

from typing import Any
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


QUOTE = "Teams review their norms every six weeks."


def citation(number: int = 1, **values: object) -> dict[str, object]:
    """Return a citation as it is stored on an answer."""
    return {
        "number": number,
        "marker_offset": 0,
        "claim": "Norms are reviewed.",
        "claim_offset": 0,
        "label": "verified",
        "passage_id": str(uuid4()),
        "document_id": str(uuid4()),
        "version_id": str(uuid4()),
        "title": "The handbook",
        "authors": ["R. Lane"],
        "year": 2024,
        "chapter_title": "Norms",
        "page_label": "12",
        "page_index": 11,
        "quote": QUOTE,
        "quote_start": 0,
        "quote_end": len(QUOTE),
        **values,
    }


def add(conversation: Conversation, text: str, *, by: str = Message.Sender.AI, **values: Any) -> Message:
    """Write a finished message, past every turn; an answer of the AI unless `by` says otherwise."""
    conversation.refresh_from_db()
    conversation.last_sequence += 1
    conversation.save(update_fields=["last_sequence"])
    return Message.objects.create(
        conversation=conversation,
        sequence=conversation.last_sequence,
        sender_type=by,
        content=text,
        **values,
    )
