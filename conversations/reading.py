"""What is on record of a coach who reads along: one row a visit."""

from datetime import datetime, timedelta
from uuid import UUID

from accounts import audit
from accounts.models import User

ONE_VISIT = timedelta(minutes=1)
"""Within this time a page and the socket that it opens are one visit."""


def note_live(*, reader: User, conversation_id: UUID, now: datetime) -> None:
    """Record that a coach reads over a socket, unless their page has just been recorded; the gate was passed."""
    action, resource = "conversation.read", f"conversation:{conversation_id}"
    if not audit.is_recorded(actor=reader, action=action, resource=resource, since=now - ONE_VISIT):
        audit.record(actor=reader, action=action, resource=resource, reason="live")
