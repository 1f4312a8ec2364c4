"""What accounts itself holds of an organization: its people with all that hangs on them. Erased last."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from uuid import UUID

from accounts.account_data import AccountsData
from accounts.entry_models import OutgoingMail, SignedIn
from accounts.lifecycle_models import AccountExport
from accounts.models import ApiToken, Team, User
from accounts.organization_erasure import Gone


class OrganizationAccounts:
    """The accounts; teams, mails and monthly totals go with them or with the organization's own row."""

    def waits_for(self, _organization_id: UUID) -> str:
        """Return nothing."""
        return ""

    def count(self, organization_id: UUID) -> Mapping[str, int]:
        """Return how many there are."""
        people = User.objects.filter(organization=organization_id)
        return {
            "accounts": people.count(),
            "teams": Team.objects.filter(organization=organization_id).count(),
            "sessions": SignedIn.objects.filter(user__in=people).count(),
            "API keys": ApiToken.objects.filter(owner__in=people).count(),
            "copies": AccountExport.objects.filter(person__in=people).count(),
            "mails": OutgoingMail.objects.filter(organization=organization_id).count(),
        }

    def erase(self, organization_id: UUID, *, now: datetime) -> Iterator[Gone]:
        """Erase each person as if they had asked for it themselves."""
        data = AccountsData()
        for person in User.objects.filter(organization=organization_id).order_by("pk"):
            data.erase(person, now=now)
            yield Gone("accounts", 1)
