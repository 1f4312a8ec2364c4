"""Episodes and who holds a conversation: the steps that every change of hands is made of.

They run inside a caller's transaction, under the lock of the conversation's row.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Min

from accounts.models import Organization, User
from coaching.policies import escalation
from conversations.models import Conversation, Handoff, Interaction, Message

OwnerState = Conversation.OwnerState

IN_DESPAIR = "You matter, and you do not have to carry this alone."
IN_DANGER = (
    "Somebody may be in danger: if it is happening now, call the emergency services first. If a child may be harmed, "
    "tell whoever is responsible for safeguarding at your school today."
)


_WORDS = {"despair": IN_DESPAIR, "danger": IN_DANGER}


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


def bring_back(conversation: Conversation) -> None:
    """Have the locked conversation among the active ones, where a person is found."""
    conversation.status = Conversation.Status.ACTIVE
    conversation.archived_at = None
    conversation.save(update_fields=["status", "archived_at"])


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

    An archived one comes back. Returns whether anything changed. Runs inside the caller's transaction.
    """
    most_urgent = max(findings, key=lambda finding: finding.urgency)
    trace = [finding.as_trace() for finding in findings]
    episode = open_episode(conversation)
    if episode is not None:
        return _raise_urgency(conversation, episode, findings, now=now, consented=consented)
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
    if conversation.status != Conversation.Status.ACTIVE:
        bring_back(conversation)
    if most_urgent.reason in escalation.AI_MUST_WAIT:
        stop_turns(conversation, now=now)
    _announce_request(conversation, most_urgent.reason, now=now, kinds=escalation.kinds_of_crisis(trace))
    return True


def would_call(conversation: Conversation, findings: Sequence[escalation.Finding]) -> bool:
    """Whether `request_within` would change anything: nobody is asked yet, or not as urgently."""
    episode = open_episode(conversation)
    most_urgent = max((finding.urgency for finding in findings), default=0)
    return bool(findings) and (episode is None or most_urgent > escalation.URGENCY[episode.reason])


def _raise_urgency(
    conversation: Conversation,
    episode: Handoff,
    findings: Sequence[escalation.Finding],
    *,
    now: datetime,
    consented: bool,
) -> bool:
    finding = max(findings, key=lambda each: each.urgency)
    trace = [each.as_trace() for each in findings]
    new_kinds = escalation.kinds_of_crisis(trace) - escalation.kinds_of_crisis(episode.rule_trace)
    more_urgent = finding.urgency > escalation.URGENCY[episode.reason]
    more_consent = consented and not episode.consented
    if not (more_urgent or more_consent or new_kinds):
        return False
    episode.rule_trace = [*episode.rule_trace, *trace]
    episode.consented = episode.consented or consented
    if more_urgent:
        episode.reason = finding.reason
        waits = episode.state == Handoff.State.QUEUED
        if waits and finding.reason in escalation.AI_MUST_WAIT:
            stop_turns(conversation, now=now)
        if waits or finding.reason == escalation.CRISIS:
            _announce_request(conversation, finding.reason, now=now, kinds=new_kinds)
    elif new_kinds:
        _announce_request(conversation, finding.reason, now=now, kinds=new_kinds)
    episode.save(update_fields=["rule_trace", "consented", "reason"])
    return True


def _announce_request(
    conversation: Conversation, reason: str, *, now: datetime, kinds: Collection[str] = ()
) -> None:
    """Say that a coach has been asked: written by the server, visible only once it is committed.

    `kinds` are what a crisis is about.
    """
    organization = Organization.objects.get(pk=conversation.organization_id)
    metadata: dict[str, object] = {"kind": "coach_requested", "handoff_reason": reason}
    if reason == escalation.CRISIS:
        lines = ": these lines answer at once" if organization.help_lines else ""
        text = (
            f"Thank you for telling me. {' '.join(_WORDS[kind] for kind in _WORDS if kind in kinds)} "
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


def attribution(conversation: Conversation, episode: Handoff, *, now: datetime) -> dict[str, object]:
    """Return what a message says of the episode with a coach in which it was said."""
    return {
        "is_handoff": True,
        "is_handback": False,
        "handoff_reason": str(episode.reason),
        "ai_confidence_before": _confidence_before(conversation, episode),
        "human_duration_minutes": round((now - (episode.taken_at or now)).total_seconds() / 60, 1),
    }


def _confidence_before(conversation: Conversation, episode: Handoff) -> float | None:
    """Return how sure the AI was before a person came: when it called them, or else in its last answer."""
    if episode.confidence is not None:
        return episode.confidence
    answers = Message.objects.filter(
        conversation=conversation, sender_type=Message.Sender.AI, retrieval__has_key="confidence"
    )
    last = answers.order_by("-sequence").values_list("retrieval__confidence", flat=True).first()
    return None if last is None else float(last)


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


def end(conversation: Conversation, episode: Handoff, *, state: str, now: datetime) -> None:
    """Close an episode and give the locked conversation back to the AI."""
    episode.state = state
    episode.returned_at = now
    episode.save(update_fields=["state", "returned_at"])
    move(conversation, OwnerState.AI, holder=None, now=now)


def wait_again(conversation: Conversation, episode: Handoff, *, cause: str, now: datetime) -> None:
    """Have the locked conversation wait once more, for any coach of the organization, because its own has gone."""
    episode.state = Handoff.State.QUEUED
    episode.coach = None
    episode.joined_sequence = None
    episode.escalated_at = now
    episode.save(update_fields=["state", "coach", "joined_sequence", "escalated_at"])
    move(conversation, OwnerState.QUEUED, holder=None, now=now)
    say_that_all_are_asked(conversation, cause, now=now)


def say_that_all_are_asked(conversation: Conversation, cause: str, *, now: datetime) -> None:
    """Tell the client of the locked conversation that every coach of the organization knows that they wait."""
    add_message(
        conversation,
        sender_type=Message.Sender.SYSTEM,
        text=f"{cause}, so the other coaches of your organization have been "
        "told that somebody waits. They do not see what you wrote until one of them joins.",
        now=now,
        metadata={"kind": "request_escalated"},
    )
