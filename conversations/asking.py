"""Ask from outside a socket, and follow the reply while it is written: for programs that wait or read along.

The database and the sequence number are the truth here too. What this process streams arrives as it is said;
what another process streams is read from its row, which is kept every second. Leaving ends nothing: the turn
is the server's.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

from accounts.access import NotVisible, current_member
from accounts.models import User
from conversations import access, acting, announcing, live
from conversations.database import AWAY, in_db
from conversations.events import Delta, Event, MessageChanged
from conversations.models import Interaction, Message
from conversations.turns.accept import Accepted
from conversations.turns.run import turns

LOOK_SECONDS = 2.0
"""After so long without a word the row is looked at again, and whether the reader may still read."""

LONGEST_SECONDS = 180.0
"""A reply that is not settled by then is left to be asked after later."""

PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that was taken, and what answers it."""

    message: Message
    reply: Message | None
    """The AI's answer, perhaps still being written; none where a person has to answer."""
    notice: Message | None
    """What the server said instead, as that a coach was asked."""


@dataclass(frozen=True, slots=True)
class Grown:
    """More text of the reply, from this character offset on."""

    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing was said for a moment."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The reply as it ended."""

    reply: Message


Step = Grown | Quiet | Settled


class NotSettled(Exception):
    """The reply takes longer than anybody waits; it goes on being written."""


class Reader:
    """Whoever follows a reply, asked again and again whether they still may."""

    def __init__(self, member: User, *, holds: Callable[[], bool]) -> None:
        self.member_id = member.pk
        self._holds = holds

    def look(self, reply_id: UUID) -> Message:
        """Return the reply as it stands.

        Raises:
            NotVisible: the account, the key or session, or the right to read has ended meanwhile.
        """
        member = current_member(self.member_id)
        if not self._holds():
            raise NotVisible
        return access.readable_message(member, reply_id)[1]


async def ask(
    *, member: User, conversation_id: UUID, client_id: UUID, text: str, student_data: str = ""
) -> Asked:
    """Say something as the client and start its turn in this process; the same key again finds the same reply.

    Raises:
        NotVisible, Refusal: as `accept` does.
    """
    accepted = await acting.accept_here(
        member=member,
        conversation_id=conversation_id,
        client_id=client_id,
        text=text,
        student_data=student_data,
    )
    return await _begun(accepted)


async def ask_again(*, member: User, reply_id: UUID, client_id: UUID) -> Asked:
    """Start another turn for the question behind a reply that was stopped or failed, in this process.

    The same key again finds the same new reply.

    Raises:
        NotVisible, Refusal: as `retry` does.
    """
    standing, _ = await in_db(access.readable_message)(member, reply_id)
    accepted = await acting.retry_here(
        member=member,
        conversation_id=standing.conversation.pk,
        reply_id=reply_id,
        client_id=client_id,
    )
    return await _begun(accepted)


async def _begun(accepted: Accepted) -> Asked:
    _, names = await in_db(announcing.load_with_names)(accepted.conversation_id)
    await acting.show_and_run(accepted, names)
    return await in_db(_answered_by)(accepted)


def _answered_by(accepted: Accepted) -> Asked:
    question = accepted.message
    turns_of_it = Interaction.objects.filter(question=question).select_related("reply")
    if accepted.reply is not None:
        turns_of_it = turns_of_it.filter(reply=accepted.reply)
    turn = turns_of_it.order_by("-accepted_at").first()
    after = Message.objects.filter(
        conversation_id=question.conversation_id,
        sequence__gt=question.sequence,
        sender_type=Message.Sender.SYSTEM,
    )
    # What the message itself called for was committed with it, next to it.
    notice = after.filter(created_at=question.created_at).order_by("sequence").first()
    return Asked(question, turn.reply if turn else None, notice)


async def follow(reader: Reader, *, reply: Message, offset: int = 0) -> AsyncGenerator[Step, None]:
    """Yield what is said of a reply from `offset` on, until it is settled.

    Raises:
        NotVisible: the reader may not read it, or no longer.
        NotSettled: it is not settled after `LONGEST_SECONDS`.
    """
    heard: asyncio.Queue[Event] = asyncio.Queue()
    live.hub.join(reply.conversation_id, heard.put_nowait)
    try:
        async with aclosing(_steps(reader, reply.pk, offset, heard)) as steps:
            async for step in steps:
                yield step
    finally:
        live.hub.leave(reply.conversation_id, heard.put_nowait)


async def _steps(
    reader: Reader, reply_id: UUID, have: int, heard: "asyncio.Queue[Event]"
) -> AsyncGenerator[Step, None]:
    until = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < until:
        try:
            message = await in_db(reader.look)(reply_id)
        except AWAY:
            # The answer goes on without the database; so does whoever reads along.
            await asyncio.sleep(PAUSE_SECONDS)
            yield Quiet()
            continue
        text = _so_far(message)
        if len(text) > have:
            yield Grown(have, text[have:])
            have = len(text)
        if message.state != Message.State.STREAMING:
            yield Settled(message)
            return
        async with aclosing(_heard(heard, reply_id, have)) as pieces:
            async for grown in pieces:
                yield grown
                have = grown.offset + len(grown.text)
        yield Quiet()
    raise NotSettled


def _so_far(message: Message) -> str:
    """Return the text of a reply: what a turn of this process has told, else what its row keeps."""
    for turn in turns.of(message.conversation_id):
        if turn.reply_id == message.pk and turn.teller is not None:
            return turn.teller.told
    return message.content


async def _heard(heard: "asyncio.Queue[Event]", reply_id: UUID, have: int) -> AsyncGenerator[Grown, None]:
    """Yield what arrives in order; end when nothing comes, something is missing, or it is time to look again."""
    look_again = time.monotonic() + 2 * LOOK_SECONDS
    while time.monotonic() < look_again:
        try:
            # Not `wait_for`: that of Python 3.11 may swallow the end of a reader who leaves as a word arrives.
            async with asyncio.timeout(LOOK_SECONDS):
                event = await heard.get()
        except TimeoutError:
            return
        match event:
            case Delta() if event.message == reply_id:
                if event.offset > have:
                    return
                new = event.text[have - event.offset :]
                if new:
                    yield Grown(have, new)
                    have += len(new)
            case MessageChanged() if event.message == reply_id and event.state != Message.State.STREAMING:
                return
            case _:
                pass


async def settled(reader: Reader, *, reply: Message) -> Message:
    """Wait for a reply and return it as it ended.

    Raises:
        NotVisible, NotSettled: as `follow` does.
    """
    async with aclosing(follow(reader, reply=reply)) as steps:
        async for step in steps:
            if isinstance(step, Settled):
                return step.reply
    raise NotSettled
