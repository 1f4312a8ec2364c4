"""The rows of a person's copy that accounts itself has: who they are, how they come in, what they did."""

from collections.abc import Iterator, Sequence
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db.models import Q

from accounts import audit
from accounts.entry_models import Invitation, OutgoingMail, SignedIn
from accounts.lifecycle import Part, Records
from accounts.lifecycle_models import AccountExport
from accounts.models import ApiToken, AuditEvent, SavedReply, Team, User

SESSION = ("device", "address", "first_used_at", "last_used_at")
PROVIDER = ("provider", "uid", "extra_data", "date_joined", "last_login")
FACTOR = ("type", "created_at", "last_used_at")
TOKEN = ("name", "scopes", "hint", "created_at", "expires_at", "last_used_at", "revoked_at")
REPLY = ("key", "claimed_at", "status")
INVITED = ("email", "role", "state", "created_at", "expires_at")
MAIL = ("kind", "recipient", "state", "created_at", "sent_at")
COPY = ("state", "requested_at", "ready_at", "expires_at")


def parts_of(person: User) -> Sequence[Part]:
    """Return the files; nothing in them opens a door: no secret, hash or code."""
    return (
        Records("account.jsonl", lambda: [_account(person)]),
        Records("teams.jsonl", lambda: _teams(person)),
        Records("sessions.jsonl", lambda: SignedIn.objects.filter(user=person).values(*SESSION)),
        Records("sign_ins.jsonl", lambda: SocialAccount.objects.filter(user=person).values(*PROVIDER)),
        Records("second_factors.jsonl", lambda: Authenticator.objects.filter(user=person).values(*FACTOR)),
        Records("api_keys.jsonl", lambda: ApiToken.objects.filter(owner=person).values(*TOKEN)),
        Records("api_replies.jsonl", lambda: SavedReply.objects.filter(user=person).values(*REPLY)),
        Records("invitations.jsonl", lambda: Invitation.objects.filter(of_invited(person)).values(*INVITED)),
        Records("mails.jsonl", lambda: OutgoingMail.objects.filter(to_person(person)).values(*MAIL)),
        Records("copies.jsonl", lambda: AccountExport.objects.filter(person=person).values(*COPY)),
        Records("record.jsonl", lambda: _acts(person)),
    )


def to_person(person: User) -> Q:
    """Return which mails were for the person: also one that was queued for an address they had before, or for none."""
    about = Q(about=person.pk)
    return about | Q(recipient__iexact=person.email) if person.email else about


def of_invited(person: User) -> Q:
    """Return which invitations meant the person: the one they followed, and any to their address."""
    return Q(person=person) | (Q(email__iexact=person.email) if person.email else Q())


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
