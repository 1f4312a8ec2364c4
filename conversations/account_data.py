"""What is said, as a person's own data: handed out whole, and erased with everything made of it.

What a coach said in somebody else's conversation belongs to that conversation and stays, signed by nobody.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models import Model, Q

from accounts import saved_replies
from accounts.lifecycle import Part, Records, StillNeeded, Text
from accounts.models import AuditEvent, User
from conversations import analytics_views, diary, episodes, escalating, exports_work, presence
from conversations.exports_markdown import written
from conversations.models import (
    Attendance,
    Conversation,
    Feedback,
    Handoff,
    Interaction,
    Message,
    MonthlyFeedback,
    Session,
)
from conversations.outward import Export, ShareLink

OPEN_CRISIS = "open_crisis"
FORMER = "A former coach"
"""What a coach who was erased is called where their name stood."""

CONVERSATION = (
    *("id", "title", "status", "channel", "visibility", "created_at", "updated_at", "changed_at"),
    *("archived_at", "deleted_at"),
)
MESSAGE = (
    *("id", "conversation_id", "sequence", "sender_type", "state", "content", "citations", "domains"),
    "created_at",
)
EPISODE = ("id", "conversation_id", "reason", "state", "requested_at", "taken_at", "returned_at", "consented")
FEEDBACK = ("message_id", "score", "reasons", "comment", "created_at", "updated_at")
LINK = (
    *("conversation_id", "first_sequence", "last_sequence", "with_names", "created_at", "expires_at"),
    *("revoked_at", "views", "last_viewed_at"),
)
EXPORT = ("kind", "format", "state", "created_at", "finished_at")


class ConversationsData:
    """Conversations with all that belongs to them, feedback, and a coach's part in those of others."""

    covers: ClassVar[frozenset[type[Model]]] = frozenset(
        {
            *(Conversation, Session, Message, Interaction, Handoff, Feedback),
            *(Attendance, ShareLink, Export),
        }
    )
    exempt: ClassVar[Mapping[type[Model], str]] = {MonthlyFeedback: "totals of an organization, of no person"}

    def waits_for(self, person: User) -> str:
        """Return that somebody was called for the person in a crisis and has not been there yet."""
        crisis = Handoff.objects.filter(
            conversation__owner=person,
            reason=Handoff.Reason.CRISIS,
            state__in=[Handoff.State.QUEUED, Handoff.State.TAKEN],
        )
        return OPEN_CRISIS if crisis.exists() else ""

    def export(self, person: User) -> Sequence[Part]:
        """Return everything said in the person's conversations, and what they said as a coach in others'."""
        own = Conversation.objects.filter(owner=person).order_by("created_at")
        messages = Message.objects.filter(conversation__owner=person).order_by(
            "conversation__created_at", "sequence"
        )
        spoken = Message.objects.filter(sender=person, sender_type=Message.Sender.HUMAN_COACH).order_by(
            "created_at"
        )
        links = ShareLink.objects.filter(conversation__owner=person).order_by("created_at")
        exports = Export.objects.filter(requested_by=person).order_by("created_at")
        open_in = Attendance.objects.filter(coach=person).values("conversation_id", "seen_at")
        episodes_of = Handoff.objects.filter(conversation__owner=person).order_by("requested_at")
        return (
            Records("conversations.jsonl", lambda: own.values(*CONVERSATION).iterator()),
            Records("messages.jsonl", lambda: messages.values(*MESSAGE).iterator()),
            Records("coach_episodes.jsonl", lambda: episodes_of.values(*EPISODE).iterator()),
            Records("feedback.jsonl", lambda: Feedback.objects.filter(author=person).values(*FEEDBACK)),
            Records("said_as_a_coach.jsonl", lambda: spoken.values(*MESSAGE).iterator()),
            Records("share_links.jsonl", lambda: links.values(*LINK).iterator()),
            Records("exports.jsonl", lambda: exports.values(*EXPORT).iterator()),
            Records("open_as_a_coach.jsonl", open_in.iterator),
            Records("who_read.jsonl", lambda: _who_read(person)),
            *(
                Text(f"conversations/{begun:%Y-%m-%d}-{key.hex[-8:]}.md", partial(written, key))
                for key, begun in own.values_list("pk", "created_at")
            ),
        )

    def erase(self, person: User, *, now: datetime) -> dict[str, int]:
        """Delete the person's conversations, and take their name out of those of others.

        Raises:
            StillNeeded: a crisis has begun in one of them.
        """
        coached = _coached_by(person)
        gone = sum(
            _delete(conversation_id, now)
            for conversation_id in Conversation.objects.filter(owner=person).values_list("pk", flat=True)
        )
        while escalating.escalate(now=now):
            pass
        feedback, _ = Feedback.objects.filter(author=person).delete()
        Attendance.objects.filter(coach=person).delete()
        unsigned = _unsign(person, coached)
        exports = _discard_exports(person, now)
        analytics_views.forget()
        async_to_sync(presence.forget)(person.pk)
        return {
            "conversations": gone,
            "feedback": feedback,
            "exports": exports,
            "messages unsigned": unsigned,
        }


