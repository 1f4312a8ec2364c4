"""Keys with which programs act for a person: made, recognised and revoked. The key itself is never stored."""

import base64
import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.crypto import salted_hmac

from accounts import access, audit, outbox
from accounts.models import ApiToken, User
from accounts.outbox import Letter
from accounts.scopes import offered_to

PREFIX = "sideline_"
"""By which people and scanners of leaked secrets know what it is."""

MOST = 20
"""Live keys of one person."""

LONGEST_DAYS = 365

MOMENTS = timedelta(minutes=1)
"""How long after its making the same form still finds its key."""

MAIL = "api_key"

USE_GRAIN = timedelta(hours=1)
"""How exactly a key knows when it was last used; a write for each request would be too many."""


class TooManyTokens(Exception):
    """The person has as many live keys as one may have; nothing was changed."""


class AlreadyMade(Exception):
    """The form was sent before, and its key was shown then; nothing was changed."""


class ScopeNotOffered(Exception):
    """The key would open more than the person may do; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key: its row, and the secret that nobody can read again."""

    token: ApiToken
    secret: str


@transaction.atomic
def issue(
    *,
    owner: User,
    name: str,
    scopes: Collection[str],
    days: int,
    now: datetime,
    once: UUID | None = None,
    request: HttpRequest | None = None,
) -> Issued:
    """Make a key for the owner, record it, and have the owner told by mail.

    Asked again within moments under the same `once`, as by a second click, it is the same key.

    Raises:
        AlreadyMade: it was asked under the same `once` before that.
        ScopeNotOffered: no scope was chosen, or one that the owner's role does not have.
        TooManyTokens: the owner has the most that one may have.
    """
    if not scopes or not set(scopes) <= set(offered_to(owner.role)):
        raise ScopeNotOffered
    # Two requests at once would both count one too few.
    User.objects.select_for_update().filter(pk=owner.pk).first()
    secret = _secret(owner, once or uuid4())
    if (before := _made_before(secret, now)) is not None:
        return Issued(before, secret)
    if access.own_tokens(owner).filter(expires_at__gt=now).count() >= MOST:
        raise TooManyTokens
    token = ApiToken.objects.create(
        owner=owner,
        name=name,
        scopes=sorted(set(scopes)),
        hash=_hash(secret),
        hint=secret[-4:],
        created_at=now,
        expires_at=now + timedelta(days=min(days, LONGEST_DAYS)),
    )
    audit.record(
        actor=owner,
        action="token_created",
        resource=_resource(token),
        reason=", ".join(token.scopes),
        request=request,
    )
    _tell(token, now)
    return Issued(token, secret)


def _made_before(secret: str, now: datetime) -> ApiToken | None:
    """Return the key that the first of two clicks has made.

    Raises:
        AlreadyMade: that was some time ago, or it was revoked meanwhile.
    """
    before = ApiToken.objects.filter(hash=_hash(secret)).first()
    if before is not None and (before.revoked_at is not None or before.created_at < now - MOMENTS):
        raise AlreadyMade
    return before


def _tell(token: ApiToken, now: datetime) -> None:
    """Have the owner told of a new key; the sweep sends the mail within half a minute."""
    owner = token.owner
    if owner.email and owner.organization_id:
        outbox.queue(
            kind=MAIL, about=token.pk, recipient=owner.email, organization_id=owner.organization_id, now=now
        )


def letter(about: UUID, *, now: datetime) -> Letter | None:
    """Write the mail that tells somebody of a new key of theirs; none where it opens nothing any more."""
    token = ApiToken.objects.filter(pk=about, revoked_at=None, expires_at__gt=now, owner__is_active=True)
    found = token.select_related("owner").first()
    if found is None:
        return None
    context = {"token": found, "site": settings.SITE_NAME, "link": settings.PUBLIC_URL + reverse("tokens")}
    subject = render_to_string("mail/api_key/subject.txt", context)
    return Letter(" ".join(subject.split()), render_to_string("mail/api_key/body.txt", context))


@transaction.atomic
def revoke(*, owner: User, token_id: UUID, now: datetime, request: HttpRequest | None = None) -> ApiToken:
    """End one of the owner's keys, and record it.

    Raises:
        NotVisible: there is no such key of the owner's.
    """
    token = access.own_token(owner, token_id)
    token.revoked_at = now
    token.save(update_fields=["revoked_at"])
    audit.record(actor=owner, action="token_revoked", resource=_resource(token), request=request)
    return token


@transaction.atomic
def revoke_all(
    *,
    owner: User,
    reason: str,
    now: datetime,
    actor: User | None = None,
    request: HttpRequest | None = None,
) -> int:
    """End every key of the owner, record each and why, and return how many there were.

    Args:
        actor: who has them ended; the owner, when nobody is named.
    """
    ended = list(access.own_tokens(owner).select_for_update())
    for token in ended:
        token.revoked_at = now
        token.save(update_fields=["revoked_at"])
        audit.record(
            actor=actor or owner,
            action="token_revoked",
            resource=_resource(token),
            reason=reason,
            request=request,
            organization_id=owner.organization_id,
        )
    return len(ended)


def recognise(*, secret: str, now: datetime) -> ApiToken | None:
    """Return the live key with this secret, with its owner; none when it ended or its owner was deactivated."""
    return (
        ApiToken.objects.filter(
            hash=_hash(secret), revoked_at=None, expires_at__gt=now, owner__is_active=True
        )
        .select_related("owner__organization")
        .first()
    )


def is_live(*, token_id: UUID, now: datetime) -> bool:
    """Whether the key still opens anything; for doors that stay open, such as streams."""
    return ApiToken.objects.filter(
        pk=token_id, revoked_at=None, expires_at__gt=now, owner__is_active=True
    ).exists()


def note_use(*, token: ApiToken, now: datetime) -> None:
    """Keep roughly when the key was last used."""
    if token.last_used_at is None or token.last_used_at < now - USE_GRAIN:
        hour = now.replace(minute=0, second=0, microsecond=0)
        older = Q(last_used_at=None) | Q(last_used_at__lt=hour)
        ApiToken.objects.filter(older, pk=token.pk).update(last_used_at=hour)


def _secret(owner: User, once: UUID) -> str:
    """Return a key that nobody can make who has not the installation's secret: 256 bits of it and of `once`."""
    mac = salted_hmac("accounts.tokens", f"{owner.pk}:{once}", algorithm="sha256")
    return PREFIX + base64.urlsafe_b64encode(mac.digest()).decode().rstrip("=")


def _hash(secret: str) -> str:
    """Return what is kept of a key: it is random enough that nobody can guess it from its hash."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _resource(token: ApiToken) -> str:
    return f"token:{token.pk}"
