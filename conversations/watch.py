"""Looks every few seconds whether each open socket may still be open, and lets the quiet ones hear that they are.

One small round, and one timer, for all of them.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, cast
from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.access import NotVisible
from accounts.models import User
from conversations import absence, access, presence
from conversations.database import in_db
from conversations.events import Beat, Event
from conversations.models import Conversation

logger = logging.getLogger(__name__)

EVERY_SECONDS = 4.0
ROUNDS_PER_PRESENCE = 6
BEAT_SECONDS = 25.0
"""A socket that was told nothing for so long hears a beat: a page that hears nothing for much longer asks."""
TICK_SECONDS = 1.0
"""Each beats by its own last word, so that a thousand sockets do not beat in the same moment."""
SIGNED_OUT, NOT_FOUND = 4401, 4404


class Socket(Protocol):
    """What the watch needs of a consumer."""

    told_at: float
    """When it was last told something, by the monotonic clock."""

    def tell(self, event: Event) -> None:
        """Send an event to the browser."""
        ...

    async def close(self, code: int | None = None) -> None:
        """Close the socket."""
        ...


class Present(Socket, Protocol):
    """A socket that stands for somebody's presence in a conversation."""

    def person(self) -> presence.Person:
        """Return who is behind it."""
        ...

    def stands_at(self, sequence: int, epoch: int) -> None:
        """Hear how far the conversation is: its last sequence number and its epoch."""
        ...


@dataclass(eq=False, slots=True)
class Watched:
    """An open socket: whose, by which session, and in which conversation, if in one."""

    socket: Socket
    user_id: UUID
    password: str
    """As the database keeps it; another one may have ended the session."""
    session_key: str | None
    conversation_id: UUID | None


def verdicts(watched: Iterable[Watched]) -> dict[Watched, int]:
    """Return the close code for each socket that must not stay open."""
    sockets = list(watched)
    people = {person.pk: person for person in User.objects.filter(pk__any={each.user_id for each in sockets})}
    keys = {each.session_key for each in sockets if each.session_key}
    sessions = set(
        Session.objects.filter(session_key__any=keys, expire_date__gt=timezone.now()).values_list(
            "session_key", flat=True
        )
    )
    owned = set(
        access.owned_by({(each.user_id, each.conversation_id) for each in sockets if each.conversation_id})
    )
    result: dict[Watched, int] = {}
    for each in sockets:
        member = people.get(each.user_id)
        session_lives = each.session_key in sessions
        if member is None or not member.is_active or not (session_lives and _outlives_password(each, member)):
            result[each] = SIGNED_OUT
        elif each.conversation_id is None:
            if not member.is_coach:
                result[each] = NOT_FOUND
        elif (each.user_id, each.conversation_id) not in owned and not _may_read(
            member, each.conversation_id
        ):
            result[each] = NOT_FOUND
    return result


def _outlives_password(watched: Watched, member: User) -> bool:
    """Whether the password is as it was, or was changed in this session; a changed one ends all others."""
    if watched.password == member.password:
        return True
    session = Session.objects.filter(session_key=watched.session_key).first()
    signed_with = session.get_decoded().get(HASH_SESSION_KEY, "") if session else ""
    if not constant_time_compare(signed_with, member.get_session_auth_hash()):
        return False
    watched.password = member.password
    return True


def _may_read(member: User, conversation_id: UUID) -> bool:
    try:
        access.readable_conversation(member, conversation_id)
    except NotVisible:
        return False
    return True


def positions(conversation_ids: Iterable[UUID]) -> dict[UUID, tuple[int, int]]:
    """Return how far each conversation is: its last sequence number and its epoch."""
    rows = Conversation.objects.filter(pk__any=set(conversation_ids)).values_list(
        "pk", "last_sequence", "epoch"
    )
    return {conversation_id: (sequence, epoch) for conversation_id, sequence, epoch in rows}


class Watch:
    """The open sockets of this process, and the round that looks at them."""

    def __init__(self) -> None:
        self._sockets: set[Watched] = set()
        self._task: asyncio.Task[None] | None = None
        self._beating: asyncio.Task[None] | None = None

    @property
    def count(self) -> int:
        """How many sockets of this process are open."""
        return len(self._sockets)

    def add(self, watched: Watched) -> None:
        """Watch a socket."""
        self._sockets.add(watched)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._go_round())
        if self._beating is None or self._beating.done():
            # Apart from the rounds: these wait for the database, and a connection lives without it.
            self._beating = asyncio.create_task(self._go_on_beating())

    def remove(self, watched: Watched) -> None:
        """Forget a socket that has closed."""
        self._sockets.discard(watched)

    async def _go_round(self) -> None:
        rounds = 0
        while self._sockets:
            await asyncio.sleep(EVERY_SECONDS)
            rounds += 1
            try:
                await self.look()
                if rounds % ROUNDS_PER_PRESENCE == 0:
                    await self.renew_presence()
            except Exception:
                # The next round looks again; a database that is away must not open or close anything.
                logger.exception("watch_round_failed")

    async def _go_on_beating(self) -> None:
        while self._sockets:
            await asyncio.sleep(TICK_SECONDS)
            self.beat(now=time.monotonic())

    def beat(self, *, now: float) -> None:
        """Let every socket hear that it lives that was told nothing for a while."""
        for watched in tuple(self._sockets):
            if now - watched.socket.told_at >= BEAT_SECONDS:
                watched.socket.tell(Beat())

    async def look(self) -> None:
        """Close every socket that must not stay open, and tell the others how far their conversations are."""
        for watched, code in (await in_db(verdicts)(tuple(self._sockets))).items():
            self.remove(watched)
            await watched.socket.close(code)
        present = self._present()
        now_at = await in_db(positions)(conversation_id for conversation_id, _ in present) if present else {}
        for conversation_id, socket in present:
            if conversation_id in now_at:
                socket.stands_at(*now_at[conversation_id])

    def _present(self) -> list[tuple[UUID, Present]]:
        """Return the sockets that are in conversations."""
        return [
            (watched.conversation_id, cast(Present, watched.socket))
            for watched in self._sockets
            if watched.conversation_id is not None
        ]

    async def renew_presence(self) -> None:
        """Note who is here: for everybody to see in Redis, and for who has the conversation in PostgreSQL."""
        now = timezone.now()
        by_conversation: dict[UUID, list[presence.Person]] = {}
        for conversation_id, socket in self._present():
            by_conversation.setdefault(conversation_id, []).append(socket.person())
        coaches = [
            (conversation_id, person.user_id)
            for conversation_id, people in by_conversation.items()
            for person in people
            if person.role == "coach"
        ]
        if coaches:
            await in_db(absence.attend)(coaches, now=now)
        await presence.renew(by_conversation)


watch = Watch()
