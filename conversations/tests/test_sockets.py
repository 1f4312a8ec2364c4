"""What a socket leaves on record, and when it must close."""

import asyncio
import threading
from dataclasses import replace
from types import SimpleNamespace
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth import update_session_auth_hash
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast
from conversations import access, handoff
from conversations.consumers import ConversationConsumer
from conversations.events import Delta, Event, MessageChanged
from conversations.models import Conversation
from conversations.tests.factories import begin, say
from conversations.watch import SIGNED_OUT, Watched, verdicts


class Closed:
    """A socket that does nothing when it is closed."""

    async def close(self, code: int | None = None) -> None:
        """Do nothing."""


def watched(member: User) -> Watched:
    """Return an open socket of a new session of `member`."""
    client = Client()
    client.force_login(member)
    return Watched(Closed(), member.pk, member.password, client.session.session_key, None)


class TestAChangedPassword:
    def test_ends_the_sockets_of_every_other_session(self, cast: Cast) -> None:
        coach = cast.home.coach
        here, there = watched(coach), watched(coach)
        request = HttpRequest()
        request.session = SessionStore(session_key=here.session_key)
        request.user = coach
        coach.set_password("another long password")
        coach.save()
        update_session_auth_hash(request, coach)
        request.session.save()
        here.session_key = request.session.session_key
        assert verdicts([here, there]) == {there: SIGNED_OUT}
        assert verdicts([here]) == {}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("threads")
class TestACoachWhoReadsAlong:
    async def visit(self, member: User, conversation: Conversation) -> str:
        """Open a socket, leave it, and return what it answered first."""
        communicator = WebsocketCommunicator(ConversationConsumer.as_asgi(), "/ws/conversations/")
        communicator.scope |= {
            "user": member,
            "session": SimpleNamespace(session_key=str(uuid4())),
            "url_route": {"kwargs": {"conversation_id": conversation.pk}},
        }
        await communicator.connect()
        heard = await communicator.receive_json_from(timeout=5)
        await communicator.disconnect()
        return str(heard["type"])

    async def test_is_recorded_once_a_visit_also_without_the_page(self, cast: Cast) -> None:
        conversation = await sync_to_async(begin)(cast.home.owner)
        for member in (cast.home.owner, cast.home.coach, cast.home.coach):
            assert await self.visit(member, conversation) in {"presence", "ready"}
        event = await AuditEvent.objects.aget(action="conversation.read")
        assert (event.actor_id, event.resource) == (cast.home.coach.pk, f"conversation:{conversation.pk}")

    async def test_is_not_recorded_where_no_word_may_be_read(self, cast: Cast) -> None:
        conversation = await sync_to_async(begin)(cast.home.owner, visibility="private")
        await sync_to_async(say)(cast.home.owner, conversation, "I want to die")
        await self.visit(cast.home.coach, conversation)
        assert not await AuditEvent.objects.filter(action="conversation.read").aexists()
        await sync_to_async(handoff.consent)(
            member=cast.home.owner, conversation_id=conversation.pk, now=timezone.now()
        )
        await self.visit(cast.home.coach, conversation)
        assert await AuditEvent.objects.filter(action="conversation.read").acount() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("threads")
class TestTheThreadThatDjangosBridgesShare:
    async def test_is_not_waited_for_by_a_socket(self, cast: Cast) -> None:
        conversation = await sync_to_async(begin)(cast.home.owner)
        communicator = WebsocketCommunicator(ConversationConsumer.as_asgi(), "/ws/conversations/")
        communicator.scope |= {
            "user": cast.home.owner,
            "session": SimpleNamespace(session_key=str(uuid4())),
            "url_route": {"kwargs": {"conversation_id": conversation.pk}},
        }
        await communicator.connect()
        free = threading.Event()
        slow = asyncio.create_task(sync_to_async(free.wait)())
        try:
            await communicator.send_json_to({"type": "hello", "sequence": 1})
            heard = {(await communicator.receive_json_from(timeout=10))["type"] for _ in range(3)}
        finally:
            free.set()
            await slow
        assert heard == {"presence", "ready", "state"}
        await communicator.disconnect()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("threads")
class TestAnAnswerThatEndsWhileAPageCatchesUp:
    def heard(self, conversation: Conversation, *events: Event) -> list[str]:
        """Return the states that a socket shows of what its process hears."""
        consumer = ConversationConsumer()
        consumer.outbox, consumer.settled = asyncio.Queue(), set()
        consumer.standing = access.Standing(conversation, "client")
        for event in events:
            consumer.hear(event)
        told = [consumer.outbox.get_nowait() for _ in range(consumer.outbox.qsize())]
        return [getattr(event, "state", "delta") for event in told]

    async def test_stays_ended_though_it_was_read_before(self, cast: Cast) -> None:
        conversation = await sync_to_async(begin)(cast.home.owner)
        begun = MessageChanged(uuid4(), 2, "ai", "streaming", 0, "<p></p>")
        word = Delta(begun.message, 2, 0, "Begin")
        ended = replace(begun, state="complete", length=5, html="<p>Begin</p>")
        another = replace(begun, message=uuid4(), sequence=4)
        told = self.heard(conversation, begun, word, ended, begun, word, another)
        assert told == ["streaming", "delta", "complete", "streaming"]
