"""What is on record of a coach who reads a conversation: one row a visit."""

from datetime import datetime, timedelta
from uuid import UUID

from django.http import HttpRequest

from accounts import audit
from accounts.models import User

READ = "conversation.read"
ONE_VISIT = timedelta(minutes=1)
"""Within this time a page and the socket that it opens are one visit."""

LONGEST_VISIT = timedelta(minutes=30)
"""How long the parts that an open page loads anew belong to the visit that is on record."""


def note(
    *, reader: User, conversation_id: UUID, manner: str = "", request: HttpRequest | None = None
) -> None:
    """Record that a coach was shown the words of a conversation, and how; the gate was passed."""
    audit.record(
        actor=reader, action=READ, resource=_resource(conversation_id), reason=manner, request=request
    )


def note_live(*, reader: User, conversation_id: UUID, now: datetime) -> None:
    """Record that a coach reads over a socket, unless their page has just been recorded; the gate was passed."""
    resource, since = _resource(conversation_id), now - ONE_VISIT
    if not audit.is_recorded(actor=reader, action=READ, resource=resource, since=since):
        note(reader=reader, conversation_id=conversation_id, manner="live")


def note_again(*, reader: User, conversation_id: UUID, now: datetime, request: HttpRequest) -> None:
    """Record that a page showed a coach words anew, unless its visit is on record; the gate was passed."""
    resource, since = _resource(conversation_id), now - LONGEST_VISIT
    if not audit.is_recorded(actor=reader, action=READ, resource=resource, since=since):
        note(reader=reader, conversation_id=conversation_id, request=request)


def _resource(conversation_id: UUID) -> str:
    return f"conversation:{conversation_id}"
