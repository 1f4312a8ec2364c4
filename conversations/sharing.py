"""Share links: a part of a conversation, up to a moment, for whoever holds the link.

What is shared is settled when the link is made and never grows: it ends before the first answer that is still being
written, even where more was said after that. Notices of the system (help lines, who was
asked, who consented) are the client's own business and are never shown to holders. Neither is the title: it
may tell of what was left out. The token is returned to whoever makes the link; the database has its hash.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.http import urlsafe_base64_encode

from accounts import audit
from accounts.access import NotVisible
from accounts.models import Organization, User
from conversations import access, announcing
from conversations.models import Conversation, Handoff, Message
from conversations.outward import LONGEST_LINK, ShareLink
from conversations.presenting import MessageView, Names, view_of

DAYS = 7
"""How long a link lives unless its owner chooses otherwise."""

UNNAMED = {
    Message.Sender.CLIENT: "An educator",
    Message.Sender.AI: "The AI",
    Message.Sender.HUMAN_COACH: "A coach",
}
"""What the speakers are called where the owner shares no names."""


_AFTER_EVERYTHING = 2**31 - 1


class NothingToShare(Exception):
    """There is no message in what was chosen. Nothing was changed."""


class LinksForbidden(Exception):
    """The organization allows no share links. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Part:
    """What the owner shares: from which message to which, and whether the people are named."""

    first_sequence: int
    last_sequence: int
    with_names: bool = False


@dataclass(frozen=True, slots=True)
class SharedMessage:
    """A message as holders see it; its place is counted among what they see."""

    place: int
    view: MessageView


@dataclass(frozen=True, slots=True)
class Shown:
    """All that a holder sees."""

    messages: Sequence[SharedMessage]
    until: datetime
    """When the link expires."""


@dataclass(frozen=True, slots=True)
class Made:
    """A link and the token that opens it, which nobody can ask for who has not its key."""

    link: ShareLink
    token: str


def shareable(conversation_id: UUID) -> QuerySet[Message]:
    """Return the messages that a link can show, in order: up to the first one that is still being written.

    No message is written again once it is finished, so what stands before that one is settled.
    """
    said = Message.objects.filter(conversation_id=conversation_id)
    unfinished = said.filter(state=Message.State.STREAMING).order_by("sequence")
    settled = said.filter(
        sequence__lt=Coalesce(Subquery(unfinished.values("sequence")[:1]), Value(_AFTER_EVERYTHING))
    )
    return (
        settled.exclude(sender_type=Message.Sender.SYSTEM)
        .exclude(content="")
        .select_related("sender")
        .order_by("sequence")
    )


def everything(conversation_id: UUID) -> Part:
    """Return the whole conversation up to now.

    Raises:
        NothingToShare: nothing was said yet.
    """
    sequences = list(shareable(conversation_id).values_list("sequence", flat=True))
    if not sequences:
        raise NothingToShare
    return Part(sequences[0], sequences[-1])


def chosen(
    *, member: User, conversation_id: UUID, first: int | None, last: int | None, with_names: bool
) -> Part:
    """Return a part of the member's conversation from one message to another, as far as there are any now.

    Raises:
        NotVisible: it is not the member's.
        NothingToShare: there is no message in it.
    """
    access.own_conversation(member, conversation_id)
    there = shareable(conversation_id)
    if first is not None:
        there = there.filter(sequence__gte=first)
    if last is not None:
        there = there.filter(sequence__lte=last)
    sequences = list(there.values_list("sequence", flat=True))
    if not sequences:
        raise NothingToShare
    return Part(sequences[0], sequences[-1], with_names)


def shown(conversation_id: UUID, part: Part, *, until: datetime) -> Shown:
    """Return what a holder sees of a conversation; the preview and the holder's page are both made from it.

    Raises:
        NothingToShare: nothing of it can be shown.
    """
    _, names = announcing.load_with_names(conversation_id)
    listed = shareable(conversation_id).filter(
        sequence__gte=part.first_sequence, sequence__lte=part.last_sequence
    )
    messages = [
        SharedMessage(place, _seen(message, names, place, with_names=part.with_names))
        for place, message in enumerate(listed, start=1)
    ]
    if not messages:
        raise NothingToShare
    return Shown(messages, until)


def _seen(message: Message, names: Names, place: int, *, with_names: bool) -> MessageView:
    view = view_of(message, names, address=partial(_source, place))
    return view if with_names else replace(view, sender_name=UNNAMED[Message.Sender(message.sender_type)])


def _source(place: int, citation: Mapping[str, Any]) -> str:
    """Return where a citation leads a holder: to the quoted words on the same page, not into the library."""
    return f"#source-{place}-{int(citation['number'])}"


def expiry(days: int, *, now: datetime) -> datetime:
    """Return when a link made now expires; more than the longest life is the longest life."""
    return now + min(timedelta(days=days), LONGEST_LINK)


