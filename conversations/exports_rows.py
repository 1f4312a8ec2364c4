"""What is in an export: its sheets, their columns, and the rows that its owner may have."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import Model, Q, QuerySet
from django.db.models.functions import TruncDate

from accounts.access import organization_of
from accounts.models import User
from conversations import access
from conversations.analytics_masking import FEWEST, Count, masked
from conversations.exports_files import Row
from conversations.minding_feedback import reason_names
from conversations.models import Conversation, Feedback, Handoff, Message
from conversations.outward import Export
from conversations.presenting import LABELS
from knowledge.utterances import clock

Found = TypeVar("Found", bound=Model)

CHUNK = 500


@dataclass(slots=True)
class Source:
    """For which export rows are read, and of which conversations words were put into them."""

    export: Export
    opened: dict[UUID, int] = field(default_factory=dict)
    """The first message of each conversation whose words are inside."""

    @property
    def member(self) -> User:
        """For whom they are read."""
        return self.export.requested_by

    def within(self, found: QuerySet[Found], moment: str = "created_at") -> QuerySet[Found]:
        """Return those rows whose moment is within the days that are wanted."""
        first, last = self.export.first_day, self.export.last_day
        if first is not None:
            found = found.filter(**{f"{moment}__date__gte": first})
        return found if last is None else found.filter(**{f"{moment}__date__lte": last})

    def open(self, message: Message) -> None:
        """Note that the words of a message are inside."""
        first = self.opened.get(message.conversation_id, message.sequence)
        self.opened[message.conversation_id] = min(first, message.sequence)


@dataclass(frozen=True, slots=True)
class Part:
    """One sheet of an export."""

    name: str
    columns: Sequence[str]
    count: Callable[[Source], int]
    rows: Callable[[Source], Iterator[Row]]


def _own_conversations(source: Source) -> QuerySet[Conversation]:
    return source.within(access.own_conversations(source.member))


def _own_messages(source: Source) -> QuerySet[Message]:
    said = Message.objects.filter(conversation__in=access.own_conversations(source.member))
    return source.within(said).exclude(state=Message.State.STREAMING)


def _own_feedback(source: Source) -> QuerySet[Feedback]:
    member = source.member
    given = Feedback.objects.filter(
        author_id=member.pk, message__conversation__in=access.own_conversations(member)
    )
    return source.within(given)


def _minded_feedback(source: Source) -> QuerySet[Feedback]:
    return source.within(access.feedback_for(source.member))


def _conversation_rows(source: Source) -> Iterator[Row]:
    found = _own_conversations(source).annotate(said=models.Count("messages")).order_by("created_at", "pk")
    for each in found.iterator(chunk_size=CHUNK):
        source.opened[each.pk] = 1
        yield {
            "id": each.pk,
            "title": each.title,
            "status": each.status,
            "visibility": each.visibility,
            "channel": each.channel,
            "created_at": each.created_at,
            "updated_at": each.last_touched_at,
            "messages": each.said,
        }


def _message_rows(source: Source) -> Iterator[Row]:
    found = _own_messages(source).select_related("sender").order_by("conversation_id", "sequence")
    for each in found.iterator(chunk_size=CHUNK):
        source.open(each)
        yield {
            "id": each.pk,
            "conversation_id": each.conversation_id,
            "number": each.sequence,
            "at": each.created_at,
            "by": each.sender_type,
            "name": each.sender.name if each.sender else "",
            "text": each.content,
            "sources": [_source(citation) for citation in each.citations if citation.get("number")],
            "domains": each.domains,
        }


def _source(citation: Mapping[str, Any]) -> Mapping[str, object]:
    """Return a citation as somebody outside can use it."""
    return {
        "number": f"[{int(citation['number'])}]",
        "title": citation["title"],
        "authors": ", ".join(citation.get("authors", ())),
        "year": citation.get("year"),
        "chapter": citation.get("chapter_title", ""),
        "page": citation.get("page_label", ""),
        "speaker": citation.get("speaker", ""),
        "time": clock(citation.get("start_seconds")),
        "quote": citation.get("quote", ""),
        "support": LABELS.get(citation["label"], ""),
    }


def _own_feedback_rows(source: Source) -> Iterator[Row]:
    found = _own_feedback(source).select_related("message").order_by("created_at", "pk")
    for each in found.iterator(chunk_size=CHUNK):
        source.open(each.message)
        yield {
            "message_id": each.message_id,
            "conversation_id": each.message.conversation_id,
            "at": each.updated_at,
            "rating": _rating(each),
            "reasons": reason_names(each),
            "comment": each.comment,
        }


def _rating(feedback: Feedback) -> str:
    return "helpful" if feedback.score > 0 else "not helpful"


def _minded_feedback_rows(source: Source) -> Iterator[Row]:
    """Yield the feedback that the member looks after, with words only where they may read them."""
    found = (
        _minded_feedback(source)
        .select_related("author", "message")
        .order_by("created_at", "pk")
        .iterator(chunk_size=CHUNK)
    )
    while chunk := list(islice(found, CHUNK)):
        open_from = access.first_visible_of(source.member, {each.message.conversation_id for each in chunk})
        for each in chunk:
            reads = each.message.sequence >= open_from[each.message.conversation_id]
            if reads:
                source.open(each.message)
            yield _minded(each, reads=reads)


def _minded(feedback: Feedback, *, reads: bool) -> Row:
    return {
        "id": feedback.pk,
        "conversation_id": feedback.message.conversation_id,
        "by": feedback.author.name,
        "at": feedback.updated_at,
        "rating": _rating(feedback),
        "reasons": reason_names(feedback),
        "state": feedback.state,
        "note": feedback.note,
        "words": "open" if reads else "withheld",
        "answer": feedback.message.content if reads else "",
        "comment": feedback.comment if reads else "",
    }


@dataclass(frozen=True, slots=True)
class _Counted:
    """What is counted by the day: rows of one kind, each belonging to a person."""

    found: QuerySet[Any]
    moment: str
    person: str
    columns: Mapping[str, Q]

    def by_day(self, source: Source) -> Iterator[tuple[date, Mapping[str, Count]]]:
        """Yield each day with its counts, and on how many people each stands."""
        counts = {name: models.Count("pk", filter=which) for name, which in self.columns.items()}
        people = {
            f"{name}_people": models.Count(self.person, filter=which, distinct=True)
            for name, which in self.columns.items()
        }
        days = source.within(self.found, self.moment).annotate(day=TruncDate(self.moment)).values("day")
        for row in days.annotate(**counts, **people).order_by("day"):
            day = row["day"]
            yield day, {name: Count(str(day), row[f"{name}_people"], row[name]) for name in self.columns}


def _daily(source: Source) -> Mapping[date, Mapping[str, Count]]:
    """Return what happened in the member's organization on each day."""
    organization = organization_of(source.member)
    begun = Conversation.objects.filter(organization=organization)
    called = Handoff.objects.filter(organization=organization)
    said = Message.objects.filter(conversation__organization=organization)
    rated = Feedback.objects.filter(message__conversation__organization=organization)
    days: dict[date, dict[str, Count]] = defaultdict(dict)
    for counted in (
        _Counted(begun, "created_at", "owner", {"conversations": Q()}),
        _Counted(
            said,
            "created_at",
            "conversation__owner",
            {
                "questions": Q(sender_type=Message.Sender.CLIENT),
                "answers": Q(sender_type=Message.Sender.AI),
                "coach_messages": Q(sender_type=Message.Sender.HUMAN_COACH),
            },
        ),
        _Counted(rated, "created_at", "author", {"helpful": Q(score=1), "not_helpful": Q(score=-1)}),
        _Counted(called, "requested_at", "conversation__owner", {"handoffs": Q()}),
    ):
        for day, counts in counted.by_day(source):
            days[day] |= counts
    for counts in days.values():
        active = counts["questions"].people if "questions" in counts else 0
        counts["people"] = Count("", active, active)
    return days


