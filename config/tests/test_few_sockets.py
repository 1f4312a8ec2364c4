"""One person has so many sockets open in a process, and no more."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from accounts.models import User
from config.sockets import FewSockets
from config.tests.faults import Chat


async def door(_scope: Any, receive: Any, send: Any) -> None:
    """Let everybody in until they leave."""
    await receive()
    await send({"type": "websocket.accept"})
    await receive()


class TestInAProcess:
    @pytest.fixture
    def sockets(self, settings: Any) -> FewSockets:
        settings.SOCKETS_AT_ONCE = 2
        return FewSockets(door)

    async def come(self, sockets: FewSockets, person: Any) -> WebsocketCommunicator:
        """Open a socket of a person."""
        came = WebsocketCommunicator(sockets, "/ws/queue/")
        came.scope["user"] = person
        assert (await came.connect())[0] is True
        return came

    async def closed(self, socket: WebsocketCommunicator) -> Any:
        """Return the code with which the server closes a socket; none where it does not."""
        if await socket.receive_nothing(timeout=0.05):
            return None
        return (await socket.receive_output())["code"]

    async def test_one_too_many_is_closed_until_another_closes(self, sockets: FewSockets) -> None:
        ada, ben = User(), User()
        mine = [await self.come(sockets, ada) for _ in range(3)]
        assert [await self.closed(each) for each in mine] == [None, None, 1008]
        theirs = await self.come(sockets, ben)
        assert await self.closed(theirs) is None
        await mine[0].disconnect()
        again = await self.come(sockets, ada)
        assert await self.closed(again) is None
        for each in (mine[1], theirs, again):
            await each.disconnect()
        assert sockets._open == {}

    async def test_who_is_nobody_is_left_to_the_door(self, sockets: FewSockets) -> None:
        several = [await self.come(sockets, AnonymousUser()) for _ in range(3)]
        assert [await self.closed(each) for each in several] == [None] * 3
        for each in several:
            await each.disconnect()


@pytest.mark.processes
async def test_one_socket_too_many_of_somebody_is_closed(chat: Chat) -> None:
    conversation = await chat.conversation()
    async with chat.tab(conversation.pk) as page, AsyncExitStack() as opened:
        address = f"{page.stack.websocket_url}/ws/conversations/{conversation.pk}/"
        headers = {"Cookie": f"sessionid={page.session}"}
        sockets = [
            await opened.enter_async_context(
                # Nobody reads what these hear; with a limited queue they would not see the server close, either.
                connect(
                    address,
                    additional_headers=headers,
                    origin=page.stack.url,  # type: ignore[arg-type]
                    proxy=None,
                    max_queue=None,
                )
            )
            for _ in range(21)
        ]
        async with asyncio.timeout(20):
            assert [type(await each.recv()) for each in sockets[:20]] == [str] * 20
            with pytest.raises(ConnectionClosed) as refused:
                await sockets[20].recv()
        assert refused.value.rcvd is not None
        assert refused.value.rcvd.code == 1008
