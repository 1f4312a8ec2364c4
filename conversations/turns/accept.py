"""Take a client's message: commit it, settle its place, and open the turn that will answer it.

Everything happens under the lock of the conversation's row: the idempotency key, the next sequence
number, who holds the conversation and whether a person is needed. The acknowledgement goes out only
after the commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.db import transaction

from accounts.access import NotVisible
from accounts.models import User
from coaching import spending
from coaching.policies import escalation
from conversations import access, episodes, reminding
from conversations.models import Conversation, Interaction, Message, Session
from conversations.turns import ledger, student_gate
from conversations.turns.refusal import Refusal
from conversations.turns.shortage import words_of

__all__ = ["LEASE", "LONGEST", "Accepted", "Refusal", "accept", "clean", "lock_own", "retry"]

LONGEST = 20_000
"""Characters a message may have."""

SESSION_GRAIN = timedelta(seconds=20)
"""How exactly a session knows when it was last used; a write for each message would be too many."""

LEASE = timedelta(seconds=15)
"""How long a process may be silent about a turn before another takes it over."""


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
    notice: Message | None = None
    """What is said to words that call a coach who has been called already."""
    left: str = ""
    """What the sender may still ask, in words, once that is little."""


def clean(text: str) -> str:
    """Return `text` fit to be stored: no control characters, no white space around it.

    Raises:
        Refusal: nothing is left of it, or it is too long.
    """
    kept = "".join(letter for letter in text if letter in "\n\t" or letter.isprintable() or _joins(letter))
    kept = kept.strip()
    if all(letter.isspace() or _joins(letter) for letter in kept):
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
    refusal: Refusal | None = None,
    student_data: str = "",
) -> Accepted:
    """Commit a client's message and open its turn.

    With `worker` named, the turn is claimed for that process where no other turn is running; it is then
    in the result. Without, the turn waits and the sweep finds it. `refusal` says why the AI may not be
    asked; it is raised where it would be, unless the message calls a person. `student_data` is what the
    educator has decided about student data in the text: `send`, `pseudonyms`, or nothing yet.

    Raises:
        NotVisible: the conversation is not the member's.
        Refusal: the text cannot be taken, the key was used for another text, it seems to name a student, or the
            conversation is archived and the text calls nobody.
    """
    text = clean(text)
    standing = _lock_to_speak(member, conversation_id, client_id)
    conversation = standing.conversation
    if standing.said_before:
        return _repeated(Message.objects.get(conversation=conversation, client_id=client_id), text)
    if conversation.status != Conversation.Status.ACTIVE:
        _bring_back_for_a_person(conversation, text, phrases=standing.phrases)
    findings, noted = student_gate.screened(text, phrases=standing.phrases, decision=student_data)
    reason = findings[0].reason if findings else ""
    message = _message(conversation, member, client_id, text, now)
    message.metadata = noted
    session_id = open_session(standing, now=now)
    if reason != escalation.CRISIS:
        conversation.title = conversation.title or title_of(text)
    calls_instead = refusal is not None and episodes.would_call(conversation, findings)
    if calls_instead or reason in escalation.ANSWERED_BY_ASKING or episodes.ai_is_silent(conversation):
        message.save(force_insert=True)
        conversation.save(update_fields=["last_sequence", "updated_at", "title"])
        accepted = Accepted(conversation_id, message)
    elif refusal is not None:
        raise refusal
    else:
        accepted = _open_turn(
            standing, message, session_id=session_id, now=now, worker=worker, findings=findings
        )
        _reserve(accepted, conversation, member, text, messages=1, now=now)
    return _call_a_person(accepted, conversation, findings, now=now) if findings else accepted


def _call_a_person(
    accepted: Accepted,
    conversation: Conversation,
    findings: Sequence[escalation.Finding],
    *,
    now: datetime,
) -> Accepted:
    """Call whom the words ask for; who was called before is not called again, and nobody is left in silence."""
    reason = findings[0].reason
    if episodes.request_within(conversation, findings=findings, trigger=accepted.message, now=now):
        return replace(accepted, called=True, silenced=reason in escalation.AI_MUST_WAIT)
    if accepted.reply is None:
        return replace(accepted, notice=reminding.remind(conversation, reason=reason, now=now))
    return accepted


@transaction.atomic(durable=True)
def retry(
    *,
    member: User,
    conversation_id: UUID,
    reply_id: UUID,
    now: datetime,
    worker: str = "",
    client_id: UUID | None = None,
    refusal: Refusal | None = None,
) -> Accepted:
    """Open a new turn for the question behind a reply that was stopped or failed; the old reply stays.

    Asked again under the same `client_id`, it is the turn of the first time. `refusal` says why the AI may not be
    asked; it is raised unless that is so.

    Raises:
        NotVisible: the conversation or the reply is not the member's.
        Refusal: the conversation is archived, the reply is whole or not the last one, or a person has it.
    """
    key = client_id and uuid5(reply_id, str(client_id))
    standing = _lock_to_speak(member, conversation_id, key)
    conversation = standing.conversation
    if standing.said_before:
        return _retried(conversation, key)
    if refusal is not None:
        raise refusal
    _refuse_archived(conversation)
    turn = (
        Interaction.objects.filter(conversation=conversation, reply_id=reply_id)
        .select_related("reply", "question")
        .first()
    )
    if turn is None:
        raise NotVisible
    _refuse_retry(conversation, turn.reply)
    session_id = open_session(standing, now=now)
    accepted = _open_turn(
        standing,
        turn.question,
        session_id=session_id,
        now=now,
        worker=worker,
        new_question=False,
        reply_key=key,
    )
    _reserve(accepted, conversation, member, turn.question.content, messages=0, now=now)
    return accepted


def _lock_to_speak(member: User, conversation_id: UUID, client_id: UUID | None) -> ledger.Standing:
    """Lock the member's own conversation, with what else decides over a message.

    Raises:
        NotVisible: the conversation does not exist, is deleted or belongs to somebody else.
    """
    standing = ledger.lock_to_speak(owner_id=member.pk, conversation_id=conversation_id, client_id=client_id)
    if standing is None:
        raise access.refused(conversation_id)
    return standing


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
        raise access.refused(conversation_id)
    return locked


def _bring_back_for_a_person(conversation: Conversation, text: str, *, phrases: Sequence[str]) -> None:
    """Bring an archived conversation back for words that call a person; others wait until its owner does.

    Raises:
        Refusal: the words call nobody.
    """
    if not student_gate.calling(text, phrases=phrases):
        _refuse_archived(conversation)
    episodes.bring_back(conversation)


def _refuse_archived(conversation: Conversation) -> None:
    if conversation.status != Conversation.Status.ACTIVE:
        raise Refusal("archived", "This conversation is archived. Bring it back to write in it.")


def refuse_another_text(before: Message, text: str) -> None:
    """Refuse a second text under the key of a message that was taken before.

    Raises:
        Refusal: the texts differ.
    """
    if before.content != text:
        raise Refusal("key_reused", "This message was changed after it was sent. Send it again as a new one.")


def _repeated(before: Message, text: str) -> Accepted:
    refuse_another_text(before, text)
    return Accepted(before.conversation_id, before, repeated=True)


def _refuse_retry(conversation: Conversation, reply: Message) -> None:
    """Refuse to answer anew where the answer is whole, or not the last word, or where a person has the word."""
    if reply.state not in {Message.State.STOPPED, Message.State.FAILED}:
        raise Refusal("not_retryable", "This answer is complete.")
    later = Message.objects.filter(
        conversation=conversation, sequence__gt=reply.sequence, sender_type=Message.Sender.AI
    )
    if later.exists() or episodes.ai_is_silent(conversation):
        raise Refusal("not_retryable", "The conversation has gone on. Ask again in a new message.")


def _retried(conversation: Conversation, key: UUID | None) -> Accepted:
    """Return the turn that was opened when its reply was asked for under this key."""
    turn = Interaction.objects.select_related("question", "reply").get(
        conversation=conversation, reply__client_id=key
    )
    return Accepted(conversation.pk, turn.question, repeated=True, reply=turn.reply)


def _message(conversation: Conversation, member: User, client_id: UUID, text: str, now: datetime) -> Message:
    conversation.last_sequence += 1
    conversation.updated_at = now
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


def open_session(standing: ledger.Standing, *, now: datetime) -> UUID:
    """Return the session of use that `now` falls into, closing the current one if it was idle for too long."""
    current = standing.session
    idle = timedelta(minutes=standing.idle_minutes)
    if current is not None and current[1] >= now - idle:
        if current[1] < now - SESSION_GRAIN:
            Session.objects.filter(pk=current[0]).update(last_at=now)
        return current[0]
    if current is not None:
        Session.objects.filter(pk=current[0]).update(closed_at=current[1])
    return Session.objects.create(conversation=standing.conversation, started_at=now, last_at=now).pk


def _open_turn(
    standing: ledger.Standing,
    message: Message,
    *,
    session_id: UUID,
    now: datetime,
    worker: str,
    findings: Sequence[escalation.Finding] = (),
    new_question: bool = True,
    reply_key: UUID | None = None,
) -> Accepted:
    conversation = standing.conversation
    conversation.last_sequence += 1
    conversation.updated_at = now
    reply = Message(
        conversation_id=conversation.pk,
        sequence=conversation.last_sequence,
        sender_type=Message.Sender.AI,
        state=Message.State.STREAMING,
        client_id=reply_key,
        created_at=now,
    )
    claimed = bool(worker) and not standing.busy
    turn = Interaction(
        conversation=conversation,
        session_id=session_id,
        question=message,
        reply=reply,
        epoch=conversation.epoch,
        state=Interaction.State.RUNNING if claimed else Interaction.State.WAITING,
        worker=worker if claimed else "",
        attempts=1 if claimed else 0,
        lease_until=now + LEASE if claimed or standing.busy else now,
        rule_trace=[finding.as_trace() for finding in findings],
        accepted_at=now,
    )
    ledger.open_turn(conversation, turn, asked=message if new_question else None)
    return Accepted(
        conversation.pk,
        message,
        turn_id=turn.pk if claimed else None,
        waiting_turn_id=None if claimed else turn.pk,
        reply=reply,
    )


def _reserve(
    accepted: Accepted,
    conversation: Conversation,
    member: User,
    question: str,
    *,
    messages: int,
    now: datetime,
) -> None:
    """Count the messages and set money aside for the turn that was opened, if one was.

    Last, because the counters stay locked until the commit.

    Raises:
        Refusal: the month's messages, the day's budget or the turns at once are used up.
    """
    turn_id = accepted.turn_id or accepted.waiting_turn_id
    if turn_id is None:
        return
    shortage = spending.reserve(
        organization_id=conversation.organization_id,
        user_id=member.pk,
        subject_id=turn_id,
        amount_usd=spending.most_an_answer_costs(question),
        messages=messages,
        now=now,
    )
    if shortage is not None:
        raise Refusal(*words_of(shortage), seconds=shortage.retry_after_s)


def title_of(text: str) -> str:
    """Return a first title for a conversation: the beginning of its first message, whole words."""
    line = " ".join(text.split())
    if len(line) <= 60:
        return line
    return line[:60].rsplit(" ", 1)[0].rstrip(",;:-") + "…"
