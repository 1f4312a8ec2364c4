"""Read models for lists and pages; the gate has decided what may be in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import (
    Case,
    Expression,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Left

from accounts.models import User
from coaching.policies import escalation
from conversations import access
from conversations.models import Conversation, Handoff, Message

PAGE_SIZE = 30
DELETED = "deleted"
"""Names the conversations that can still be brought back, among the statuses of a list."""
PREVIEW = 160
"""Characters of the last message that a list shows."""
SIGNS = (r"\s?\[\d{1,3}\]", r"^\s*(?:>|#{1,6}|[-*+])\s+", r"\*\*")
"""What the AI writes for the page alone, as PostgreSQL finds it: markers, signs before lines, signs around words."""


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a member's conversations, newest first."""

    conversations: Sequence[Conversation]
    next_before: datetime | None
    """Continue with conversations updated, or deleted, before this; None on the last page."""


def conversation_list(
    member: User,
    *,
    status: str = Conversation.Status.ACTIVE,
    search: str = "",
    before: datetime | None = None,
) -> ListPage:
    """Return the member's conversations, the latest first, each with its `preview`."""
    found = with_preview(member, status=status, search=search)
    if before is not None:
        found = found.filter(updated_at__lt=before)
    rows = list(found.select_related("coach", "holder").order_by("-updated_at")[: PAGE_SIZE + 1])
    more = len(rows) > PAGE_SIZE
    return ListPage(rows[:PAGE_SIZE], rows[PAGE_SIZE - 1].updated_at if more else None)


def deleted_list(
    member: User, *, now: datetime, search: str = "", before: datetime | None = None
) -> ListPage:
    """Return the conversations that the member can bring back, the last deleted first, each with its `preview`."""
    found = _previewed(access.deleted_conversations(member, now=now), member, search)
    if before is not None:
        found = found.filter(deleted_at__lt=before)
    rows = list(found.order_by("-deleted_at")[: PAGE_SIZE + 1])
    more = len(rows) > PAGE_SIZE
    return ListPage(rows[:PAGE_SIZE], rows[PAGE_SIZE - 1].deleted_at if more else None)


def with_preview(member: User, *, status: str = "", search: str = "") -> QuerySet[Conversation]:
    """Return the member's own conversations with the beginning of their last message as `preview`."""
    found = access.own_conversations(member)
    return _previewed(found.filter(status=status) if status else found, member, search)


def _previewed(found: QuerySet[Conversation], member: User, search: str) -> QuerySet[Conversation]:
    """Return those with the words, with their `preview`.

    It is one character longer than is shown, to tell a message that goes on from one that ends there.
    """
    if search:
        said = Message.objects.filter(content__icontains=search, conversation__owner_id=member.pk)
        found = found.filter(Q(title__icontains=search) | Q(pk__in=said.values("conversation_id")))
    last = Message.objects.filter(conversation_id=OuterRef("pk")).exclude(content="").order_by("-sequence")
    return found.annotate(preview=Subquery(last.values(start=_beginning())[:1]))


def _beginning() -> Left:
    """Return how a message begins; the AI's without markers of citations and signs of Markdown."""
    words: Expression | F = Left("content", 2 * PREVIEW)
    for signs in SIGNS:
        words = Func(words, Value(signs), Value(""), Value("gn"), function="REGEXP_REPLACE")
    by_ai = When(sender_type=Message.Sender.AI, then=words)
    return Left(Case(by_ai, default=F("content"), output_field=TextField()), PREVIEW + 1)


def waiting_queue(member: User) -> QuerySet[Handoff]:
    """Return the open episodes for a coach, the most urgent first, then those that wait longest."""
    urgency = Case(
        *(When(reason=reason, then=Value(value)) for reason, value in escalation.URGENCY.items()),
        default=Value(0),
        output_field=IntegerField(),
    )
    return (
        access.queue_for(member)
        .select_related(
            *("conversation__owner__team_membership__team", "conversation__coach", "coach", "organization")
        )
        .annotate(urgency=urgency)
        .order_by("state", "-urgency", "requested_at", "pk")
    )


def recent_coached(member: User) -> QuerySet[Conversation]:
    """Return the coach's shared conversations that nobody waits in, the latest first."""
    return (
        access.coached_conversations(member)
        .filter(
            coach_id=member.pk,
            owner__team_membership__team__coach_id=member.pk,
            visibility=Conversation.Visibility.COACHED,
        )
        .select_related("owner")
        .order_by("-updated_at")[:PAGE_SIZE]
    )
