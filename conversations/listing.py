"""Lists that are read in pages: a member's conversations, the messages of one, the feedback of an organization."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Left

from accounts.access import organization_of
from accounts.models import User
from conversations import access
from conversations.models import Conversation, Feedback, Message
from knowledge.chapters import numbers_of

PREVIEW = 160
"""Characters of the last message that a list shows."""


def conversations_of(member: User, *, status: str = "", search: str = "") -> QuerySet[Conversation]:
    """Return the member's own conversations with `preview`, `last_message_at` and `message_count`.

    Sequence numbers have no holes, so the last one counts the messages.
    """
    found = access.own_conversations(member)
    if status:
        found = found.filter(status=status)
    if search:
        said = Message.objects.filter(content__icontains=search, conversation__owner_id=member.pk)
        found = found.filter(Q(title__icontains=search) | Q(pk__in=said.values("conversation_id")))
    last = Message.objects.filter(conversation_id=OuterRef("pk")).order_by("-sequence")
    return found.annotate(
        preview=Subquery(last.exclude(content="").values(start=Left("content", PREVIEW))[:1]),
        last_message_at=Subquery(last.values("created_at")[:1]),
    )


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages with what a reader sees beside them."""

    rows: Sequence[Message]
    scores: dict[UUID, int]
    """The reader's own thumbs, by message."""
    chapters: dict[UUID, int]
    """The numbers of the chapters that are cited, by passage."""


def with_company(rows: Sequence[Message], *, reader_id: UUID) -> Messages:
    """Return messages with the reader's thumbs and the chapters of their citations; two queries."""
    scores = dict(
        Feedback.objects.filter(message__in=[row.pk for row in rows], author_id=reader_id).values_list(
            "message_id", "score"
        )
    )
    return Messages(rows, scores, numbers_of(_cited(rows)))


def _cited(rows: Sequence[Message]) -> Collection[str]:
    return {str(citation["passage_id"]) for row in rows for citation in row.citations}


def messages_after(standing: access.Standing, *, after: int, limit: int) -> tuple[list[Message], bool]:
    """Return messages that follow a sequence number, in order, and whether there are more."""
    rows = list(access.readable_messages(standing).filter(sequence__gt=after)[: limit + 1])
    return rows[:limit], len(rows) > limit


def feedback_in_organization(reader: User) -> QuerySet[Feedback]:
    """Return the feedback given in the reader's organization.

    Raises:
        NotVisible: the reader belongs to no organization.
    """
    return Feedback.objects.filter(
        message__conversation__organization=organization_of(reader), message__conversation__deleted_at=None
    ).select_related("message")
