"""Where a person is signed in: noted while sessions are used, listed for them, and ended by them.

A session is a row of Django's; what is shown of it is a row of ours that the database deletes with it. Open
sockets of an ended session are closed by `conversations/watch.py`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from accounts import addresses, audit, devices, tokens
from accounts.access import NotVisible
from accounts.entry_models import SignedIn
from accounts.models import User

NOTED = "_noted"
"""Where a session keeps under which key, and when, it was noted last."""
NOTED_EVERY = timedelta(minutes=10)
"""How exact the time of the last use is; more exact would be a write for every request."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What was ended elsewhere."""

    sessions: int
    keys: int


def note_use(request: HttpRequest, *, now: datetime) -> None:
    """Note who uses the request's session from where, once in a while and whenever the session has a new key."""
    session = request.session
    if session.session_key is None:
        session.save()
    key = session.session_key
    noted = session.get(NOTED)
    if isinstance(noted, list) and noted[0] == key and now - datetime.fromisoformat(noted[1]) < NOTED_EVERY:
        return
    user = request.user
    if not isinstance(user, User):
        return
    try:
        _save(request, user, str(key), now)
    except IntegrityError:
        # Somebody ended the session while this request was on its way: there is nothing to be listed.
        return
    session[NOTED] = [key, now.isoformat()]


@transaction.atomic
def _save(request: HttpRequest, user: User, key: str, now: datetime) -> None:
    """Write the row of a session, or renew it."""
    seen = {
        "device": devices.in_words(request.headers.get("User-Agent", "")),
        "address": addresses.of(request) or None,
        "last_used_at": now,
    }
    SignedIn.objects.bulk_create(
        [SignedIn(session_id=key, user=user, first_used_at=now, **seen)],
        update_conflicts=True,
        unique_fields=["session"],
        update_fields=list(seen),
    )


def person_of(session_key: str | None, *, now: datetime) -> User | None:
    """Return whom a session signs in, as Django would with a request: none when it ended, or they were deactivated.

    A password that was chosen elsewhere ends it as well. For doors that stay open, or that open before Django.
    """
    session = Session.objects.filter(session_key=session_key, expire_date__gt=now).first()
    if session is None:
        return None
    held = session.get_decoded()
    member = User.objects.filter(pk=held.get(SESSION_KEY, UUID(int=0)), is_active=True).first()
    if member is None:
        return None
    # A secret of the installation that was replaced may have signed it.
    signatures = (member.get_session_auth_hash(), *member.get_session_auth_fallback_hash())
    signed = any(constant_time_compare(held.get(HASH_SESSION_KEY, ""), each) for each in signatures)
    return member if signed else None


def sessions_of(member: User, *, now: datetime) -> QuerySet[SignedIn]:
    """Return the person's own living sessions, the one used last first."""
    alive = SignedIn.objects.filter(user_id=member.pk, session__expire_date__gt=now)
    return alive.order_by("-last_used_at", "-pk")


@transaction.atomic
def end(*, member: User, signed_in_id: UUID, request: HttpRequest, now: datetime) -> SignedIn:
    """End one of the person's own sessions, and record it.

    Raises:
        NotVisible: there is none, it has ended, or it is somebody else's.
    """
    found = sessions_of(member, now=now).filter(pk=signed_in_id).first()
    if found is None or not _delete([found.session_id]):
        raise NotVisible
    _record(member, f"session:{found.pk}", found.device, request)
    return found


@transaction.atomic
def end_others(*, member: User, request: HttpRequest, now: datetime) -> Ended:
    """End every session of the person but the one of this request, and every key; record it."""
    others = sessions_of(member, now=now).exclude(session_id=request.session.session_key)
    ended = _delete(list(others.values_list("session_id", flat=True)))
    if ended:
        _record(member, audit.person(member), f"all others: {ended}", request)
    keys = tokens.revoke_all(owner=member, reason="all others", now=now, request=request)
    return Ended(ended, keys)


@transaction.atomic
def end_everywhere(
    *, person: User, actor: User, reason: str, now: datetime, request: HttpRequest | None = None
) -> Ended:
    """End every session of a person and every key, and record it: nothing that was open opens anything again.

    Open sockets follow within seconds. Whether the actor may do this is for the caller to ask.
    """
    ended = end_all_of(person.pk)
    if ended:
        audit.record(
            actor=actor,
            action="session_ended",
            resource=audit.person(person),
            reason=f"{reason}: {ended}",
            request=request,
            organization_id=person.organization_id,
        )
    keys = tokens.revoke_all(owner=person, actor=actor, reason=reason, now=now, request=request)
    return Ended(ended, keys)


def end_all_of(person_id: UUID) -> int:
    """Delete every session of a person; return how many there were.

    A session whose first page is still being made is not listed yet: those few are opened to see whose they are.
    """
    listed = SignedIn.objects.filter(user_id=person_id).values_list("session_id", flat=True)
    others = Session.objects.exclude(Exists(SignedIn.objects.filter(session_id=OuterRef("pk"))))
    unlisted = [
        session.session_key
        for session in others.iterator(chunk_size=500)
        if session.get_decoded().get(SESSION_KEY) == str(person_id)
    ]
    return _delete([*listed, *unlisted])


def _delete(keys: list[str]) -> int:
    """Delete sessions and return how many were there."""
    deleted, _ = Session.objects.filter(session_key__in=keys).delete()
    return deleted


def _record(member: User, resource: str, reason: str, request: HttpRequest) -> None:
    audit.record(actor=member, action="session_ended", resource=resource, reason=reason, request=request)
