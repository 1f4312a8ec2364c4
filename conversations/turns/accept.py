"""Take a client's message: commit it, settle its place, and open the turn that will answer it.

Everything happens under the lock of the conversation's row: the idempotency key, the next sequence
number, who holds the conversation and whether a person is needed. The acknowledgement goes out only
after the commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from accounts.access import NotVisible
from accounts.models import User
from coaching.models import Persona
from coaching.policies import escalation
from conversations import handoff
from conversations.models import Conversation, Interaction, Message, Session

LONGEST = 20_000
"""Characters a message may have."""

LEASE = timedelta(seconds=15)
"""How long a process may be silent about a turn before another takes it over."""


class Refusal(Exception):
    """The message was not taken and nothing was changed. `code` is stable, the text is for the sender."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Accepted:
    """A committed message, and the turn to run now, if this process is to run one."""

    conversation_id: UUID
    message: Message
    repeated: bool = False
    turn_id: UUID | None = None
    waiting_turn_id: UUID | None = None
    """A turn that some other process must run."""
    reply: Message | None = None
    called: bool = False
    """Whether the message called a coach; everybody is then told how things stand."""
    silenced: bool = False
    """Whether the AI must stop whatever it is saying."""


def clean(text: str) -> str:
    """Return `text` fit to be stored: no control characters, no white space around it.

    Raises:
        Refusal: nothing is left of it, or it is too long.
    """
    kept = "".join(letter for letter in text if letter in "\n\t" or letter.isprintable() or _joins(letter))
    kept = kept.strip()
    if not kept:
        raise Refusal("empty", "Write something first.")
    if len(kept) > LONGEST:
        raise Refusal(
            "too_long",
            f"This message has {len(kept):,} characters; {LONGEST:,} is the limit. Shorten it or send it in parts.",
        )
    return kept


def _joins(letter: str) -> bool:
    """Whether an unprintable character shapes the text around it (emoji joiners, direction marks)."""
    return letter in "\u200c\u200d\u200e\u200f\u2066\u2067\u2068\u2069\u00a0\u3000\u202f\u2009"


@transaction.atomic(durable=True)
def accept(
    *,
    member: User,
    conversation_id: UUID,
    client_id: UUID,
    text: str,
    now: datetime,
    worker: str = "",
) -> Accepted:
    """Commit a client's message and open its turn.

    With `worker` named, the turn is claimed for that process where no other turn is running; it is then
    in the result. Without, the turn waits and the sweep finds it.

    Raises:
        NotVisible: the conversation is not the member's.
        Refusal: the text cannot be taken, or the key was used for another text.
    """
    text = clean(text)
    conversation = lock_own(member, conversation_id)
    before = Message.objects.filter(conversation_id=conversation_id, client_id=client_id).first()
    if before is not None:
        return _repeated(before, text)
    if conversation.status != Conversation.Status.ACTIVE:
        raise Refusal("archived", "This conversation is archived. Bring it back to write in it.")
    findings = escalation.screen(text, phrases=_phrases(conversation))
    message = _message(conversation, member, client_id, text, now)
    session = open_session(conversation, now=now)
    reason = findings[0].reason if findings else ""
    if reason in escalation.ANSWERED_BY_ASKING or handoff.ai_is_silent(conversation):
        message.save(force_insert=True)
        accepted = Accepted(conversation_id, message)
    else:
        accepted = _open_turn(
            conversation, message, session=session, now=now, worker=worker, findings=findings
        )
    conversation.updated_at = now
    conversation.title = conversation.title or title_of(text)
    conversation.save(update_fields=["last_sequence", "updated_at", "title"])
    if findings and handoff.request_within(conversation, findings=findings, trigger=message, now=now):
        return replace(accepted, called=True, silenced=reason in escalation.AI_MUST_WAIT)
    return accepted


