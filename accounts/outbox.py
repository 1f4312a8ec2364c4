"""Mail as rows: queued with what causes it, sent after the commit, and not forgotten when that fails.

What a mail says is composed when it is sent, by the function that `MAIL` in the settings names for its kind: it
may find that the mail is no longer needed. A process that dies between sending and noting it leaves a row that
is sent again: of the kinds that there are, a second copy is the lesser evil.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException, SMTPRecipientsRefused
from typing import Protocol, cast
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, Q
from django.utils.module_loading import import_string

from accounts.entry_models import OutgoingMail

MOST_ATTEMPTS = 5
LONGEST_SENDING = timedelta(minutes=5)
"""After this a mail that is being sent counts as lost with its worker."""
MOST_AT_ONCE = 50

UNSENT = Q(state__in=[OutgoingMail.State.WAITING, OutgoingMail.State.SENDING])


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says."""

    subject: str
    text: str
    to: str = ""
    """Where it must go, if that may have changed since it was queued."""


class Compose(Protocol):
    """Writes the letter about a row, or nothing when it is no longer needed."""

    def __call__(self, about: UUID, *, now: datetime) -> Letter | None:
        """Return the letter."""
        ...


def queue(
    *, kind: str, about: UUID, recipient: str, organization_id: UUID | None, now: datetime
) -> OutgoingMail:
    """Put a mail into the outbox, in the transaction of what it tells about."""
    return OutgoingMail.objects.create(
        kind=kind,
        about=about,
        recipient=recipient,
        organization_id=organization_id,
        due_at=now,
        created_at=now,
    )


@transaction.atomic
def due(*, now: datetime) -> list[UUID]:
    """Return the mails that wait or whose worker was lost; those tried often enough are given up."""
    overdue = OutgoingMail.objects.filter(UNSENT, due_at__lte=now)
    overdue.filter(attempts__gte=MOST_ATTEMPTS).update(state=OutgoingMail.State.FAILED)
    waiting = overdue.filter(attempts__lt=MOST_ATTEMPTS).select_for_update(skip_locked=True)
    return list(waiting.order_by("due_at").values_list("pk", flat=True)[:MOST_AT_ONCE])


def send(*, mail_id: UUID, now: datetime) -> None:
    """Send a mail that is due; quiet when another worker has it, or nothing is left to do."""
    mail = _claim(mail_id, now)
    if mail is None:
        return
    compose = cast("Compose", import_string(settings.MAIL[mail.kind]))
    letter = compose(mail.about, now=now)
    if letter is None:
        _note(mail, state=OutgoingMail.State.DROPPED)
        return
    message = EmailMessage(subject=letter.subject, body=letter.text, to=[letter.to or mail.recipient])
    try:
        message.send()
    except (SMTPException, OSError) as error:
        _note_failure(mail, error, now)
    else:
        _note(mail, state=OutgoingMail.State.SENT, sent_at=now, problem="")


def _claim(mail_id: UUID, now: datetime) -> OutgoingMail | None:
    """Take a mail: the database lets one worker through, and counts the attempt before it is made."""
    taken = OutgoingMail.objects.filter(
        UNSENT, pk=mail_id, due_at__lte=now, attempts__lt=MOST_ATTEMPTS
    ).update(state=OutgoingMail.State.SENDING, attempts=F("attempts") + 1, due_at=now + LONGEST_SENDING)
    return OutgoingMail.objects.filter(pk=mail_id).first() if taken else None


def _note_failure(mail: OutgoingMail, error: Exception, now: datetime) -> None:
    """Try later, a little later each time; an address that does not exist is not tried again."""
    hopeless = isinstance(error, SMTPRecipientsRefused) or mail.attempts >= MOST_ATTEMPTS
    _note(
        mail,
        state=OutgoingMail.State.FAILED if hopeless else OutgoingMail.State.WAITING,
        problem=type(error).__name__,
        due_at=now + timedelta(minutes=2**mail.attempts),
    )


def _note(mail: OutgoingMail, **values: object) -> None:
    """Write down how far a mail is, unless its time was over and another worker has taken it."""
    OutgoingMail.objects.filter(pk=mail.pk, state=OutgoingMail.State.SENDING, attempts=mail.attempts).update(
        **values
    )
