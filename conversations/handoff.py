"""Give a conversation to a person and back: ai → queued → coach → ai.

Every change happens under the lock of the conversation's row and raises its epoch. What a coach says is
a takeover in the same transaction; the turn that was running ends where it was, in every process, because
its reply is no longer `streaming` and every later write of it is conditional on that.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from rapidfuzz.distance import Levenshtein

from accounts import audit
from accounts.access import NotVisible
from accounts.models import User
from coaching.policies import escalation
from conversations import absence, access, following
from conversations.episodes import (
    add_message,
    attribution,
    bring_back,
    end,
    lock,
    move,
    open_episode,
    request_within,
    stop_turns,
)
from conversations.models import Conversation, Handoff, Message

OwnerState = Conversation.OwnerState

RUN = 4
"""So many words in a row of a draft make a message one that was drafted."""
HARDLY_EDITED_TO = 0.5
"""And so small an edit distance does, as a share of the longer text, whatever was changed."""


class AlreadyTaken(Exception):
    """Another coach has the conversation; nothing was changed."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"{holder} already has this conversation.")
        self.holder = holder


class NotHeld(Exception):
    """The conversation is not in the state that the step needs; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A coach's committed message."""

    message: Message
    repeated: bool = False
    changed_from: int | None = None
    """The first sequence number that the takeover changed; None where there was none."""


@transaction.atomic(durable=True)
def ask_for_coach(*, member: User, conversation_id: UUID, now: datetime) -> bool:
    """Ask for a person on the client's own wish, with consent to read a private conversation.

    Returns whether anything changed; a second click changes nothing.

    Raises:
        NotVisible: the conversation is not the member's.
    """
    conversation = lock(access.own_conversation(member, conversation_id).pk)
    finding = escalation.Finding(escalation.CLIENT_REQUEST, "pressed the button", "")
    return request_within(conversation, findings=[finding], trigger=None, now=now, consented=True)


@transaction.atomic(durable=True)
def cancel_request(*, member: User, conversation_id: UUID, now: datetime) -> bool:
    """Take back the client's request while nobody has answered it; a crisis stays open.

    Returns whether anything changed.

    Raises:
        NotVisible: the conversation is not the member's.
    """
    conversation = lock(access.own_conversation(member, conversation_id).pk)
    episode = open_episode(conversation)
    if episode is None or episode.state != Handoff.State.QUEUED or episode.reason == escalation.CRISIS:
        return False
    end(conversation, episode, state=Handoff.State.CANCELLED, now=now)
    add_message(
        conversation,
        sender_type=Message.Sender.SYSTEM,
        text="You no longer wait for a coach. You can ask again at any time.",
        now=now,
        metadata={"kind": "request_cancelled"},
    )
    return True


@transaction.atomic(durable=True)
def consent(*, member: User, conversation_id: UUID, now: datetime) -> bool:
    """Let the coach of the open episode read this private conversation; return whether that is news.

    Raises:
        NotVisible: the conversation is not the member's.
    """
    conversation = lock(access.own_conversation(member, conversation_id).pk)
    episode = open_episode(conversation)
    if episode is None or episode.consented:
        return False
    episode.consented = True
    episode.save(update_fields=["consented"])
    add_message(
        conversation,
        sender_type=Message.Sender.SYSTEM,
        text="You have let your coach read this conversation while they help.",
        now=now,
        metadata={"kind": "consent"},
    )
    return True


@transaction.atomic(durable=True)
def take_over(*, coach: User, conversation_id: UUID, now: datetime) -> int | None:
    """Give the conversation to `coach` and stop the AI.

    Returns the first sequence number that changed; None when the coach has it already.

    Raises:
        NotVisible: the coach may not open the conversation.
        AlreadyTaken: another coach has it.
    """
    conversation = _lock_for_coach(coach, conversation_id)
    return _take(conversation, coach, now=now)


