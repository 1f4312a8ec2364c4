"""Mail for tests: what waits in the outbox goes out."""

from django.core import mail
from django.utils import timezone

from accounts import outbox


def delivered() -> list[list[str]]:
    """Send what waits, as a worker would, and return to whom mail has gone so far."""
    now = timezone.now()
    for mail_id in outbox.due(now=now):
        outbox.send(mail_id=mail_id, now=now)
    return [list(message.to) for message in mail.outbox]
