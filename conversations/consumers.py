"""The live door: join a conversation, say, stop, type; and the coach's queue.

`docs/socket-protocol.md` describes the frames. A socket is let in by the gate, looked at again every
few seconds, and closed when its session ends or its access is lost. It never carries a turn: that runs
in a task of the server's own.
"""

import asyncio
from typing import Any
from uuid import UUID

from django.utils import timezone
from typing_extensions import override

from accounts import refusals
from accounts.access import NotVisible
from conversations import absence, access, acting, announcing, catching_up, handoff, live, presence, reading
from conversations.database import in_db
from conversations.events import (
    Acknowledged,
    Delta,
    Event,
    MessageChanged,
    Presence,
    QueueChanged,
    QueueReady,
    Ready,
    Refused,
    Reload,
    StateChanged,
)
from conversations.frames import Hello, Malformed, Retry, Say, Stop, Typing, parse
from conversations.questioning import questioned
from conversations.sockets import LiveConsumer
from conversations.turns.accept import Refusal
from conversations.turns.run import turns
from conversations.turns.student_gate import StudentDataFound
from conversations.watch import NOT_FOUND


class ConversationConsumer(LiveConsumer):
    """One browser tab in one conversation."""

    standing: access.Standing
    joined = False

    async def connect(self) -> None:
        """Let a member in who may read the conversation."""
        self.joined = False
        self.settled: set[UUID] = set()
        if not await self.open():
            return
        self.conversation_id: UUID = self.scope["url_route"]["kwargs"]["conversation_id"]
        try:
            self.standing = await in_db(access.readable_conversation)(self.member, self.conversation_id)
        except NotVisible as refusal:
            await self._refuse(refusal)
            return
        await self._note_reading()
        conversation, self.names = await in_db(announcing.load_with_names)(self.conversation_id)
        self.heard = catching_up.Heard(conversation.last_sequence, conversation.epoch)
        self.joined = True
        live.hub.join(self.conversation_id, self.hear)
        self.watch(self.conversation_id)
        await self._join_group()
        self.tell(
            Ready(
                conversation=self.conversation_id,
                sequence=conversation.last_sequence,
                role=self.standing.role,
                owner_state=conversation.owner_state,
                epoch=conversation.epoch,
                holder=conversation.holder.name if conversation.holder else "",
                visible_from=self.standing.visible_from,
            )
        )

    async def _join_group(self) -> None:
        group = live.group_name(self.conversation_id)
        await self.enter(group)
        await live.hint(group, "live.watching")
        await self._attend()
        await presence.arrive(self.conversation_id, self.person())
        await self._presence_changed()

    def person(self) -> presence.Person:
        """Return who is behind this socket."""
        return presence.Person(self.socket, self.member.pk, self.member.name, self.standing.role)

    async def disconnect(self, code: int) -> None:
        """Leave; a turn that runs goes on without this browser."""
        self.forget()
        if not self.joined:
            return
        await self.leave(live.group_name(self.conversation_id))
        await presence.depart(self.conversation_id, self.socket)
        await self._presence_changed()
        await self._attend()

    @override
    def forget(self) -> None:
        """Let go of this socket; turns that nobody here watches any more hear other processes themselves."""
        super().forget()
        if self.joined:
            live.hub.leave(self.conversation_id, self.hear)
            for turn in turns.of(self.conversation_id):
                turn.listen()

    def hear(self, event: Event) -> None:
        """Pass an event on to this browser, unless it is about words that it may not read."""
        self.heard.note(event)
        if isinstance(event, Delta | MessageChanged) and event.sequence < self.standing.visible_from:
            return
        if isinstance(event, MessageChanged) and not event.is_written:
            self.settled.add(event.message)
        elif isinstance(event, Delta | MessageChanged) and event.message in self.settled:
            # Read before the answer ended, and heard after its end.
            return
        if isinstance(event, StateChanged) and not self.standing.is_client:
            self.looking = asyncio.create_task(self.look_again())
        self.tell(event)

    def stands_at(self, sequence: int, epoch: int) -> None:
        """Look for what was not heard, now that the conversation stands there: a hint may be lost."""
        if self.heard.misses(sequence, epoch):
            looking = self._look_for_more(self.heard.sequence + 1, with_state=True)
            self.catching_up = asyncio.create_task(looking)

    async def _look_for_more(self, sequence: int, *, with_state: bool) -> None:
        events = await in_db(announcing.events_since)(
            self.conversation_id, sequence=sequence, with_state=with_state
        )
        for event in events:
            self.hear(event)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Do what a frame asks for."""
        if not self.joined or not await self.readable(text_data):
            return
        try:
            await self._do(parse(text_data or ""))
        except Malformed as error:
            self.tell(Refused(code="malformed", text=str(error)))
        except NotVisible as refusal:
            await self._refuse(refusal)

    async def _do(self, frame: Hello | Say | Stop | Typing | Retry) -> None:
        match frame:
            case Hello():
                await self._catch_up(frame)
            case Say():
                await self._say(frame)
            case Stop():
                if self.standing.is_client:
                    await acting.stop(conversation_id=self.conversation_id)
            case Typing():
                await presence.arrive(self.conversation_id, self.person(), typing=frame.typing)
                await self._presence_changed()
            case Retry():
                await self._retry(frame)

    async def _catch_up(self, hello: Hello) -> None:
        """Send what this browser has missed since the sequence number and offset that it names."""
        self.standing = await in_db(access.readable_conversation)(self.member, self.conversation_id)
        events = await in_db(announcing.events_since)(
            self.conversation_id, sequence=hello.sequence, with_state=True
        )
        for event in (*events, *catching_up.told_here(self.conversation_id, hello)):
            self.hear(event)
        await catching_up.ask_elsewhere(self.conversation_id, hello, events, channel=self.channel_name)

    async def _say(self, frame: Say) -> None:
        try:
            if self.standing.is_client:
                await self._say_as_client(frame)
            else:
                await self._say_as_coach(frame)
        except StudentDataFound as found:
            self.tell(await in_db(questioned)(self.member, self.conversation_id, frame, found))
        except Refusal as refusal:
            self.tell(Refused(refusal.code, refusal.text, frame.client_id, refusal.seconds))
        except handoff.AlreadyTaken as taken:
            self.tell(Refused(code="already_taken", text=str(taken), client_id=frame.client_id))

    async def _say_as_client(self, frame: Say) -> None:
        accepted = await acting.accept_here(
            member=self.member,
            conversation_id=self.conversation_id,
            client_id=frame.client_id,
            text=frame.text,
            student_data=frame.student_data,
        )
        message = accepted.message
        self.tell(
            Acknowledged(frame.client_id, message.pk, message.sequence, accepted.repeated, accepted.left)
        )
        await acting.show_and_run(accepted, self.names)

    async def _say_as_coach(self, frame: Say) -> None:
        spoken = await acting.speak(
            coach=self.member,
            conversation_id=self.conversation_id,
            client_id=frame.client_id,
            text=frame.text,
            draft=frame.draft,
        )
        message = spoken.message
        self.tell(Acknowledged(frame.client_id, message.pk, message.sequence, spoken.repeated))

    async def _retry(self, frame: Retry) -> None:
        try:
            accepted = await acting.retry_here(
                member=self.member, conversation_id=self.conversation_id, reply_id=frame.message
            )
        except Refusal as refusal:
            self.tell(Refused(refusal.code, refusal.text, seconds=refusal.seconds))
        except NotVisible:
            # The answer is not one of this conversation's; or the conversation is no longer this member's.
            await in_db(access.readable_conversation)(self.member, self.conversation_id)
            self.tell(Refused(code="not_retryable", text="There is no such answer here to ask for again."))
        else:
            await acting.show_and_run(accepted, self.names)

    async def _attend(self) -> None:
        """Note that a coach has this socket open now; a conversation of theirs goes back a while after the last."""
        if not self.standing.is_client:
            present = [(self.conversation_id, self.member.pk)]
            await in_db(absence.attend)(present, now=timezone.now())

    async def _presence_changed(self) -> None:
        people = await presence.present(self.conversation_id)
        live.hub.send(self.conversation_id, Presence(people=people))
        await live.hint(live.group_name(self.conversation_id), "live.presence")

    async def live_delta(self, message: dict[str, Any]) -> None:
        """Hear text that another process streams."""
        if message["process"] != live.PROCESS:
            self.hear(
                Delta(UUID(message["message"]), message["sequence"], message["offset"], message["text"])
            )

    async def live_changed(self, message: dict[str, Any]) -> None:
        """Look again at messages that another process changed."""
        if message["process"] == live.PROCESS:
            return
        # Whoever changed it may be about to write more, and may not know of this process, or no longer.
        await live.hint(live.group_name(self.conversation_id), "live.watching")
        if message["with_state"]:
            await self.look_again()
        if message["silence"]:
            turns.stop(self.conversation_id)
        await self._look_for_more(message["sequence"], with_state=message["with_state"])

    async def live_watching(self, message: dict[str, Any]) -> None:
        """Note that another process watches this conversation, and say once that this one does too."""
        if message["process"] == live.PROCESS:
            return
        if live.hub.watched_elsewhere(self.conversation_id, message["process"]):
            await live.hint(live.group_name(self.conversation_id), "live.watching")
        await catching_up.answer(self.conversation_id, message)

    async def live_stop(self, message: dict[str, Any]) -> None:
        """Stop a turn of this process on the word of a browser at another."""
        for turn in turns.of(self.conversation_id):
            if str(turn.turn_id) in message["turns"]:
                turn.stop()

    async def live_presence(self, message: dict[str, Any]) -> None:
        """Show who is present, after a change seen by another process."""
        if message["process"] != live.PROCESS:
            self.tell(Presence(people=await presence.present(self.conversation_id)))

    async def look_again(self) -> None:
        """Ask the gate anew; a member who may no longer read is sent away."""
        before = self.standing.visible_from
        try:
            self.standing = await in_db(access.readable_conversation)(self.member, self.conversation_id)
        except NotVisible:
            await self.close(NOT_FOUND)
            return
        if self.standing.visible_from != before:
            await self._note_reading()
            self.tell(Reload())

    async def _refuse(self, refusal: NotVisible) -> None:
        """Put it on record that the gate refused what was asked for, and close as for what does not exist."""
        await in_db(refusals.note)(refusal, asker=self.member, now=timezone.now())
        await self.close(NOT_FOUND)

    async def _note_reading(self) -> None:
        """Put a coach who may read words here on record."""
        if not self.standing.is_client and self.standing.visible_from < access.NOTHING:
            await in_db(reading.note_live)(
                reader=self.member, conversation_id=self.conversation_id, now=timezone.now()
            )


class QueueConsumer(LiveConsumer):
    """A coach's open queue: it is told to look again, and loads what its coach may see."""

    async def connect(self) -> None:
        """Let a coach in."""
        self.joined = False
        if not await self.open():
            return
        organization_id = self.member.organization_id
        if not self.member.is_coach or organization_id is None:
            await self.close(NOT_FOUND)
            return
        self.joined = True
        self.group = live.queue_group(organization_id)
        self.watch(None)
        await self.enter(self.group)
        self.tell(QueueReady())

    async def disconnect(self, code: int) -> None:
        """Leave the queue."""
        self.forget()
        if self.joined:
            await self.leave(self.group)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer a greeting: a page that may have missed something looks again."""
        if self.joined and await self.readable(text_data):
            self.tell(QueueChanged())

    async def queue_changed(self, message: dict[str, Any]) -> None:
        """Tell the page to look again; the words never travel this way."""
        self.tell(QueueChanged())
