"""Lists that programs read in pages: a member's conversations, and the messages of one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from accounts.models import User
from conversations import access, queries
from conversations.models import Conversation, Feedback, Message
from knowledge.chapters import numbers_of


def conversations_of(member: User, *, status: str = "", search: str = "") -> QuerySet[Conversation]:
    """Return the member's own conversations with `preview` and `last_message_at`."""
    last = Message.objects.filter(conversation_id=OuterRef("pk")).order_by("-sequence")
    found = queries.with_preview(member, status=status, search=search)
    return found.annotate(last_message_at=Subquery(last.values("created_at")[:1]))


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
