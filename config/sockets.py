"""How many sockets one person may have open at the same time in this process; each costs a little for as long as it lives."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

TOO_MANY = 1008


class FewSockets:
    """An ASGI application around that of the sockets, inside of what says whose each is.

    One too many is let in just far enough to be told so by its close code: the page comes back later by itself.
    """

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self.application = application
        self._open: Counter[Any] = Counter()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Hand the socket on, and count it until it closes."""
        person = scope["user"].pk
        if person is None:
            await self.application(scope, receive, send)
            return
        if self._open[person] >= settings.SOCKETS_AT_ONCE:
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": TOO_MANY})
            return
        self._open[person] += 1
        try:
            await self.application(scope, receive, send)
        finally:
            self._open[person] -= 1
            if not self._open[person]:
                del self._open[person]
