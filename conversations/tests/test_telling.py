"""What open pages are told at once: answers that will not come, conversations that are gone and those that are back."""

from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import Client

from accounts.models import User
from accounts.tests.api_caller import Api
from accounts.tests.cast import Cast
from conversations import acting, live
from conversations.consumers import ConversationConsumer, QueueConsumer
from conversations.events import Event, MessageChanged
from conversations.models import Conversation
from conversations.tests.factories import begin, say

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("threads")]


def socket(consumer: Any, member: User, **route: object) -> WebsocketCommunicator:
    """Return a socket of a browser in which the member is signed in."""
    browser = Client()
    browser.force_login(member)
    communicator = WebsocketCommunicator(consumer.as_asgi(), "/ws/")
    communicator.scope |= {
        "user": member,
        "session": SimpleNamespace(session_key=browser.session.session_key),
        "url_route": {"kwargs": route},
    }
    return communicator


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Return what other processes are told."""
    hints: list[tuple[str, Any]] = []

    async def hint(group: str, kind: str, **values: Any) -> None:
        hints.append((kind, values))

    monkeypatch.setattr(live, "hint", hint)
    return hints


class TestStopping:
    async def test_shows_that_the_answers_that_waited_will_not_come(self, cast: Cast) -> None:
        conversation = await sync_to_async(begin)(cast.home.owner)
        for question in ("How do we begin?", "And how do we end?", "Who leads it?"):
            await sync_to_async(say)(cast.home.owner, conversation, question, worker="elsewhere")
        heard: list[Event] = []
        live.hub.join(conversation.pk, heard.append)
        await acting.stop(conversation_id=conversation.pk)
        live.hub.leave(conversation.pk, heard.append)
        states = {event.sequence: event.state for event in heard if isinstance(event, MessageChanged)}
        assert {sequence: states[sequence] for sequence in (4, 6)} == {4: "stopped", 6: "stopped"}


class TestDeleting:
    async def test_closes_the_console_and_tells_the_queue(self, cast: Cast) -> None:
        conversation = await sync_to_async(begin)(cast.home.owner)
        signed_in = sync_to_async(socket)
        console = await signed_in(ConversationConsumer, cast.home.coach, conversation_id=conversation.pk)
        queue = await signed_in(QueueConsumer, cast.home.coach)
        for each in (console, queue):
            await each.connect()
        assert await queue.receive_json_from(timeout=5) == {"type": "ready"}
        await acting.delete(member=cast.home.owner, conversation_id=conversation.pk)
        assert await queue.receive_json_from(timeout=5) == {"type": "queue"}
        ended = await console.receive_output(timeout=5)
        while ended["type"] != "websocket.close":
            ended = await console.receive_output(timeout=5)
        assert ended["code"] == 4404
        await queue.disconnect()

    def test_from_a_page_silences_the_ai_and_tells_everybody(
        self, client: Client, owner: User, told: list[tuple[str, Any]]
    ) -> None:
        conversation = begin(owner)
        client.force_login(owner)
        client.post(f"/conversations/{conversation.pk}/delete/")
        assert told == everybody(conversation, silence=True)

    def test_over_the_api_tells_everybody(self, ada: Api, owner: User, told: list[tuple[str, Any]]) -> None:
        conversation = begin(owner)
        ada("DELETE", f"conversations/{conversation.pk}")
        assert told == everybody(conversation, silence=True)


class TestRestoring:
    def test_tells_everybody_from_a_page_and_over_the_api(
        self, client: Client, ada: Api, owner: User, told: list[tuple[str, Any]]
    ) -> None:
        conversation = begin(owner)
        client.force_login(owner)
        client.post(f"/conversations/{conversation.pk}/delete/")
        told.clear()
        client.post(f"/conversations/{conversation.pk}/restore/")
        assert told == everybody(conversation, silence=False)
        ada("DELETE", f"conversations/{conversation.pk}")
        told.clear()
        ada("POST", f"conversations/{conversation.pk}/restore")
        assert told == everybody(conversation, silence=False)


def everybody(conversation: Conversation, *, silence: bool) -> list[tuple[str, Any]]:
    """Return the hints to the sockets of a conversation without a message and to every queue."""
    return [
        ("live.changed", {"sequence": 1, "with_state": True, "silence": silence}),
        ("queue.changed", {}),
    ]
