"""The feedback queue: what clients think of answers, for the people who look after them.

Who looks after feedback sees that it was given, by whom, up or down, and the reasons ticked. The answer and
the comment are words of the conversation: only who may read that sees them, and each time is on record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import audit
from accounts.models import User
from conversations import access, announcing
from conversations.models import Conversation, Feedback, Message
from conversations.presenting import MessageView, view_of

PAGE_SIZE = 30
EVERYTHING = "all"


@dataclass(frozen=True, slots=True)
class Row:
    """Feedback in the queue of one member; nothing of it is words of the conversation."""

    id: UUID
    client: str
    at: datetime
    is_up: bool
    reasons: Sequence[str]
    has_comment: bool
    state: str
    state_name: str
    reads: bool
    """Whether the member may read the words."""
    is_private: bool


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the queue, the newest first."""

    rows: Sequence[Row]
    next_before: UUID | None
    """Continue with feedback older than this; None on the last page."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one piece of feedback: what was asked, the answer that was rated, and the comment."""

    question: str
    answer: MessageView
    comment: str


def page(
    member: User, *, state: str = "", score: str = "", reason: str = "", before: UUID | None = None
) -> Page:
    """Return a page of the feedback that the member looks after; without a state, what is not resolved."""
    found = _narrowed(access.feedback_for(member), state=state, score=score, reason=reason)
    if before is not None:
        found = found.filter(pk__lt=before)
    listed = list(found.select_related("author", "message__conversation").order_by("-pk")[: PAGE_SIZE + 1])
    shown = listed[:PAGE_SIZE]
    open_from = access.first_visible_of(member, {each.message.conversation_id for each in shown})
    rows = [_row(each, reads=_reads(each, open_from)) for each in shown]
    return Page(rows, shown[-1].pk if len(listed) > PAGE_SIZE else None)


def _narrowed(given: QuerySet[Feedback], *, state: str, score: str, reason: str) -> QuerySet[Feedback]:
    if not state:
        given = given.exclude(state=Feedback.State.RESOLVED)
    elif state != EVERYTHING:
        given = given.filter(state=state)
    if score:
        given = given.filter(score=int(score))
    return given.filter(reasons__contains=[reason]) if reason else given


def _reads(feedback: Feedback, open_from: dict[UUID, int]) -> bool:
    return feedback.message.sequence >= open_from[feedback.message.conversation_id]


def _row(feedback: Feedback, *, reads: bool) -> Row:
    return Row(
        id=feedback.pk,
        client=feedback.author.name,
        at=feedback.updated_at,
        is_up=feedback.score > 0,
        reasons=reason_names(feedback),
        has_comment=bool(feedback.comment),
        state=feedback.state,
        state_name=feedback.get_state_display(),
        reads=reads,
        is_private=feedback.message.conversation.visibility == Conversation.Visibility.PRIVATE,
    )


def reason_names(feedback: Feedback) -> list[str]:
    """Return in words the reasons that the client ticked."""
    return [Feedback.Reason(reason).label for reason in feedback.reasons if reason in Feedback.Reason]


@transaction.atomic
def look_at(
    *, member: User, feedback_id: UUID, request: HttpRequest | None = None
) -> tuple[Row, Feedback, Words | None]:
    """Return feedback, and its words where the member may read them; that they were shown is recorded first.

    Raises:
        NotVisible: the member does not look after it.
    """
    feedback = access.visible_feedback(member, feedback_id)
    conversation = feedback.message.conversation
    open_from = access.first_visible_of(member, [conversation.pk])
    row = _row(feedback, reads=_reads(feedback, open_from))
    if not row.reads:
        return row, feedback, None
    words = _words(feedback, first=open_from[conversation.pk])
    _record_reading(member, [feedback], request)
    return row, feedback, words


@transaction.atomic
def with_open_words(
    member: User, rows: Sequence[Feedback], *, request: HttpRequest | None = None
) -> set[UUID]:
    """Return those of the rows whose comment the member may read; each that has one is recorded as read."""
    open_from = access.first_visible_of(member, {each.message.conversation_id for each in rows})
    readable = [each for each in rows if _reads(each, open_from)]
    _record_reading(member, [each for each in readable if each.comment], request)
    return {each.pk for each in readable}


def _record_reading(member: User, read: Sequence[Feedback], request: HttpRequest | None) -> None:
    audit.record_each(
        actor=member,
        action="feedback.read",
        done_to=[(f"conversation:{each.message.conversation_id}", f"feedback:{each.pk}") for each in read],
        request=request,
    )


def _words(feedback: Feedback, *, first: int) -> Words:
    _, names = announcing.load_with_names(feedback.message.conversation_id)
    asked = (
        Message.objects.filter(
            conversation_id=feedback.message.conversation_id,
            sender_type=Message.Sender.CLIENT,
            sequence__lt=feedback.message.sequence,
            sequence__gte=first,
        )
        .order_by("-sequence")
        .first()
    )
    return Words(asked.content if asked else "", view_of(feedback.message, names), feedback.comment)


@transaction.atomic(durable=True)
def handle(
    *, member: User, feedback_id: UUID, state: str, note: str | None = None, now: datetime
) -> Feedback:
    """Note what became of feedback, and who says so; a note that is not given stays, whoever wrote it meanwhile.

    Raises:
        NotVisible: the member does not look after it.
    """
    feedback = access.visible_feedback(member, feedback_id)
    said: dict[str, object] = {"state": Feedback.State(state), "handled_by": member, "handled_at": now}
    if note is not None:
        said["note"] = note.strip()
    for name, value in said.items():
        setattr(feedback, name, value)
    feedback.save(update_fields=list(said))
    feedback.refresh_from_db(fields=["note"])
    audit.record(
        actor=member, action="feedback.handled", resource=f"feedback:{feedback.pk}", reason=feedback.state
    )
    return feedback
