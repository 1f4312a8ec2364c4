"""What a socket leaves on record, and when it must close."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.contrib.auth import update_session_auth_hash
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast
from coaching.providers.scripted import Reply, ScriptedChat
from conversations import access, handoff, live
from conversations.catching_up import Heard
from conversations.consumers import ConversationConsumer, QueueConsumer
from conversations.events import Delta, Event, MessageChanged
from conversations.models import Conversation
from conversations.tests.doubles import stage
from conversations.tests.factories import begin, say
from conversations.turns.run import turns
from conversations.watch import BEAT_SECONDS, SIGNED_OUT, Watched, verdicts, watch


class Closed:
    """A socket that does nothing when it is closed."""

    told_at = 0.0

    def tell(self, event: Event) -> None:
        """Do nothing."""

    async def close(self, code: int | None = None) -> None:
        """Do nothing."""


def watched(member: User) -> Watched:
    """Return an open socket of a new session of `member`."""
    client = Client()
    client.force_login(member)
    return Watched(Closed(), member.pk, member.password, client.session.session_key, None)


def socket_of(member: User, conversation: Conversation) -> Any:
    """Return a socket of a member in a conversation, not yet open."""
    communicator = WebsocketCommunicator(ConversationConsumer.as_asgi(), "/ws/conversations/")
    communicator.scope |= {
        "user": member,
        "session": SimpleNamespace(session_key=str(uuid4())),
        "url_route": {"kwargs": {"conversation_id": conversation.pk}},
    }
    return communicator


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
        communicator = socket_of(member, conversation)
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
class TestASocketThatIsCutOff:
    async def test_is_remembered_by_nobody(self, cast: Cast) -> None:
        conversation = await sync_to_async(begin)(cast.home.owner)
        before = watch.count
        page = socket_of(cast.home.owner, conversation)
        await page.connect()
        assert (await page.receive_json_from(timeout=5))["type"] == "presence"
        assert (watch.count, live.hub.somebody_listens(conversation.pk)) == (before + 1, True)
        page.future.cancel()
        await asyncio.wait([page.future])
        assert (watch.count, live.hub.somebody_listens(conversation.pk)) == (before, False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("threads")
class TestASocketThatIsToldNothing:
    async def test_hears_a_beat_every_25_seconds_and_not_when_it_was_told_something(self, cast: Cast) -> None:
        conversation = await sync_to_async(begin)(cast.home.owner)
        page = socket_of(cast.home.owner, conversation)
        await page.connect()
        assert {(await page.receive_json_from(timeout=5))["type"] for _ in range(2)} == {"presence", "ready"}
        now = time.monotonic()
        watch.beat(now=now + BEAT_SECONDS - 5)
        assert await page.receive_nothing()
        watch.beat(now=now + BEAT_SECONDS)
        watch.beat(now=now + BEAT_SECONDS)
        assert await page.receive_json_from(timeout=5) == {"type": "beat"}
        assert await page.receive_nothing()
        await page.disconnect()

    async def test_hears_none_before_it_is_ready(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        async def takes_longer_than_a_tick(_consumer: QueueConsumer, _group: str) -> None:
            watch.beat(now=time.monotonic())

        monkeypatch.setattr(QueueConsumer, "enter", takes_longer_than_a_tick)
        queue = WebsocketCommunicator(QueueConsumer.as_asgi(), "/ws/queue/")
        queue.scope |= {"user": cast.home.coach, "session": SimpleNamespace(session_key="a session")}
        await queue.connect()
        assert await queue.receive_json_from(timeout=5) == {"type": "ready"}
        await queue.disconnect()

    async def test_hears_it_by_itself(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("conversations.watch.BEAT_SECONDS", 0.0)
        monkeypatch.setattr("conversations.watch.TICK_SECONDS", 0.01)
        queue = WebsocketCommunicator(QueueConsumer.as_asgi(), "/ws/queue/")
        queue.scope |= {"user": cast.home.coach, "session": SimpleNamespace(session_key="a session")}
        await queue.connect()
        told = [await queue.receive_json_from(timeout=5) for _ in range(3)]
        assert [each["type"] for each in told] == ["ready", "beat", "beat"]
        await queue.disconnect()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("threads")
class TestAHintThatWasLost:
    async def test_is_made_up_for_within_two_looks(self, cast: Cast) -> None:
        conversation = await sync_to_async(begin)(cast.home.owner)
        page = socket_of(cast.home.owner, conversation)
        # The look asks whether the session lives.
        client = Client()
        await client.aforce_login(cast.home.owner)
        page.scope["session"] = client.session
        await page.connect()
        heard = {(await page.receive_json_from(timeout=5))["type"] for _ in range(2)}
        assert heard == {"presence", "ready"}
        await sync_to_async(handoff.say_as_coach)(
            coach=cast.home.coach,
            conversation_id=conversation.pk,
            client_id=uuid4(),
            text="I am here.",
            now=timezone.now(),
        )
        await watch.look()
        assert await page.receive_nothing()
        await watch.look()
        told = [await page.receive_json_from(timeout=5) for _ in range(3)]
        assert [each["type"] for each in told] == ["message", "message", "state"]
        assert "I am here." in told[1]["html"]
        await watch.look()
        await watch.look()
        assert await page.receive_nothing()
        await page.disconnect()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("threads")
class TestAnAnswerThatEndsWhileAPageCatchesUp:
    def heard(self, conversation: Conversation, *events: Event) -> list[str]:
        """Return the states that a socket shows of what its process hears."""
        consumer = ConversationConsumer()
        told: list[Event] = []
        consumer.__dict__["tell"] = told.append
        consumer.settled = set()
        consumer.heard = Heard(0, 0)
        consumer.standing = access.Standing(conversation, "client")
        for event in events:
            consumer.hear(event)
        return [getattr(event, "state", "delta") for event in told]

    async def test_stays_ended_though_it_was_read_before(self, cast: Cast) -> None:
        conversation = await sync_to_async(begin)(cast.home.owner)
        begun = MessageChanged(uuid4(), 2, "ai", "streaming", 0, "<p></p>")
        word = Delta(begun.message, 2, 0, "Begin")
        ended = replace(begun, state="complete", length=5, html="<p>Begin</p>")
        another = replace(begun, message=uuid4(), sequence=4)
        told = self.heard(conversation, begun, word, ended, begun, word, another)
        assert told == ["streaming", "delta", "complete", "streaming"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("scripted")
class TestAnAnswerOfAnotherProcess:
    """What the other process says and hears is written and read here, on a channel of its own."""

    async def channel(self, conversation: Conversation) -> str:
        """Return a channel that hears what the processes tell each other of a conversation."""
        channel: str = await get_channel_layer().new_channel()
        await get_channel_layer().group_add(live.group_name(conversation.pk), channel)
        return channel

    async def heard(self, channel: str, so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first message on a channel that is so."""
        async with asyncio.timeout(10):
            message: dict[str, Any] = {}
            while not so(message):
                message = await get_channel_layer().receive(channel)
        return message

    async def shown(self, socket: Any, kind: str) -> dict[str, Any]:
        """Return the first frame of a kind that a socket sends."""
        frame: dict[str, Any] = {}
        while frame.get("type") != kind:
            frame = await socket.receive_json_from(timeout=10)
        return frame

    async def test_is_asked_for_by_a_page_that_comes_while_it_is_written(
        self, owner: User, conversation: Conversation
    ) -> None:
        reply = (await sync_to_async(say)(owner, conversation, "How do we begin?")).reply
        assert reply is not None
        there = await self.channel(conversation)
        socket = socket_of(owner, conversation)
        await socket.connect()
        await socket.send_json_to({"type": "hello", "sequence": 1})
        asked = await self.heard(there, lambda message: "channel" in message)
        assert (asked["type"], asked["message"], asked["have"]) == ("live.watching", str(reply.pk), 0)
        word = {"message": asked["message"], "sequence": 2, "offset": 0, "text": "Begin "}
        await get_channel_layer().send(asked["channel"], {"type": "live.delta", "process": "another", **word})
        assert await self.shown(socket, "delta") == {"type": "delta", **word}
        await socket.disconnect()

    async def test_is_told_to_the_page_that_asks_also_while_the_model_says_nothing(
        self, owner: User, conversation: Conversation
    ) -> None:
        stalled = Reply("Begin with one", until=asyncio.Event(), wait_after=1)
        stage.chat = ScriptedChat(stalled)
        socket = socket_of(owner, conversation)
        await socket.connect()
        await socket.send_json_to({"type": "say", "client_id": str(uuid4()), "text": "How do we begin?"})
        reply = (await self.shown(socket, "delta"))["message"]
        there = await get_channel_layer().new_channel()
        for have in (0, 2):
            asking = {"type": "live.watching", "process": "another", "channel": there}
            await get_channel_layer().group_send(
                live.group_name(conversation.pk), {**asking, "message": reply, "have": have}
            )
            told = await self.heard(there, lambda message: "type" in message)
            assert (told["type"], told["message"], told["sequence"]) == ("live.delta", reply, 2)
            assert (told["offset"], told["text"]) == (have, "Begin"[have:])
        assert stalled.until is not None
        stalled.until.set()
        await turns.finished()
        await socket.disconnect()
