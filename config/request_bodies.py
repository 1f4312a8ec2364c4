"""A cap on request bodies, counted before Django reads anything.

Django's ASGI handler writes the whole body to a temporary file before the first middleware runs, whoever sends it
and wherever to. Here a body that is announced as too long is refused unread, one that turns out too long is cut,
and one that stands still is given up. More than a form holds is read where files are handed in, and there only of
somebody whose session or key may do that.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.db import DatabaseError
from django.utils import timezone

from accounts import api_errors, uploads
from conversations.database import in_db

TOO_LONG = 413
TOO_SLOW = 408
AWAY = 503
API_PREFIX = "/api/"
TEXTS = {
    TOO_LONG: b"This is more than fits here.",
    TOO_SLOW: b"The request took too long to arrive.",
    AWAY: b"A part of Sideline is away for a moment. Try again soon.",
}
SLOWEST_BYTES_PER_SECOND = 128 * 1024
"""A megabit each second: the largest file then has a quarter of an hour."""

Headers = Callable[[str], str]
"""Returns the value of a request's header, or nothing."""


class _Refused(Exception):
    """The body will not be read to its end; `status` says why."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def limit_for(path: str, *, default: int, by_path: Mapping[str, int]) -> int:
    """Return how many bytes a body to this path may have: the first pattern that is the whole path decides."""
    return next((limit for pattern, limit in by_path.items() if re.fullmatch(pattern, path)), default)


async def may_send_more(header: Headers) -> bool:
    """Whether somebody sends this who may hand in files, by one short look at the database.

    Raises:
        DatabaseError: nobody can tell.
    """
    return await in_db(uploads.may_upload)(
        cookie=header("cookie"), authorization=header("authorization"), now=timezone.now()
    )


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
        by_path: Mapping[str, int],
        patience_s: float,
        may_send_more: Callable[[Headers], Awaitable[bool]] = may_send_more,
    ) -> None:
        self.application = application
        self.default = default
        self.by_path = by_path
        self.patience_s = patience_s
        self.may_send_more = may_send_more

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Hand the request on with a counting `receive`, or refuse it."""
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        answer = _Answer(send, in_envelope=scope["path"].startswith(API_PREFIX))
        most = limit_for(scope["path"], default=self.default, by_path=self.by_path)
        body = _Body(_announced(scope), self.default, most, self.patience_s)
        try:
            if body.announced > body.room:
                await self._widen(body, scope)
            await self.application(scope, self._counting(receive, body, scope), answer.send)
        except _Refused as refused:
            await answer.refuse(refused.status)

    async def _widen(self, body: "_Body", scope: dict[str, Any]) -> None:
        """Let the body have all the room of its address, if it fits there and its sender may use it."""
        if max(body.announced, body.seen) > body.most:
            raise _Refused(TOO_LONG)
        try:
            if not await self.may_send_more(_headers_of(scope)):
                raise _Refused(TOO_LONG)
        except DatabaseError:
            raise _Refused(AWAY) from None
        body.widen()

    def _counting(self, receive: Any, body: "_Body", scope: dict[str, Any]) -> Callable[[], Any]:
        """Return a `receive` that raises when the body is too long or takes too long."""

        async def counted() -> dict[str, Any]:
            try:
                async with asyncio.timeout_at(body.until):
                    message: dict[str, Any] = await receive()
            except TimeoutError:
                raise _Refused(TOO_SLOW) from None
            body.seen += len(message.get("body", b""))
            if body.seen > body.room:
                await self._widen(body, scope)
            if not message.get("more_body", False):
                body.until = None
            return message

        return counted


class _Body:
    """How much of a body has come, how much room there is for it, and until when; nothing once it is whole."""

    def __init__(self, announced: int, room: int, most: int, patience_s: float) -> None:
        self.announced = announced
        self.seen = 0
        self.room = room
        self.most = most
        self._began = asyncio.get_running_loop().time()
        self._patience_s = patience_s
        self.until: float | None = self._end(min(announced or room, room))

    def widen(self) -> None:
        """Give the body all the room that its address has, and the time that it then takes."""
        self.room = self.most
        self.until = self._end(self.announced or self.most)

    def _end(self, length: int) -> float:
        return self._began + seconds_for(length, patience_s=self._patience_s)


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


def _headers_of(scope: dict[str, Any]) -> Headers:
    """Return how to look a header up; one that comes twice is joined as browsers' cookies are."""

    def header(name: str) -> str:
        found = [value.decode("latin-1") for each, value in scope["headers"] if each == name.encode()]
        return "; ".join(found)

    return header


def _announced(scope: dict[str, Any]) -> int:
    """Return the length that the client announces; none or nonsense counts as none."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
