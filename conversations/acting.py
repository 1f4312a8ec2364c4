"""What people do in a conversation, done and shown: one verb each, for sockets and pages alike.

Each commits first, then stops what must stop in this process, then tells the sockets everywhere.
"""

from uuid import UUID

from django.utils import timezone

from accounts.models import User
from conversations import allowance, announcing, handoff, live, organizing
from conversations.database import in_db
from conversations.models import Conversation, Message
from conversations.presenting import Names
from conversations.turns.accept import Accepted, clean, refuse_another_text
from conversations.turns.record import first_stopped, request_stop
from conversations.turns.run import turns


async def accept_here(
    *, member: User, conversation_id: UUID, client_id: UUID, text: str, student_data: str = ""
) -> Accepted:
    """Commit a client's message and claim its turn for this process; show nothing yet.

    Raises:
        NotVisible, Refusal: as `allowance.accept_within` does.
    """
    return await in_db(allowance.accept_within)(
        member=member,
        conversation_id=conversation_id,
        client_id=client_id,
        text=text,
        now=timezone.now(),
        worker=live.PROCESS,
        student_data=student_data,
    )


async def retry_here(
    *, member: User, conversation_id: UUID, reply_id: UUID, client_id: UUID | None = None
) -> Accepted:
    """Open a new turn for an answer that did not come, in this process; under a known `client_id` find it.

    Raises:
        NotVisible, Refusal: as `allowance.retry_within` does.
    """
    return await in_db(allowance.retry_within)(
        member=member,
        conversation_id=conversation_id,
        reply_id=reply_id,
        now=timezone.now(),
        worker=live.PROCESS,
        client_id=client_id,
    )


async def show_and_run(accepted: Accepted, names: Names) -> None:
    """Show an accepted message to everybody and start its turn; a repeated one was shown before."""
    if accepted.repeated:
        return
    conversation_id = accepted.conversation_id
    for message in (accepted.message, accepted.reply, accepted.notice):
        if message is not None:
            live.hub.send(conversation_id, announcing.as_event(message, names))
    if accepted.turn_id is not None:
        turns.start(accepted.turn_id, conversation_id)
    if accepted.silenced:
        turns.stop(conversation_id)
    if accepted.called:
        await announcing.show(
            conversation_id,
            sequence=accepted.message.sequence,
            with_state=True,
            silence=accepted.silenced,
        )
    else:
        await live.changed(conversation_id, sequence=accepted.message.sequence)


async def speak(
    *, coach: User, conversation_id: UUID, client_id: UUID, text: str, draft: str = ""
) -> handoff.Spoken:
    """Say something as the coach, which takes the conversation over, and show it.

    Raises:
        NotVisible, Refusal, AlreadyTaken: as `clean` and `say_as_coach` do; or the key was used for another text.
    """
    text = clean(text)
    spoken = await in_db(handoff.say_as_coach)(
        coach=coach,
        conversation_id=conversation_id,
        client_id=client_id,
        text=text,
        now=timezone.now(),
        draft=draft,
    )
    refuse_another_text(spoken.message, text)
    if spoken.changed_from is not None:
        await _silence(conversation_id, spoken.changed_from)
    elif not spoken.repeated:
        await announcing.show(conversation_id, sequence=spoken.message.sequence)
    return spoken


async def take_over(*, coach: User, conversation_id: UUID) -> bool:
    """Give the conversation to the coach and silence the AI; say whether that is news.

    Raises:
        NotVisible, AlreadyTaken: as `handoff.take_over` does.
    """
    changed_from = await in_db(handoff.take_over)(
        coach=coach, conversation_id=conversation_id, now=timezone.now()
    )
    if changed_from is None:
        return False
    await _silence(conversation_id, changed_from)
    return True


async def _silence(conversation_id: UUID, changed_from: int) -> None:
    turns.stop(conversation_id)
    await announcing.show(conversation_id, sequence=changed_from, with_state=True, silence=True)


async def hand_back(*, coach: User, conversation_id: UUID) -> Message:
    """Give the conversation back to the AI.

    Raises:
        NotVisible, NotHeld: as `handoff.hand_back` does.
    """
    message = await in_db(handoff.hand_back)(coach=coach, conversation_id=conversation_id, now=timezone.now())
    await announcing.show(conversation_id, sequence=message.sequence, with_state=True)
    return message


async def ask_for_coach(*, member: User, conversation_id: UUID) -> bool:
    """Ask for a person; say whether that is news.

    Raises:
        NotVisible: the conversation is not the member's.
    """
    asked = await in_db(handoff.ask_for_coach)(
        member=member, conversation_id=conversation_id, now=timezone.now()
    )
    return await _show_last(conversation_id, asked)


async def cancel_request(*, member: User, conversation_id: UUID) -> bool:
    """Take the request for a person back; say whether anything changed.

    Raises:
        NotVisible: the conversation is not the member's.
    """
    cancelled = await in_db(handoff.cancel_request)(
        member=member, conversation_id=conversation_id, now=timezone.now()
    )
    return await _show_last(conversation_id, cancelled)


async def consent(*, member: User, conversation_id: UUID) -> bool:
    """Let the coach of the open episode read this private conversation; say whether that is news.

    Raises:
        NotVisible: the conversation is not the member's.
    """
    given = await in_db(handoff.consent)(member=member, conversation_id=conversation_id, now=timezone.now())
    return await _show_last(conversation_id, given)


async def _show_last(conversation_id: UUID, changed: bool) -> bool:
    if changed:
        conversation, _ = await in_db(announcing.load_with_names)(conversation_id)
        await announcing.show(conversation_id, sequence=conversation.last_sequence, with_state=True)
    return changed


async def delete(*, member: User, conversation_id: UUID) -> None:
    """Delete a conversation, and tell the queue and the consoles in which it was open.

    Raises:
        NotVisible, StillLookedAfter: as `organizing.delete` does.
    """
    await in_db(organizing.delete)(member=member, conversation_id=conversation_id, now=timezone.now())
    turns.stop(conversation_id)
    await _show_standing(conversation_id, silence=True)


async def restore(*, member: User, conversation_id: UUID) -> Conversation:
    """Bring a deleted conversation back, and tell the queue.

    Raises:
        NotVisible: as `organizing.restore` does.
    """
    restored = await in_db(organizing.restore)(
        member=member, conversation_id=conversation_id, now=timezone.now()
    )
    await _show_standing(conversation_id)
    return restored


async def _show_standing(conversation_id: UUID, *, silence: bool = False) -> None:
    """Show how things stand now, and no message: who may not read any more is sent away by that."""
    conversation, _ = await in_db(announcing.load_with_names)(conversation_id)
    await announcing.show(
        conversation_id, sequence=conversation.last_sequence + 1, with_state=True, silence=silence
    )


async def stop(*, conversation_id: UUID) -> None:
    """End the answer that is being written, in whichever process, and those that wait; the caller has passed the gate."""
    stopped_here = turns.stop(conversation_id)
    now = timezone.now()
    running = await in_db(request_stop)(conversation_id=conversation_id, now=now)
    if running and not stopped_here:
        # The hint names the turns: one that comes late must not end the answer to the next question.
        named = [str(turn_id) for turn_id in running]
        await live.hint(live.group_name(conversation_id), "live.stop", turns=named)
    waited = await in_db(first_stopped)(conversation_id=conversation_id, at=now)
    if waited is not None:
        await announcing.show(conversation_id, sequence=waited)
