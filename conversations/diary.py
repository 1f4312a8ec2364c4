"""The owner's access diary: who looked at which of their conversations, when and why, from the audit record.

Every act of somebody else on a conversation is listed, also one that this page has no words for. Of the
owner's own acts those are listed by which words left the house.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from django.db.models import Q

from accounts import audit
from accounts.models import AuditEvent, User
from accounts.record_models import REFUSED
from conversations import access
from conversations.models import Conversation, Handoff
from conversations.outward import ShareLink

PAGE_SIZE = 50

WORDS = {
    ("conversation.read", ""): "read it",
    ("conversation.read", "live"): "read along as it was written",
    ("conversation.read", "draft"): "had the AI draft a reply from it",
    ("conversation.taken_over", ""): "took it over from the AI",
    ("conversation.handed_back", ""): "handed it back to the AI",
    ("feedback.read", ""): "read an answer you rated, and your comment",
    ("feedback.exported", ""): "took your rating, your comment and the answer you rated along in a file",
    (REFUSED, ""): "asked for it and was not let in",
    ("share.viewed", ""): "opened it by a link",
    ("share.made", ""): "made a link to it",
    ("share.revoked", ""): "revoked a link to it",
    ("conversation.exported", ""): "downloaded it",
    ("export.downloaded", ""): "downloaded a file of your data",
}
"""What an act is called, by its name and by the manner of it that the record keeps as the reason."""

OWN_ACTS = ("share.made", "share.revoked", "conversation.exported", "export.downloaded")
"""What the diary tells of its owner's own acts."""

READING = frozenset(
    {
        "conversation.read",
        "conversation.taken_over",
        "conversation.handed_back",
        "feedback.read",
        "feedback.exported",
    }
)
"""The acts that a coach may do because of an episode or because the owner shares the conversation."""

HOLDER = "Somebody with the link"
OUTSIDER = "Somebody outside your organization"

A_MOMENT = timedelta(seconds=2)
"""How much later than the end of an episode its last act may be on record."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that somebody did with a conversation, perhaps several times in a row."""

    at: datetime
    """The last time."""
    since: datetime
    """The first time."""
    times: int
    who: str
    what: str
    why: str
    title: str
    conversation_id: UUID | None
    """None where nothing can be opened: the conversation is deleted, or it was about all of them."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the diary, newest first."""

    entries: Sequence[Entry]
    next_before: int | None
    """Continue with what was recorded before this; None on the last page."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What the events of a page refer to."""

    owner: User
    conversations: Mapping[str, Conversation]
    people: Mapping[UUID, str]
    links: Mapping[str, ShareLink]
    episodes: Sequence[Handoff]


def page(member: User, *, conversation: Conversation | None = None, before: int | None = None) -> Page:
    """Return a page of the member's diary, of one of their conversations alone if one is given."""
    owned = access.ever_own_conversations(member)
    if conversation is not None:
        owned = owned.filter(pk=conversation.pk)
    listed = {f"conversation:{each.pk}": each for each in owned.only("title", "deleted_at", "owner_id")}
    resources = [*listed, *([] if conversation else [audit.person(member)])]
    found = AuditEvent.objects.filter(resource__in=resources).filter(
        Q(action__in=OWN_ACTS, actor_id=member.pk)
        | ~Q(actor_id=member.pk) & Q(resource__startswith="conversation:")
    )
    if before is not None:
        found = found.filter(sequence__lt=before)
    events = list(found.order_by("-sequence")[: PAGE_SIZE + 1])
    shown = events[:PAGE_SIZE]
    known = _look_up(member, listed, shown)
    entries = [_entry(list(run), known) for _, run in groupby(shown, key=_alike)]
    return Page(entries, shown[-1].sequence if len(events) > PAGE_SIZE else None)


def _alike(event: AuditEvent) -> tuple[object, ...]:
    return event.actor_id, event.action, event.resource, event.reason


def _look_up(member: User, listed: Mapping[str, Conversation], events: Sequence[AuditEvent]) -> _Known:
    people = User.objects.filter(pk__in={event.actor_id for event in events})
    links = {event.reason.removeprefix("link:") for event in events if event.reason.startswith("link:")}
    concerned = {listed[event.resource].pk for event in events if event.resource in listed}
    return _Known(
        owner=member,
        conversations=listed,
        people=dict(people.values_list("pk", "name")),
        links={str(link.pk): link for link in ShareLink.objects.filter(pk__in=links)},
        episodes=list(Handoff.objects.filter(conversation__in=concerned).order_by("-requested_at")),
    )


def _entry(run: Sequence[AuditEvent], known: _Known) -> Entry:
    event = run[0]
    conversation = known.conversations.get(event.resource)
    return Entry(
        at=event.at,
        since=run[-1].at,
        times=len(run),
        who=_who(event, known),
        what=_what(event),
        why=_why(event, conversation, known),
        title=_title(conversation),
        conversation_id=conversation.pk if conversation and conversation.deleted_at is None else None,
    )


def _who(event: AuditEvent, known: _Known) -> str:
    if event.actor_id == known.owner.pk:
        return "You"
    if event.actor_id is None:
        return HOLDER if event.action == "share.viewed" else "Sideline"
    if is_outsiders(event, known.owner):
        return OUTSIDER
    return known.people.get(event.actor_id, "Somebody who has left")


def is_outsiders(event: AuditEvent, owner: User) -> bool:
    """Whether somebody of another organization did it, whose name is not told to the owner."""
    return event.actor_id is not None and event.organization_id != owner.organization_id


def _what(event: AuditEvent) -> str:
    words = WORDS.get((event.action, event.reason)) or WORDS.get((event.action, ""))
    return words or f"did what is recorded as “{event.action}”"


def _why(event: AuditEvent, conversation: Conversation | None, known: _Known) -> str:
    """Return in words why somebody could do this: by a link, within an episode, or because it was shared."""
    link = known.links.get(event.reason.removeprefix("link:"))
    if link is not None:
        return f"The link was made on {link.created_at:%-d %B %Y, %H:%M %Z}."
    if event.action not in READING or event.actor_id == known.owner.pk or conversation is None:
        return ""
    episode = next((each for each in known.episodes if _covers(each, conversation, event.at)), None)
    if episode is not None:
        return f"A coach was with it or had been called: {episode.get_reason_display().lower()}."
    return "You shared it with your coach then."


def _covers(episode: Handoff, conversation: Conversation, at: datetime) -> bool:
    """Whether the episode was open at that time."""
    if episode.conversation_id != conversation.pk or at < episode.requested_at:
        return False
    return episode.returned_at is None or at <= episode.returned_at + A_MOMENT


def _title(conversation: Conversation | None) -> str:
    if conversation is None:
        return "All your conversations"
    if conversation.deleted_at is not None:
        return "A conversation that you deleted"
    return conversation.title or "New conversation"