@transaction.atomic(durable=True)
def make(
    *,
    member: User,
    conversation_id: UUID,
    now: datetime,
    part: Part | None = None,
    wish: object = None,
    days: int = DAYS,
    key: UUID | None = None,
    request: HttpRequest | None = None,
) -> Made:
    """Make a link to a part of the member's conversation; to all that is settled by now when none is given.

    Asked twice for the same under the same key, it is the same link as long as that opens something.

    Args:
        wish: what was asked for, where `part` is what it comes to now.

    Raises:
        NotVisible: it is not the member's.
        LinksForbidden: the organization allows none.
        NothingToShare: there is no message in the part.
    """
    conversation = access.own_conversation(member, conversation_id)
    if not are_allowed(member):
        raise LinksForbidden
    whole = everything(conversation_id)
    # What the caller names may reach beyond what is settled.
    settled = replace(part, last_sequence=min(part.last_sequence, whole.last_sequence)) if part else whole
    shown(conversation_id, settled, until=now)
    values = {
        "conversation": conversation,
        "first_sequence": settled.first_sequence,
        "last_sequence": settled.last_sequence,
        "with_names": settled.with_names,
        "created_at": now,
        "expires_at": expiry(days, now=now),
    }
    # What was asked for, not what it came to: more may have been said when the same request comes again.
    asked = f"{key or uuid4()}:{conversation_id}:{wish or part}:{days}"
    tried = (_made(member, _token(asked, again), values, request) for again in count())
    return next(made for made in tried if made.link.revoked_at is None and made.link.expires_at > now)


def _made(member: User, token: str, values: Mapping[str, Any], request: HttpRequest | None) -> Made:
    """Return the link with this token, which is made and put on record if there is none."""
    link, is_new = ShareLink.objects.get_or_create(token_hash=_hash(token), defaults=values)
    if is_new:
        _record(member, "share.made", link, request)
    return Made(link, token)


@transaction.atomic(durable=True)
def revoke(
    *,
    member: User,
    conversation_id: UUID,
    link_id: UUID,
    now: datetime,
    request: HttpRequest | None = None,
) -> None:
    """Let a link of the member open nothing from now on; one that is revoked already stays so.

    Raises:
        NotVisible: the member has made no such link.
    """
    link = access.own_links(member).filter(conversation_id=conversation_id, pk=link_id).first()
    if link is None:
        raise NotVisible
    if ShareLink.objects.filter(pk=link_id, revoked_at=None).update(revoked_at=now):
        _record(member, "share.revoked", link, request)


def revoke_all(*, member: User, conversation: Conversation, now: datetime) -> None:
    """Let no link to a conversation of the member's open anything from now on, in the caller's transaction."""
    live = ShareLink.objects.select_for_update().filter(conversation=conversation, revoked_at=None)
    revoked = list(live.filter(expires_at__gt=now).order_by("pk"))
    # All of them before the first line of the record: a holder who reads just now has a link and waits for the record.
    ShareLink.objects.filter(pk__in=[link.pk for link in revoked]).update(revoked_at=now)
    for link in revoked:
        _record(member, "share.revoked", link, None)


@transaction.atomic(durable=True)
def read(*, token: str, now: datetime, request: HttpRequest | None = None) -> Shown:
    """Return what the link with this token shows, counted and on record before it leaves.

    Raises:
        NotVisible: no link that lives has this token, or nothing is left of what it showed.
    """
    link = access.live_link(_hash(token), now=now)
    part = Part(link.first_sequence, link.last_sequence, link.with_names)
    try:
        found = shown(link.conversation_id, part, until=link.expires_at)
    except NothingToShare:
        raise NotVisible from None
    link.views += 1
    link.last_viewed_at = now
    link.save(update_fields=["views", "last_viewed_at"])
    _record(None, "share.viewed", link, request)
    return found


def are_allowed(member: User) -> bool:
    """Whether the member's organization lets its people share by link."""
    return Organization.objects.filter(members=member, allows_share_links=True).exists()


def links(member: User, *, now: datetime, conversation_id: UUID | None = None) -> Sequence[ShareLink]:
    """Return the member's links that still open something, of one conversation or of all, the newest first."""
    live = access.own_links(member).filter(
        revoked_at=None, expires_at__gt=now, conversation__organization__allows_share_links=True
    )
    if conversation_id is not None:
        live = live.filter(conversation_id=conversation_id)
    return list(live.select_related("conversation").order_by("-created_at"))


def was_shared(conversation_id: UUID) -> bool:
    """Whether a link was ever made to this conversation."""
    return ShareLink.objects.filter(conversation_id=conversation_id).exists()


def had_crisis(conversation_id: UUID) -> bool:
    """Whether somebody was called because of a crisis in this conversation."""
    return Handoff.objects.filter(conversation_id=conversation_id, reason=Handoff.Reason.CRISIS).exists()


def _token(asked: str, again: int) -> str:
    """Return what opens the link that is asked for under a key: nobody finds it who has not our secret.

    The second of two clicks gets the very link of the first, although the database has neither token nor key.
    When that link opens nothing any more, asking `again` leads to the next one.
    """
    exactly = f"{asked}:{again}"
    return urlsafe_base64_encode(salted_hmac("conversations.sharing", exactly, algorithm="sha256").digest())


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _record(actor: User | None, action: str, link: ShareLink, request: HttpRequest | None) -> None:
    """Record what was done with a link; who holds it is not known and not asked."""
    audit.record(
        actor=actor,
        action=action,
        resource=f"conversation:{link.conversation_id}",
        reason=f"link:{link.pk}",
        request=request,
        organization_id=link.conversation.organization_id,
    )
