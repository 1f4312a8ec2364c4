"""The only gate to conversations: who may read which of them, and from which message on.

Roles open features, never words. The owner reads and writes. The coach of the conversation reads it
while it is shared (`coached`) and its owner is in a team of theirs, or within an episode. An episode in a
private conversation without the client's consent shows a coach only what is said after the coach has joined.
Who holds a live share link reads the part that its owner chose.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from django.db.models import (
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Value,
)

from accounts.access import NotVisible, coaches_now, organization_of
from accounts.models import User
from conversations.models import Conversation, Feedback, Handoff, Message
from conversations.outward import Export, ShareLink

NOTHING = 2**31 - 1
"""A `visible_from` that shows no message at all."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a member is to a conversation, and the first sequence number that they may read."""

    conversation: Conversation
    role: Literal["client", "coach"]
    visible_from: int = 0

    @property
    def is_client(self) -> bool:
        """Whether this is the educator whose conversation it is."""
        return self.role == "client"


def refused(conversation_id: UUID) -> NotVisible:
    """Return what to raise where a conversation is missing or not the member's to see: the same, and on record."""
    return NotVisible(asked=f"conversation:{conversation_id}")


def own_conversations(member: User) -> QuerySet[Conversation]:
    """Return the conversations that the member owns and has not deleted."""
    return Conversation.objects.filter(owner_id=member.pk, deleted_at=None)


def ever_own_conversations(member: User) -> QuerySet[Conversation]:
    """Return the member's conversations with those they have deleted, for what was done with them."""
    return Conversation.objects.filter(owner_id=member.pk)


def queue_for(member: User) -> QuerySet[Handoff]:
    """Return the open episodes that a coach should see: own clients', taken, escalated, and nobody else's.

    A client who left the team of the conversation's coach is nobody's there: any coach may help.
    """
    if not member.is_coach or member.organization_id is None:
        return Handoff.objects.none()
    return Handoff.objects.filter(
        Q(conversation__coach_id=member.pk)
        | Q(coach_id=member.pk)
        | ~Q(conversation__owner__team_membership__team__coach_id=F("conversation__coach_id"))
        | Q(escalated_at__isnull=False),
        organization_id=member.organization_id,
        state__in=[Handoff.State.QUEUED, Handoff.State.TAKEN],
        conversation__deleted_at=None,
    )


def coached_conversations(member: User) -> QuerySet[Conversation]:
    """Return the conversations a coach may open: shared ones of own clients, and those of the queue."""
    if not member.is_coach or member.organization_id is None:
        return Conversation.objects.none()
    in_queue = queue_for(member).filter(conversation_id=OuterRef("pk"))
    return Conversation.objects.filter(
        _shared_with(member) | Exists(in_queue),
        organization_id=member.organization_id,
        deleted_at=None,
    ).exclude(owner_id=member.pk)


def _shared_with(member: User) -> Q:
    """Which conversations are shared with the member, who coaches them and still coaches their owners."""
    return Q(
        coach_id=member.pk,
        owner__team_membership__team__coach_id=member.pk,
        visibility=Conversation.Visibility.COACHED,
        organization_id=member.organization_id,
    )


def own_conversation(member: User, conversation_id: UUID) -> Conversation:
    """Return the member's own conversation.

    Raises:
        NotVisible: it does not exist, is deleted or belongs to somebody else.
    """
    conversation = own_conversations(member).filter(pk=conversation_id).first()
    if conversation is None:
        raise refused(conversation_id)
    return conversation


def readable_conversation(member: User, conversation_id: UUID) -> Standing:
    """Return the member's standing in the conversation.

    Raises:
        NotVisible: it does not exist, or the member is neither its owner nor a coach who may open it.
    """
    if not member.is_active:
        raise refused(conversation_id)
    conversation = own_conversations(member).filter(pk=conversation_id).first()
    if conversation is not None:
        return Standing(conversation, "client")
    conversation = coached_conversation(member, conversation_id)
    return Standing(conversation, "coach", _first_visible(member, conversation))


def coached_conversation(member: User, conversation_id: UUID, *, lock: bool = False) -> Conversation:
    """Return a conversation that the member may open as a coach, with `lock` locked for this transaction.

    What was read before the lock was had may be otherwise since: who locks asks once more.

    Raises:
        NotVisible: it does not exist, is the member's own, or is not open to this coach.
    """
    coached = coached_conversations(member)
    if lock:
        coached = coached.select_for_update(of=("self",))
    conversation = coached.filter(pk=conversation_id).first() if member.is_active else None
    if conversation is None:
        raise refused(conversation_id)
    return conversation


def _first_visible(member: User, conversation: Conversation) -> int:
    """Return the first sequence number that a coach may read."""
    return first_visible_of(member, [conversation.pk])[conversation.pk]


