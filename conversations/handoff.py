"""Give a conversation to a person and back: ai → queued → coach → ai.

Every change happens under the lock of the conversation's row and raises its epoch. What a coach says is
a takeover in the same transaction; the turn that was running ends where it was, in every process, because
its reply is no longer `streaming` and every later write of it is conditional on that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Min
from rapidfuzz.distance import Levenshtein

from accounts import audit
from accounts.access import NotVisible
from accounts.models import Organization, User
from coaching.policies import escalation
from conversations import access
from conversations.models import Conversation, Handoff, Interaction, Message

OwnerState = Conversation.OwnerState


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


def lock(conversation_id: UUID) -> Conversation:
    """Lock a conversation for this transaction; the caller has passed the gate."""
    return Conversation.objects.select_for_update(of=("self",)).get(pk=conversation_id)


def open_episode(conversation: Conversation) -> Handoff | None:
    """Return the episode that waits for a coach or is with one."""
    return Handoff.objects.filter(
        conversation=conversation, state__in=[Handoff.State.QUEUED, Handoff.State.TAKEN]
    ).first()


def ai_is_silent(conversation: Conversation) -> bool:
    """Whether a coach has the conversation, or it waits for one in a matter that the AI leaves alone."""
    if conversation.owner_state != OwnerState.QUEUED:
        return conversation.owner_state == OwnerState.COACH
    episode = open_episode(conversation)
    return episode is not None and episode.reason in escalation.AI_MUST_WAIT


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


def request_within(
    conversation: Conversation,
    *,
    findings: Sequence[escalation.Finding],
    trigger: Message | None,
    now: datetime,
    confidence: float | None = None,
    consented: bool = False,
) -> bool:
    """Queue the locked conversation for a coach, or raise the urgency of the episode that waits.

    Returns whether anything changed. Runs inside the caller's transaction.
    """
    most_urgent = max(findings, key=lambda finding: finding.urgency)
    trace = [finding.as_trace() for finding in findings]
    episode = open_episode(conversation)
    if episode is not None:
        return _raise_urgency(conversation, episode, most_urgent, trace=trace, now=now, consented=consented)
    Handoff.objects.create(
        conversation=conversation,
        organization_id=conversation.organization_id,
        trigger=trigger,
        reason=most_urgent.reason,
        confidence=confidence,
        rule_trace=trace,
        consented=consented,
        requested_at=now,
    )
    move(conversation, OwnerState.QUEUED, holder=None, now=now)
    if most_urgent.reason in escalation.AI_MUST_WAIT:
        stop_turns(conversation, now=now)
    _announce_request(conversation, most_urgent.reason, now=now)
    return True


def _raise_urgency(
    conversation: Conversation,
    episode: Handoff,
    finding: escalation.Finding,
    *,
    trace: list[dict[str, str]],
    now: datetime,
    consented: bool,
) -> bool:
    more_urgent = finding.urgency > escalation.URGENCY[episode.reason]
    more_consent = consented and not episode.consented
    if not (more_urgent or more_consent):
        return False
    episode.rule_trace = [*episode.rule_trace, *trace]
    episode.consented = episode.consented or consented
    if more_urgent:
        episode.reason = finding.reason
        waits = episode.state == Handoff.State.QUEUED
        if waits and finding.reason in escalation.AI_MUST_WAIT:
            stop_turns(conversation, now=now)
        if waits or finding.reason == escalation.CRISIS:
            _announce_request(conversation, finding.reason, now=now)
    episode.save(update_fields=["rule_trace", "consented", "reason"])
    return True


def _announce_request(conversation: Conversation, reason: str, *, now: datetime) -> None:
    """Say that a coach has been asked: written by the server, visible only once it is committed."""
    organization = Organization.objects.get(pk=conversation.organization_id)
    metadata: dict[str, object] = {"kind": "coach_requested", "handoff_reason": reason}
    if reason == escalation.CRISIS:
        lines = ": these lines answer at once" if organization.help_lines else ""
        text = (
            "Thank you for telling me. You matter, and you do not have to carry this alone. "
            f"A person should be with you now{lines}. Your coach has been told that you may need them."
        )
        metadata |= {"kind": "crisis", "help_lines": organization.help_lines}
    elif reason == escalation.HIGH_STAKES:
        text = (
            "This deserves a person before it is decided, so your coach has been asked to join. "
            f"They promise to answer within {organization.response_minutes} minutes. I will wait with you until then."
        )
    else:
        text = (
            "Your coach has been asked to join. "
            f"They promise to answer within {organization.response_minutes} minutes. You can go on writing here meanwhile."
        )
    add_message(conversation, sender_type=Message.Sender.SYSTEM, text=text, now=now, metadata=metadata)


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
    episode.state = Handoff.State.CANCELLED
    episode.returned_at = now
    episode.save(update_fields=["state", "returned_at"])
    move(conversation, OwnerState.AI, holder=None, now=now)
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
        NotVisible: the coach may not open the conversation.
        AlreadyTaken: another coach has it.
    """
    conversation = _lock_for_coach(coach, conversation_id)
    before = Message.objects.filter(conversation=conversation, client_id=client_id).first()
    if before is not None:
        return Spoken(before, repeated=True)
    changed_from = _take(conversation, coach, now=now)
    episode = open_episode(conversation)
    metadata: dict[str, object] = {"drafted_by_ai": bool(draft)}
    if draft:
        metadata["edit_distance"] = Levenshtein.distance(draft, text)
    if changed_from is not None and episode is not None:
        metadata |= {
            "is_handoff": True,
            "handoff_reason": episode.reason,
            "ai_confidence_before": episode.confidence,
        }
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
    if episode is not None:
        episode.state = Handoff.State.RETURNED
        episode.returned_at = now
        episode.save(update_fields=["state", "returned_at"])
        minutes = round((now - (episode.taken_at or now)).total_seconds() / 60, 1)
    move(conversation, OwnerState.AI, holder=None, now=now)
    _audit(coach, "conversation.handed_back", conversation)
    return add_message(
        conversation,
        sender_type=Message.Sender.SYSTEM,
        text=f"{coach.name} has handed the conversation back to the AI.",
        now=now,
        metadata={"kind": "handback", "is_handback": True, "human_duration_minutes": minutes},
    )