@transaction.atomic(durable=True)
def retry(
    *, member: User, conversation_id: UUID, reply_id: UUID, now: datetime, worker: str = ""
) -> Accepted:
    """Open a new turn for the question behind a reply that was stopped or failed; the old reply stays.

    Raises:
        NotVisible: the conversation or the reply is not the member's.
        Refusal: the reply is whole, is not the last one, or a person has the conversation.
    """
    conversation = lock_own(member, conversation_id)
    turn = (
        Interaction.objects.filter(conversation=conversation, reply_id=reply_id)
        .select_related("reply")
        .first()
    )
    if turn is None:
        raise NotVisible
    if turn.reply.state not in {Message.State.STOPPED, Message.State.FAILED}:
        raise Refusal("not_retryable", "This answer is complete.")
    later = Message.objects.filter(
        conversation=conversation, sequence__gt=turn.reply.sequence, sender_type=Message.Sender.AI
    )
    if later.exists() or handoff.ai_is_silent(conversation):
        raise Refusal("not_retryable", "The conversation has gone on. Ask again in a new message.")
    session = open_session(conversation, now=now)
    accepted = _open_turn(
        conversation, turn.question, session=session, now=now, worker=worker, new_question=False
    )
    conversation.updated_at = now
    conversation.save(update_fields=["last_sequence", "updated_at"])
    return accepted


def lock_own(member: User, conversation_id: UUID) -> Conversation:
    """Lock the member's own conversation for this transaction.

    Raises:
        NotVisible: it does not exist, is deleted or belongs to somebody else.
    """
    locked = (
        Conversation.objects.select_for_update(of=("self",))
        .filter(pk=conversation_id, owner_id=member.pk, deleted_at=None)
        .first()
    )
    if locked is None:
        raise NotVisible
    return locked


def _repeated(before: Message, text: str) -> Accepted:
    if before.content != text:
        raise Refusal("key_reused", "This message was changed after it was sent. Send it again as a new one.")
    return Accepted(before.conversation_id, before, repeated=True)


def _phrases(conversation: Conversation) -> list[str]:
    if conversation.coach_id is None:
        return []
    found = Persona.objects.filter(coach_id=conversation.coach_id).values_list(
        "escalation_phrases", flat=True
    )
    return list(found.first() or [])


def _message(conversation: Conversation, member: User, client_id: UUID, text: str, now: datetime) -> Message:
    conversation.last_sequence += 1
    return Message(
        conversation_id=conversation.pk,
        sequence=conversation.last_sequence,
        sender_type=Message.Sender.CLIENT,
        sender=member,
        content=text,
        client_id=client_id,
        created_at=now,
        completed_at=now,
    )


def open_session(conversation: Conversation, *, now: datetime) -> Session:
    """Return the session of use that `now` falls into, closing one that has been idle for too long."""
    idle = timedelta(minutes=conversation.organization.idle_minutes)
    current = Session.objects.filter(conversation=conversation, closed_at=None).first()
    if current is not None and current.last_at >= now - idle:
        Session.objects.filter(pk=current.pk).update(last_at=now)
        return current
    if current is not None:
        Session.objects.filter(pk=current.pk).update(closed_at=current.last_at)
    return Session.objects.create(conversation=conversation, started_at=now, last_at=now)


def _open_turn(
    conversation: Conversation,
    message: Message,
    *,
    session: Session,
    now: datetime,
    worker: str,
    findings: Sequence[escalation.Finding] = (),
    new_question: bool = True,
) -> Accepted:
    conversation.last_sequence += 1
    reply = Message(
        conversation_id=conversation.pk,
        sequence=conversation.last_sequence,
        sender_type=Message.Sender.AI,
        state=Message.State.STREAMING,
        created_at=now,
    )
    Message.objects.bulk_create([message, reply] if new_question else [reply])
    busy = Interaction.objects.filter(conversation=conversation, state=Interaction.State.RUNNING).exists()
    claimed = bool(worker) and not busy
    interaction = Interaction.objects.create(
        conversation=conversation,
        session=session,
        question=message,
        reply=reply,
        epoch=conversation.epoch,
        state=Interaction.State.RUNNING if claimed else Interaction.State.WAITING,
        worker=worker if claimed else "",
        attempts=1 if claimed else 0,
        lease_until=now + LEASE if claimed or busy else now,
        rule_trace=[finding.as_trace() for finding in findings],
        accepted_at=now,
    )
    return Accepted(
        conversation.pk,
        message,
        turn_id=interaction.pk if claimed else None,
        waiting_turn_id=None if claimed else interaction.pk,
        reply=reply,
    )


def title_of(text: str) -> str:
    """Return a first title for a conversation: the beginning of its first message, whole words."""
    line = " ".join(text.split())
    if len(line) <= 60:
        return line
    return line[:60].rsplit(" ", 1)[0].rstrip(",;:-") + "…"