def _discard_exports(person: User, now: datetime) -> int:
    """Delete the person's exports, and those of the organization's feedback, which name who gave it.

    Asked after the words are gone: what is begun from now on finds none of them.
    """
    own = Export.objects.filter(requested_by=person)
    naming = Export.objects.filter(
        organization=person.organization,
        kind=Export.Kind.FEEDBACK,
        state__in=[Export.State.RUNNING, Export.State.READY],
    )
    found = list((own | naming).values_list("pk", flat=True))
    for export_id in found:
        exports_work.discard(export_id=export_id, now=now)
    return len(found)


def _who_read(person: User) -> Iterator[dict[str, Any]]:
    """Yield who opened the person's conversations, from the record."""
    keys = Conversation.objects.filter(owner=person).values_list("pk", flat=True)
    resources = [f"conversation:{key}" for key in keys]
    events = AuditEvent.objects.filter(resource__in=resources).exclude(actor_id=person.pk)
    names = dict(User.objects.filter(pk__in=events.values("actor_id")).values_list("pk", "name"))
    for event in events.order_by("sequence").iterator():
        name = names.get(event.actor_id, "") if event.actor_id else ""
        yield {
            "at": event.at,
            "who": diary.OUTSIDER if diary.is_outsiders(event, person) else name,
            "action": event.action,
            "conversation": event.resource.partition(":")[2],
        }


@transaction.atomic
def _delete(conversation_id: UUID, now: datetime) -> int:
    """Delete one conversation under its lock, its turns stopped first.

    Raises:
        StillNeeded: somebody was called to it in a crisis.
    """
    conversation = Conversation.objects.select_for_update().filter(pk=conversation_id).first()
    if conversation is None:
        return 0
    episode = episodes.open_episode(conversation)
    if episode is not None and episode.reason == Handoff.Reason.CRISIS:
        raise StillNeeded(OPEN_CRISIS)
    delete_locked(conversation, now=now)
    return 1


def delete_locked(conversation: Conversation, *, now: datetime) -> None:
    """Delete a locked conversation, its turns stopped first, and what the API would tell of it once more."""
    conversation_id = conversation.pk
    episodes.stop_turns(conversation, now=now)
    conversation.delete()
    saved_replies.forget_about(ids=[conversation_id])


_NOTICE = "(has joined|has handed|could not be reached|can no longer|is your coach now)"
"""How a sentence of Sideline's goes on that begins with a coach's name."""


def _coached_by(person: User) -> set[UUID]:
    """Return the conversations in which the person was there as a coach, as far as they still say so."""
    return {
        *Handoff.objects.filter(coach=person).values_list("conversation_id", flat=True),
        *Message.objects.filter(sender=person, sender_type=Message.Sender.HUMAN_COACH).values_list(
            "conversation_id", flat=True
        ),
    }


def _unsign(person: User, coached: Collection[UUID]) -> int:
    """Take a coach's name out of Sideline's own notices; what people and the AI said stays as it is.

    A conversation that its coach had to leave does not know them any more: there the notices tell, unless
    somebody else in the organization has the same name.
    """
    renamed = 0
    if person.name:
        whole = re.compile(rf"(?<!\w){re.escape(person.name)}(?!\w)")
        for notice in _naming(person, coached):
            content = whole.sub(FORMER, notice.content)
            if content != notice.content:
                renamed += Message.objects.filter(pk=notice.pk).update(content=content)
    signed = Message.objects.filter(sender=person).update(sender=None)
    return renamed + signed


def _naming(person: User, coached: Collection[UUID]) -> list[Message]:
    """Return the notices that may name the coach."""
    where = Q(conversation__in=coached, content__contains=person.name)
    if not User.objects.filter(organization=person.organization, name=person.name).exclude(pk=person.pk):
        where |= Q(content__regex=rf"(^|[.] ){re.escape(person.name)} {_NOTICE}")
    notices = Message.objects.filter(
        conversation__organization=person.organization, sender_type=Message.Sender.SYSTEM
    )
    return list(notices.filter(where).only("content"))