def _lock_for_coach(coach: User, conversation_id: UUID) -> Conversation:
    if access.readable_conversation(coach, conversation_id).is_client:
        raise NotVisible
    return lock(conversation_id)


def _take(conversation: Conversation, coach: User, *, now: datetime) -> int | None:
    """Make `coach` the holder of the locked conversation; return the first sequence number changed."""
    if conversation.owner_state == OwnerState.COACH:
        if conversation.holder_id == coach.pk:
            return None
        raise AlreadyTaken(conversation.holder.name if conversation.holder else "Another coach")
    stopped_from = stop_turns(conversation, now=now)
    move(conversation, OwnerState.COACH, holder=coach, now=now)
    joined = add_message(
        conversation,
        sender_type=Message.Sender.SYSTEM,
        text=f"{coach.name} has joined. The AI stays silent until {coach.name} hands back.",
        now=now,
        metadata={"kind": "takeover"},
    )
    episode = open_episode(conversation) or Handoff(
        conversation=conversation,
        organization_id=conversation.organization_id,
        reason=Handoff.Reason.COACH_INITIATIVE,
        requested_at=now,
    )
    episode.state = Handoff.State.TAKEN
    episode.coach = coach
    episode.taken_at = now
    episode.joined_sequence = joined.sequence
    episode.save()
    _audit(coach, "conversation.taken_over", conversation, reason=episode.reason)
    return stopped_from or joined.sequence


def move(conversation: Conversation, to: str, *, holder: User | None, now: datetime) -> None:
    """Change who has the locked conversation, and raise its epoch."""
    conversation.owner_state = to
    conversation.holder = holder
    conversation.epoch += 1
    conversation.updated_at = now
    conversation.save(update_fields=["owner_state", "holder", "epoch", "updated_at"])


def stop_turns(conversation: Conversation, *, now: datetime) -> int | None:
    """End every unfinished turn of the locked conversation where it is; what was written so far stays.

    Returns the lowest sequence number of a reply that was ended.
    """
    unfinished = Interaction.objects.filter(
        conversation=conversation, state__in=[Interaction.State.WAITING, Interaction.State.RUNNING]
    )
    # The turns first, then their replies: the order in which a running turn writes.
    reply_ids = list(unfinished.select_for_update().values_list("reply_id", flat=True))
    if not reply_ids:
        return None
    unfinished.update(state=Interaction.State.STOPPED, finished_at=now, lease_until=None)
    replies = Message.objects.filter(pk__in=reply_ids, state=Message.State.STREAMING)
    first: int | None = replies.aggregate(first=Min("sequence"))["first"]
    replies.update(state=Message.State.STOPPED, completed_at=now)
    return first


def add_message(
    conversation: Conversation,
    *,
    sender_type: str,
    text: str,
    now: datetime,
    metadata: dict[str, object] | None = None,
    sender: User | None = None,
    client_id: UUID | None = None,
) -> Message:
    """Add a complete message to the locked conversation."""
    conversation.last_sequence += 1
    message = Message.objects.create(
        conversation=conversation,
        sequence=conversation.last_sequence,
        sender_type=sender_type,
        sender=sender,
        content=text,
        metadata=metadata or {},
        client_id=client_id,
        created_at=now,
        completed_at=now,
    )
    Conversation.objects.filter(pk=conversation.pk).update(
        last_sequence=conversation.last_sequence, updated_at=now
    )
    return message


def _audit(actor: User, action: str, conversation: Conversation, reason: str = "") -> None:
    audit.record(actor=actor, action=action, resource=f"conversation:{conversation.pk}", reason=reason)