@transaction.atomic(durable=True)
def say_as_coach(
    *,
    coach: User,
    conversation_id: UUID,
    client_id: UUID,
    text: str,
    now: datetime,
    draft: str = "",
) -> Spoken:
    """Commit a coach's message, which takes the conversation over in the same transaction.

    `draft` is the AI's proposal that the coach started from, if any; how far it was edited is kept.

    Raises:
        NotVisible: the coach may not open the conversation, or the key belongs to somebody else's message.
        AlreadyTaken: another coach has it.
    """
    conversation = _lock_for_coach(coach, conversation_id)
    before = Message.objects.filter(conversation=conversation, client_id=client_id).first()
    if before is not None and before.sender_id != coach.pk:
        # Before anybody compares texts: whether a guess is right would tell what the other has said.
        raise NotVisible
    if before is not None:
        return Spoken(before, repeated=True)
    changed_from = _take(conversation, coach, now=now)
    absence.note_act(coach=coach, conversation_id=conversation_id, now=now)
    episode = open_episode(conversation)
    metadata: dict[str, object] = {"drafted_by_ai": False}
    if draft:
        distance = Levenshtein.distance(draft, text)
        is_left = distance <= HARDLY_EDITED_TO * max(len(draft), len(text)) or bool(
            _runs(draft) & _runs(text)
        )
        metadata |= {"drafted_by_ai": is_left, "edit_distance": distance}
    if episode is not None:
        metadata |= attribution(conversation, episode, now=now)
    message = add_message(
        conversation,
        sender_type=Message.Sender.HUMAN_COACH,
        text=text,
        now=now,
        metadata=metadata,
        sender=coach,
        client_id=client_id,
    )
    return Spoken(message, changed_from=changed_from)


@transaction.atomic(durable=True)
def hand_back(*, coach: User, conversation_id: UUID, now: datetime) -> Message:
    """Give the conversation back to the AI.

    Raises:
        NotVisible: the coach may not open the conversation.
        NotHeld: the coach does not have it.
    """
    conversation = _lock_for_coach(coach, conversation_id)
    if conversation.owner_state != OwnerState.COACH or conversation.holder_id != coach.pk:
        raise NotHeld
    episode = open_episode(conversation)
    minutes = 0.0
    if episode is None:
        move(conversation, OwnerState.AI, holder=None, now=now)
    else:
        minutes = round((now - (episode.taken_at or now)).total_seconds() / 60, 1)
        end(conversation, episode, state=Handoff.State.RETURNED, now=now)
    message = add_message(
        conversation,
        sender_type=Message.Sender.SYSTEM,
        text=f"{coach.name} has handed the conversation back to the AI.",
        now=now,
        metadata={"kind": "handback", "is_handback": True, "human_duration_minutes": minutes},
    )
    following.settle(conversation, now=now)
    _audit(coach, "conversation.handed_back", conversation)
    return message


def _lock_for_coach(coach: User, conversation_id: UUID) -> Conversation:
    """Lock a conversation that the coach may open, and ask the gate again: it may have closed before the lock."""
    locked = access.coached_conversation(coach, conversation_id, lock=True)
    access.coached_conversation(coach, conversation_id)
    return locked


def _take(conversation: Conversation, coach: User, *, now: datetime) -> int | None:
    """Make `coach` the holder of the locked conversation; return the first sequence number changed."""
    if conversation.owner_state == OwnerState.COACH:
        if conversation.holder_id == coach.pk:
            return None
        raise AlreadyTaken(conversation.holder.name if conversation.holder else "Another coach")
    stopped_from = stop_turns(conversation, now=now)
    move(conversation, OwnerState.COACH, holder=coach, now=now)
    if conversation.status != Conversation.Status.ACTIVE:
        bring_back(conversation)
    episode = open_episode(conversation) or Handoff(
        conversation=conversation,
        organization_id=conversation.organization_id,
        reason=Handoff.Reason.COACH_INITIATIVE,
        requested_at=now,
    )
    episode.state = Handoff.State.TAKEN
    episode.coach = coach
    episode.taken_at = episode.acted_at = now
    joined = add_message(
        conversation,
        sender_type=Message.Sender.SYSTEM,
        text=f"{coach.name} has joined. The AI stays silent until {coach.name} hands back.",
        now=now,
        metadata={"kind": "takeover", **attribution(conversation, episode, now=now)},
    )
    episode.joined_sequence = joined.sequence
    episode.save()
    _audit(coach, "conversation.taken_over", conversation, reason=episode.reason)
    return stopped_from or joined.sequence


def _audit(actor: User, action: str, conversation: Conversation, reason: str = "") -> None:
    audit.record(actor=actor, action=action, resource=f"conversation:{conversation.pk}", reason=reason)


def _runs(text: str) -> set[tuple[str, ...]]:
    """Return every run of `RUN` words."""
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[start : start + RUN]) for start in range(len(words) - RUN + 1)}
