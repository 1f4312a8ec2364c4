"""What is left on both sides of its time: ways in, mails, links and exports."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from accounts.access import organization_of
from accounts.entry_models import Invitation, OutgoingMail
from accounts.models import ApiToken, MonthlyUse, Organization, User
from accounts.tests.cast import House
from coaching.models import Budget
from conversations.outward import Export, ShareLink
from conversations.tests.factories import begin

NOW = datetime(2026, 9, 1, 3, 20, tzinfo=UTC)


def days_ago(days: float) -> datetime:
    """Return a time before `NOW`."""
    return NOW - timedelta(days=days)


def mail(organization: Organization | None, days: float, *, state: str = "sent") -> None:
    """Leave a mail so many days before `NOW`."""
    at = days_ago(days)
    OutgoingMail.objects.create(
        organization=organization,
        kind="invitation",
        about=uuid4(),
        recipient="eve@riverside.example",
        state=state,
        due_at=at,
        created_at=at,
        sent_at=at if state == "sent" else None,
    )


def ways_in(house: House) -> None:
    """Leave keys, invitations, mails, and what was spent, on both sides of their time."""
    organization, owner = house.organization, house.owner
    for days in (91, 89):
        mail(organization, days)
        Invitation.objects.create(
            organization=organization, email=f"e{days}@x.example", expires_at=days_ago(days)
        )
    mail(organization, 91, state="waiting")
    for days in (366, 364):
        for number, ended in enumerate(({"expires_at": days_ago(days)}, {"revoked_at": days_ago(days)})):
            ApiToken.objects.create(
                owner=owner,
                name="Program",
                scopes=["read"],
                hash=f"{owner.pk}{days}{number}",
                created_at=days_ago(700),
                **{"expires_at": days_ago(-1), **ended},
            )
        Budget.objects.create(user=owner, day=days_ago(days).date())
    Budget.objects.create(user=owner, day=days_ago(400).date(), open_turns=1, reserved_usd=1)
    for days in (1130, 1000):
        MonthlyUse.objects.create(organization=organization, month=days_ago(days).date().replace(day=1))


def taken_along(house: House) -> None:
    """Leave share links and exports on both sides of their time."""
    conversation = begin(house.owner)
    for days in (366, 364):
        ShareLink.objects.create(
            conversation=conversation,
            token_hash=f"{conversation.pk}"[:60] + str(days),
            first_sequence=1,
            last_sequence=1,
            created_at=days_ago(days + 7),
            expires_at=days_ago(days),
        )
        Export.objects.create(
            organization=house.organization,
            requested_by=house.owner,
            kind="own",
            format="csv",
            state="gone",
            created_at=days_ago(days),
        )


def export(member: User, days: float) -> Export:
    """Return an export whose day was over so many days before `NOW`."""
    made = Export.objects.create(
        organization=organization_of(member),
        requested_by=member,
        kind="own",
        format="csv",
        state="ready",
        created_at=days_ago(days + 1),
        expires_at=days_ago(days),
    )
    default_storage.save(f"exports/{made.pk}/1/own.csv", ContentFile(b"x"))
    return made
