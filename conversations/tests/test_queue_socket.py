"""The socket of the queue: it says when to look again, to the coaches of one organization."""

from types import SimpleNamespace

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator

from accounts.models import User
from accounts.tests.cast import Cast
from conversations import announcing, live
from conversations.consumers import QueueConsumer
from conversations.tests.factories import begin


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("threads")
class TestTheQueueSocket:
    def socket(self, member: User) -> WebsocketCommunicator:
        """Return a browser's socket to the queue."""
        communicator = WebsocketCommunicator(QueueConsumer.as_asgi(), "/ws/queue/")
        communicator.scope |= {"user": member, "session": SimpleNamespace(session_key="a session")}
        return communicator

    async def test_says_when_to_look_again_and_nothing_else(self, cast: Cast) -> None:
        socket = self.socket(cast.home.coach)
        await socket.connect()
        assert await socket.receive_json_from() == {"type": "ready"}
        await live.queue_changed(cast.home.organization.pk)
        assert await socket.receive_json_from() == {"type": "queue"}
        await socket.send_json_to({"type": "hello", "sequence": 0})
        assert await socket.receive_json_from() == {"type": "queue"}
        await socket.disconnect()

    async def test_is_told_of_its_own_organization_alone(self, cast: Cast) -> None:
        sockets = [self.socket(house.coach) for house in (cast.home, cast.away)]
        conversation = await sync_to_async(begin)(cast.away.owner)
        for socket in sockets:
            await socket.connect()
            assert await socket.receive_json_from() == {"type": "ready"}
        await announcing.show(conversation.pk, sequence=1, with_state=True)
        ours, theirs = sockets
        assert await theirs.receive_json_from() == {"type": "queue"}
        assert await ours.receive_nothing()
        for socket in sockets:
            await socket.disconnect()

    async def test_opens_and_closes_while_the_layer_is_away(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fails(*_arguments: object) -> None:
            raise ConnectionError

        layer = get_channel_layer()
        for name in ("group_add", "group_discard"):
            monkeypatch.setattr(layer, name, fails)
        socket = self.socket(cast.home.coach)
        await socket.connect()
        assert await socket.receive_json_from() == {"type": "ready"}
        await socket.send_json_to({"type": "hello", "sequence": 0})
        assert await socket.receive_json_from() == {"type": "queue"}
        await socket.disconnect()

    async def test_is_closed_to_an_educator(self, cast: Cast) -> None:
        socket = self.socket(cast.home.owner)
        await socket.connect()
        assert await socket.receive_output() == {"type": "websocket.close", "code": 4404}