def first_visible_of(member: User, conversation_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return for each conversation the first sequence number that the member may read; NOTHING for none."""
    first = dict.fromkeys(conversation_ids, NOTHING)
    whole = Q(owner_id=member.pk)
    if member.is_coach:
        whole |= _shared_with(member)
    found = Conversation.objects.filter(whole, pk__in=first, deleted_at=None)
    first |= dict.fromkeys(found.values_list("pk", flat=True), 0)
    closed = [pk for pk, sequence in first.items() if sequence == NOTHING]
    for episode in (
        queue_for(member)
        .filter(conversation__in=closed)
        .select_related("conversation__owner__team_membership__team")
    ):
        first[episode.conversation_id] = visible_within(member, episode.conversation, episode)
    return first


def visible_within(member: User, conversation: Conversation, episode: Handoff) -> int:
    """Return the first sequence number that a coach may read within an episode of their queue."""
    assigned = _assigned(member, conversation)
    taken_by_me = episode.state == Handoff.State.TAKEN and episode.coach_id == member.pk
    shared = conversation.visibility == Conversation.Visibility.COACHED or episode.consented
    if shared and (assigned or taken_by_me):
        return 0
    return episode.joined_sequence if taken_by_me and episode.joined_sequence else NOTHING


def _assigned(member: User, conversation: Conversation) -> bool:
    """Whether the member is the conversation's coach, and still coaches its owner."""
    return conversation.coach_id == member.pk and coaches_now(member, conversation.owner)


def readable_messages(standing: Standing) -> QuerySet[Message]:
    """Return the messages that this standing may read, in order."""
    return Message.objects.filter(
        conversation_id=standing.conversation.pk, sequence__gte=standing.visible_from
    ).order_by("sequence")


def readable_message(member: User, message_id: UUID) -> tuple[Standing, Message]:
    """Return a message with the member's standing in its conversation.

    Raises:
        NotVisible: the message does not exist or the member may not read it.
    """
    asked = f"message:{message_id}"
    row = Message.objects.filter(pk=message_id).values_list("conversation_id", flat=True).first()
    if row is None:
        raise NotVisible(asked=asked)
    try:
        standing = readable_conversation(member, row)
    except NotVisible:
        # On record is what was asked for: the conversation would tell that the message exists.
        raise NotVisible(asked=asked) from None
    message = readable_messages(standing).filter(pk=message_id).first()
    if message is None:
        raise NotVisible(asked=asked)
    return standing, message


def owned_by(pairs: Collection[tuple[UUID, UUID]]) -> Iterator[tuple[UUID, UUID]]:
    """Yield those of the (person, conversation) pairs in which the person still owns the conversation."""
    owners = dict(
        Conversation.objects.filter(
            pk__any={conversation for _, conversation in pairs}, deleted_at=None
        ).values_list("pk", "owner_id")
    )
    for person, conversation in pairs:
        if owners.get(conversation) == person:
            yield person, conversation


_KEPT_FOR = ExpressionWrapper(
    F("organization__keep_deleted_days") * Value(timedelta(days=1)), output_field=DurationField()
)


def deleted_conversations(member: User, *, now: datetime) -> QuerySet[Conversation]:
    """Return the conversations that the member has deleted and can bring back, each with `kept_until`."""
    kept_until = ExpressionWrapper(F("deleted_at") + _KEPT_FOR, output_field=DateTimeField())
    deleted = Conversation.objects.filter(owner_id=member.pk, deleted_at__isnull=False)
    return deleted.annotate(kept_until=kept_until).filter(kept_until__gte=now)


def deleted_conversation(member: User, conversation_id: UUID, *, now: datetime) -> Conversation:
    """Lock and return a conversation that the member has deleted and can bring back.

    Raises:
        NotVisible: there is none.
    """
    deleted = deleted_conversations(member, now=now).filter(pk=conversation_id)
    conversation = deleted.select_for_update(of=("self",)).first()
    if conversation is None:
        raise refused(conversation_id)
    return conversation


def own_links(member: User) -> QuerySet[ShareLink]:
    """Return the links that the member has made to conversations of their own, dead ones included."""
    return ShareLink.objects.filter(conversation__in=own_conversations(member))


def live_links(*, now: datetime) -> QuerySet[ShareLink]:
    """Return what opens something now, to be locked: neither expired nor revoked, and nothing else forbids it.

    Nothing is open of a deleted conversation, of an owner who has left, and where the organization allows no links.
    """
    return (
        ShareLink.objects.select_for_update(of=("self",))
        .select_related("conversation")
        .filter(
            revoked_at=None,
            expires_at__gt=now,
            conversation__deleted_at=None,
            conversation__owner__is_active=True,
            conversation__organization__allows_share_links=True,
        )
    )


def live_link(token_hash: str, *, now: datetime) -> ShareLink:
    """Lock and return the live link with this hash, with its conversation.

    Raises:
        NotVisible: there is none.
    """
    link = live_links(now=now).filter(token_hash=token_hash).first()
    if link is None:
        raise NotVisible
    return link


def feedback_for(member: User) -> QuerySet[Feedback]:
    """Return the feedback that the member looks after: their clients'; an administrator's is the organization's.

    That a person may look after it says nothing of its words: those are for whoever reads the conversation.
    """
    if not member.is_coach or member.organization_id is None:
        return Feedback.objects.none()
    given = Feedback.objects.filter(
        message__conversation__organization_id=member.organization_id,
        message__conversation__deleted_at=None,
    )
    if member.is_admin:
        return given
    return given.filter(
        message__conversation__coach_id=member.pk,
        message__conversation__owner__team_membership__team__coach_id=member.pk,
    )


def visible_feedback(member: User, feedback_id: UUID) -> Feedback:
    """Return feedback that the member looks after, with its message, conversation and author.

    Raises:
        NotVisible: there is none.
    """
    feedback = (
        feedback_for(member)
        .filter(pk=feedback_id)
        .select_related("author", "handled_by", "message__sender", "message__conversation")
        .first()
    )
    if feedback is None:
        raise NotVisible
    return feedback


def own_exports(member: User) -> QuerySet[Export]:
    """Return the exports that the member has asked for."""
    return Export.objects.filter(requested_by=member, organization=organization_of(member))


def own_export(member: User, export_id: UUID) -> Export:
    """Return an export that the member has asked for.

    Raises:
        NotVisible: there is none.
    """
    export = own_exports(member).filter(pk=export_id).first()
    if export is None:
        raise NotVisible
    return export