COUNTS = (
    "conversations",
    "people",
    "questions",
    "answers",
    "coach_messages",
    "helpful",
    "not_helpful",
    "handoffs",
)


def _daily_rows(source: Source) -> Iterator[Row]:
    """Yield the days; what stands on too few people is left out as on the page of the analytics."""
    days = _daily(source)
    ordered = sorted(days)
    nothing = Count("", 0, 0)
    columns = {name: masked([days[day].get(name, nothing) for day in ordered]) for name in COUNTS}
    for place, day in enumerate(ordered):
        active = columns["people"][place].value
        shown = active is not None and active >= FEWEST
        counts = {name: columns[name][place].value if shown else None for name in COUNTS}
        yield {"day": day.isoformat(), "shown": shown, **counts}


PARTS: Mapping[str, Sequence[Part]] = {
    Export.Kind.OWN: (
        Part(
            "conversations",
            ("id", "title", "status", "visibility", "channel", "created_at", "updated_at", "messages"),
            lambda source: _own_conversations(source).count(),
            _conversation_rows,
        ),
        Part(
            "messages",
            ("id", "conversation_id", "number", "at", "by", "name", "text", "sources", "domains"),
            lambda source: _own_messages(source).count(),
            _message_rows,
        ),
        Part(
            "feedback",
            ("message_id", "conversation_id", "at", "rating", "reasons", "comment"),
            lambda source: _own_feedback(source).count(),
            _own_feedback_rows,
        ),
    ),
    Export.Kind.FEEDBACK: (
        Part(
            "feedback",
            (
                *("id", "conversation_id", "by", "at", "rating", "reasons"),
                *("state", "note", "words", "answer", "comment"),
            ),
            lambda source: _minded_feedback(source).count(),
            _minded_feedback_rows,
        ),
    ),
    Export.Kind.DAILY_COUNTS: (
        Part("days", ("day", "shown", *COUNTS), lambda source: len(_daily(source)), _daily_rows),
    ),
}


def total(source: Source) -> int:
    """Return how many rows the export would have now."""
    return sum(part.count(source) for part in PARTS[source.export.kind])


def still_open(member: User, opened: Mapping[str, int]) -> bool:
    """Whether the member may read now all words that were put into an export."""
    open_from = access.first_visible_of(member, {UUID(conversation) for conversation in opened})
    return all(open_from[UUID(conversation)] <= first for conversation, first in opened.items())
