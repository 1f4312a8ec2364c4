"""What accounts itself holds about a person: the account, teams, sessions, what they did. Erased last."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Model, Q

from accounts import audit
from accounts.data_requests import end_sessions
from accounts.entry_models import Invitation, OutgoingMail, SignedIn
from accounts.export_making import remove_file
from accounts.lifecycle import Part, Records
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

SIGNED_IN = ("device", "address", "first_used_at", "last_used_at")
API_KEY = ("name", "scopes", "hint", "created_at", "expires_at", "last_used_at", "revoked_at")


class AccountsData:
    """The account itself."""

    covers: ClassVar[frozenset[type[Model]]] = frozenset(
        {User, Team, TeamMembership, AccountExport, EmailAddress, EmailConfirmation, LogEntry, Session}
        | {SignedIn, Invitation, OutgoingMail, ApiToken, SavedReply}
        | {Authenticator, SocialAccount, SocialToken}
    )
    exempt: ClassVar[Mapping[type[Model], str]] = {
        Organization: "the organization's own, and of no single person",
        AuditEvent: "stays as the proof: ids and verbs without content, and the id then leads to nobody",
        Erasure: "the proof of the erasure: an id that leads to nobody, and counts",
        OrganizationDomain: "the organization's own, and of no single person",
        MonthlyUse: "totals of an organization, of no person",
        ChainCheck: "the proof that the record is whole, with an id that leads to nobody",
        SocialApp: "names providers of sign-in, not people",
        Group: "not used",
        Permission: "made by Django from the models",
        ContentType: "made by Django from the models",
    }

    def waits_for(self, person: User) -> str:
        """Return nothing; that an administrator must stay is the database's own rule."""
        return ""

    def export(self, person: User) -> Sequence[Part]:
        """Return the account, the teams, and what the person did by the record."""
        return (
            Records("account.jsonl", lambda: [_account(person)]),
            Records("teams.jsonl", lambda: _teams(person)),
            Records("sessions.jsonl", lambda: SignedIn.objects.filter(user=person).values(*SIGNED_IN)),
            Records("api_keys.jsonl", lambda: ApiToken.objects.filter(owner=person).values(*API_KEY)),
            Records("record.jsonl", lambda: _acts(person)),
        )

    @transaction.atomic
    def erase(self, person: User, *, now: datetime) -> dict[str, int]:
        """Delete the account with everything that hangs on it; teams that the person coached are dissolved."""
        sessions = end_sessions(person.pk)
        for export in AccountExport.objects.filter(person=person):
            remove_file(export)
        teams, _ = Team.objects.filter(coach=person).delete()
        about = Q(content_type__app_label="accounts", content_type__model="user", object_id=str(person.pk))
        LogEntry.objects.filter(about).delete()
        Invitation.objects.filter(Q(person=person) | Q(email__iexact=person.email)).delete()
        OutgoingMail.objects.filter(recipient__iexact=person.email).delete()
        person.delete()
        return {"sessions": sessions, "teams": teams, "accounts": 1}


def _account(person: User) -> dict[str, Any]:
    return {
        "id": person.pk,
        "name": person.name,
        "email": person.email,
        "role": person.role,
        "organization": person.organization.name if person.organization else None,
        "created_at": person.created_at,
        "last_login": person.last_login,
    }


def _teams(person: User) -> Iterator[dict[str, Any]]:
    for name in Team.objects.filter(coach=person).values_list("name", flat=True):
        yield {"team": name, "as": "coach"}
    for name in Team.objects.filter(memberships__member=person).values_list("name", flat=True):
        yield {"team": name, "as": "member"}


def _acts(person: User) -> Iterator[dict[str, Any]]:
    """Yield what the person did, and what was done to the account."""
    mine = Q(actor_id=person.pk) | Q(resource=audit.person(person))
    acts = AuditEvent.objects.filter(mine).order_by("sequence")
    for act in acts.iterator():
        by_me = act.actor_id == person.pk
        yield {
            "at": act.at,
            "action": act.action,
            "resource": act.resource,
            "by_me": by_me,
            "address": act.address if by_me else None,
        }
