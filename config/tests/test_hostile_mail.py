"""Hostile names in mails: a mail is text alone, its subject one line, and nobody else gets it."""

import json
from pathlib import Path

import pytest
from django.core import mail
from django.utils import timezone

from accounts import invitations, outbox
from accounts.entry_models import OutgoingMail
from accounts.models import Organization, User
from accounts.tests.cast import House

pytestmark = pytest.mark.django_db
BREAKING = "School\r\nBcc: everybody@evil.example\r\nContent-Type: text/html\r\n\r\n<b>hello</b>"
"""A name that would like to be headers."""


def test_a_name_adds_no_markup_and_no_header_to_a_mail(home: House, shared_data: Path) -> None:
    lines = (shared_data / "security-inputs" / "xss.jsonl").read_text(encoding="utf-8").splitlines()
    payloads = [json.loads(line)["payload"].replace("\0", "")[:190] for line in lines[:40]]
    now = timezone.now()
    for number, name in enumerate([BREAKING, *payloads]):
        Organization.objects.filter(pk=home.organization.pk).update(name=name)
        User.objects.filter(pk=home.admin.pk).update(name=name)
        home.organization.refresh_from_db()
        invitation = invitations.invite(
            actor=home.admin,
            organization=home.organization,
            email=f"new{number}@riverside.example",
            role="educator",
            team=None,
            now=now,
        )
        outbox.send(mail_id=OutgoingMail.objects.get(about=invitation.pk).pk, now=now)
        invitations.withdraw(actor=home.admin, invitation_id=invitation.pk)
    assert len(mail.outbox) == 41
    for number, sent in enumerate(mail.outbox):
        message = sent.message()
        assert message.get_content_type() == "text/plain"
        assert not message.is_multipart()
        assert sent.recipients() == [f"new{number}@riverside.example"]
        assert message["Bcc"] is None
        assert "\n" not in str(sent.subject)
