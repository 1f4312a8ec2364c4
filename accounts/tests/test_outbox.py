"""Mail as rows: sent after the commit, tried again, given up, and never twice at the same time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core import mail

from accounts import outbox
from accounts.entry_models import OutgoingMail
from accounts.models import Organization
from accounts.outbox import Letter
from accounts.tasks import sweep_mail

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NO_LONGER_NEEDED = UUID(int=1)
FAILURES: list[Exception] = []


def compose(about: UUID, *, now: datetime) -> Letter | None:
    """Write a letter, but none about what is no longer needed."""
    return None if about == NO_LONGER_NEEDED else Letter("Hello", f"It is {now:%H:%M}.")


class Refusing:
    """A mail server that fails as the test says, and then takes mail."""

    def __init__(self, **_options: object) -> None:
        pass

    def send_messages(self, messages: list[Any]) -> int:
        """Fail once, or keep the messages."""
        if FAILURES:
            raise FAILURES.pop(0)
        mail.outbox.extend(messages)
        return len(messages)


@pytest.fixture(autouse=True)
def _ports(settings: Any) -> Iterator[None]:
    settings.MAIL = {"test": f"{__name__}.compose"}
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    FAILURES.clear()
    yield
    FAILURES.clear()


@pytest.fixture
def queued(organization: Organization) -> OutgoingMail:
    """Return a mail that waits."""
    return queue(organization)


def queue(organization: Organization, about: UUID | None = None) -> OutgoingMail:
    """Queue a mail."""
    return outbox.queue(
        kind="test",
        about=about or uuid4(),
        recipient="eve@riverside.example",
        organization_id=organization.pk,
        now=NOW,
    )


def state_of(letter: OutgoingMail) -> tuple[str, int, str]:
    """Return state, attempts and problem of a mail."""
    return OutgoingMail.objects.values_list("state", "attempts", "problem").get(pk=letter.pk)


class TestSending:
    def test_composes_sends_and_notes_when(self, queued: OutgoingMail) -> None:
        outbox.send(mail_id=queued.pk, now=NOW)
        assert [(each.subject, each.body, each.to) for each in mail.outbox] == [
            ("Hello", "It is 09:00.", ["eve@riverside.example"])
        ]
        assert state_of(queued) == ("sent", 1, "")
        assert OutgoingMail.objects.get().sent_at == NOW

    def test_happens_once(self, queued: OutgoingMail) -> None:
        for _ in range(2):
            outbox.send(mail_id=queued.pk, now=NOW)
        assert len(mail.outbox) == 1

    def test_leaves_to_another_worker_what_that_has_taken(self, queued: OutgoingMail) -> None:
        OutgoingMail.objects.update(state="sending", attempts=1, due_at=NOW + outbox.LONGEST_SENDING)
        outbox.send(mail_id=queued.pk, now=NOW)
        assert mail.outbox == []
        assert outbox.due(now=NOW) == []

    def test_drops_what_is_no_longer_needed(self, organization: Organization) -> None:
        letter = queue(organization, NO_LONGER_NEEDED)
        outbox.send(mail_id=letter.pk, now=NOW)
        assert mail.outbox == []
        assert state_of(letter) == ("dropped", 1, "")

    def test_is_quiet_when_the_row_is_gone(self, db: None) -> None:
        outbox.send(mail_id=uuid4(), now=NOW)
        assert mail.outbox == []


class TestFailing:
    def test_is_tried_again_later_each_time(self, queued: OutgoingMail) -> None:
        FAILURES.extend([SMTPServerDisconnected("gone"), ConnectionRefusedError()])
        outbox.send(mail_id=queued.pk, now=NOW)
        assert state_of(queued) == ("waiting", 1, "SMTPServerDisconnected")
        assert outbox.due(now=NOW + timedelta(minutes=1)) == []
        assert outbox.due(now=NOW + timedelta(minutes=2)) == [queued.pk]
        later = NOW + timedelta(minutes=2)
        outbox.send(mail_id=queued.pk, now=later)
        assert state_of(queued) == ("waiting", 2, "ConnectionRefusedError")
        outbox.send(mail_id=queued.pk, now=later + timedelta(minutes=4))
        assert state_of(queued) == ("sent", 3, "")
        assert len(mail.outbox) == 1

    def test_ends_after_five_attempts(self, queued: OutgoingMail) -> None:
        FAILURES.extend([SMTPServerDisconnected("gone")] * 9)
        for attempt in range(9):
            outbox.send(mail_id=queued.pk, now=NOW + timedelta(days=attempt))
        assert state_of(queued) == ("failed", 5, "SMTPServerDisconnected")

    def test_ends_at_once_for_an_address_that_does_not_exist(self, queued: OutgoingMail) -> None:
        FAILURES.append(SMTPRecipientsRefused({"eve@riverside.example": (550, b"unknown")}))
        outbox.send(mail_id=queued.pk, now=NOW)
        assert state_of(queued) == ("failed", 1, "SMTPRecipientsRefused")


class TestTheSweep:
    def test_finds_what_a_worker_left_when_it_died(self, queued: OutgoingMail) -> None:
        OutgoingMail.objects.update(state="sending", attempts=1, due_at=NOW)
        assert outbox.due(now=NOW) == [queued.pk]
        outbox.send(mail_id=queued.pk, now=NOW)
        assert state_of(queued) == ("sent", 2, "")

    def test_gives_up_what_killed_five_workers(self, queued: OutgoingMail) -> None:
        OutgoingMail.objects.update(state="sending", attempts=outbox.MOST_ATTEMPTS, due_at=NOW)
        assert outbox.due(now=NOW) == []
        assert state_of(queued)[0] == "failed"

    def test_nudges_a_worker_for_each_after_the_commit(
        self, queued: OutgoingMail, django_capture_on_commit_callbacks: Any
    ) -> None:
        with django_capture_on_commit_callbacks() as nudges:
            sweep_mail()
        assert len(nudges) == 1
        assert mail.outbox == []
