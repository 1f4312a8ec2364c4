"""A cap on request bodies, counted before Django reads anything.

Django's ASGI handler writes the whole body to a temporary file before the first middleware runs, whoever sends it
and wherever to. Here a body that is announced as too long is refused unread, one that turns out too long is cut,
and one that stands still is given up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from accounts import api_errors

TOO_LONG = 413
TOO_SLOW = 408
API_PREFIX = "/api/"
TEXTS = {
    TOO_LONG: b"This is more than fits here.",
    TOO_SLOW: b"The request took too long to arrive.",
}
SLOWEST_BYTES_PER_SECOND = 32 * 1024


class _Refused(Exception):
    """The body will not be read to its end; `status` says why."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def limit_for(path: str, *, default: int, by_prefix: Mapping[str, int]) -> int:
    """Return how many bytes a body to this path may have: the longest matching prefix decides."""
    matching = [prefix for prefix in by_prefix if path.startswith(prefix)]
    return by_prefix[max(matching, key=len)] if matching else default


def seconds_for(length: int, *, patience_s: float) -> float:
    """Return how long a body of this many bytes may take altogether: a slow line may, a crawling one may not."""
    return patience_s + length / SLOWEST_BYTES_PER_SECOND


class BodyLimit:
    """An ASGI application around another that refuses long and stalled request bodies."""

    def __init__(
        self,
        application: Callable[..., Awaitable[None]],
        *,
        default: int,
        by_prefix: Mapping[str, int],
        patience_s: float,
    ) -> None:
        self.application = application
        self.default = default
        self.by_prefix = by_prefix
        self.patience_s = patience_s

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Hand the request on with a counting `receive`, or refuse it."""
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        limit = limit_for(scope["path"], default=self.default, by_prefix=self.by_prefix)
        answer = _Answer(send, in_envelope=scope["path"].startswith(API_PREFIX))
        if _announced(scope) > limit:
            await answer.refuse(TOO_LONG)
            return
        seconds = seconds_for(_announced(scope) or limit, patience_s=self.patience_s)
        try:
            await self.application(scope, _counting(receive, limit, seconds), answer.send)
        except _Refused as refused:
            await answer.refuse(refused.status)


def _counting(receive: Any, limit: int, seconds: float) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Return a `receive` that raises when the body is too long or takes too long."""
    until = asyncio.get_running_loop().time() + seconds
    seen = 0
    finished = False

    async def counted() -> dict[str, Any]:
        nonlocal seen, finished
        try:
            async with asyncio.timeout_at(None if finished else until):
                message: dict[str, Any] = await receive()
        except TimeoutError:
            raise _Refused(TOO_SLOW) from None
        seen += len(message.get("body", b""))
        if seen > limit:
            raise _Refused(TOO_LONG)
        finished = finished or not message.get("more_body", False)
        return message

    return counted


class _Answer:
    """Remembers whether the answer has begun."""

    def __init__(self, send: Any, *, in_envelope: bool) -> None:
        self._send = send
        self._begun = False
        self._in_envelope = in_envelope

    async def send(self, message: dict[str, Any]) -> None:
        """Pass a message of the answer on."""
        self._begun = True
        await self._send(message)

    async def refuse(self, status: int) -> None:
        """Answer with a status and close the connection, unless an answer has begun."""
        if self._begun:
            return
        kind, text = "text/plain; charset=utf-8", TEXTS[status]
        if self._in_envelope:
            refusal = api_errors.plain(status, request_id="")
            kind, text = refusal["Content-Type"], refusal.content
        headers = [(b"content-type", kind.encode()), (b"connection", b"close")]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": text})


def _announced(scope: dict[str, Any]) -> int:
    """Return the length that the client announces; none or nonsense counts as none."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
