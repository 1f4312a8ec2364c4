"""What accounts itself holds about a person: the account, teams, sessions, what they did. Erased last."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Model, Q

from accounts import quotas, sessions
from accounts.account_rows import of_invited, parts_of, to_person
from accounts.entry_models import Invitation, OutgoingMail, SignedIn
from accounts.export_making import remove_file
from accounts.lifecycle import Part
from accounts.lifecycle_models import AccountExport, Erasure
from accounts.models import (
    ApiToken,
    AuditEvent,
    ChainCheck,
    MonthlyUse,
    Organization,
    OrganizationDomain,
    SavedReply,
    Team,
    TeamMembership,
    User,
)


class AccountsData:
    """The account itself."""

    covers: ClassVar[frozenset[type[Model]]] = frozenset(
        {
            *(User, Team, TeamMembership, AccountExport, EmailAddress, EmailConfirmation, LogEntry),
            *(Session, SignedIn, Invitation, OutgoingMail, ApiToken, SavedReply),
            *(SocialAccount, SocialToken, Authenticator),
        }
    )
    exempt: ClassVar[Mapping[type[Model], str]] = {
        Organization: "the organization's own, and of no single person",
        OrganizationDomain: "the organization's own, and of no single person",
        MonthlyUse: "totals of an organization, of no person",
        ChainCheck: "the proof of a verification: an id that then leads to nobody",
        SocialApp: "not used: the providers' keys are settings",
        AuditEvent: "stays as the proof: ids and verbs without content, and the id then leads to nobody",
        Erasure: "the proof of the erasure: an id that leads to nobody, and counts",
        Group: "not used",
        Permission: "made by Django from the models",
        ContentType: "made by Django from the models",
    }

    def waits_for(self, person: User) -> str:
        """Return nothing; that an administrator must stay is the database's own rule."""
        return ""

    def export(self, person: User) -> Sequence[Part]:
        """Return the account, the ways into it, and what the person did by the record."""
        return parts_of(person)

    @transaction.atomic
    def erase(self, person: User, *, now: datetime) -> dict[str, int]:
        """Delete the account with everything that hangs on it; teams that the person coached are dissolved.

        Keys, replies, second factors and what providers call the person hang on it. Mails and invitations name
        an address alone.
        """
        ended = sessions.end_all_of(person.pk)
        for export in AccountExport.objects.filter(person=person):
            remove_file(export)
        teams, _ = Team.objects.filter(coach=person).delete()
        invited = list(Invitation.objects.filter(of_invited(person)).values_list("pk", flat=True))
        Invitation.objects.filter(pk__in=invited).delete()
        mails, _ = OutgoingMail.objects.filter(to_person(person) | Q(about__in=invited)).delete()
        # Nobody writes it any more. What an earlier version left there may name anybody, and no key says whom.
        LogEntry.objects.all().delete()
        quotas.forget_person(person.pk)
        person.delete()
        return {
            "sessions": ended,
            "teams": teams,
            "invitations": len(invited),
            "mails": mails,
            "accounts": 1,
        }
