"""The cap on request bodies, held before Django reads anything."""

import asyncio
import json
from typing import Any

import pytest

from config.request_bodies import BodyLimit, limit_for, seconds_for

LIMIT = 10
UPLOADS = {"/upload/": 100, "/upload/large/": 1000}


class Exchange:
    """A client that sends pieces of a body to an application which reads them all."""

    def __init__(self, *pieces: bytes, path: str = "/", length: int | None = None) -> None:
        self.pieces = list(pieces)
        headers = [] if length is None else [(b"content-length", str(length).encode())]
        self.scope = {"type": "http", "path": path, "headers": headers}
        self.sent: list[dict[str, Any]] = []
        self.read = b""
        self.asked = 0

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        if not self.pieces:
            await asyncio.Event().wait()
        body = self.pieces.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(self.pieces) or body == b""}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            message = await receive()
            self.read += message["body"]
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"read"})

    async def run(self, patience_s: float = 30) -> int:
        """Return the status of the answer."""
        limited = BodyLimit(self.application, default=LIMIT, by_prefix=UPLOADS, patience_s=patience_s)
        await limited(self.scope, self.receive, self.send)
        status: int = self.sent[0]["status"]
        return status


async def test_a_body_that_fits_is_read() -> None:
    exchange = Exchange(b"12345", b"67890", length=10)
    assert await exchange.run() == 200
    assert exchange.read == b"1234567890"


async def test_a_body_announced_as_too_long_is_refused_unread() -> None:
    exchange = Exchange(b"x" * 11, length=11)
    assert await exchange.run() == 413
    assert exchange.asked == 0


async def test_a_body_that_turns_out_too_long_is_cut() -> None:
    exchange = Exchange(*[b"x" * 6] * 100)
    assert await exchange.run() == 413
    assert exchange.asked == 2
    assert exchange.read == b"x" * 6


async def test_a_body_that_stands_still_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await Exchange(b"").run(patience_s=0.01) == 408


async def test_the_api_refuses_in_its_envelope() -> None:
    exchange = Exchange(b"x" * 11, path="/api/v1/conversations", length=11)
    assert await exchange.run() == 413
    assert (b"content-type", b"application/json") in exchange.sent[0]["headers"]
    assert json.loads(exchange.sent[1]["body"])["error"]["code"] == "TOO_LARGE"


async def test_a_path_that_takes_files_takes_more() -> None:
    assert await Exchange(b"x" * 50, path="/upload/one", length=50).run() == 200


async def test_sockets_are_handed_on() -> None:
    reached: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["type"])

    await BodyLimit(application, default=LIMIT, by_prefix={}, patience_s=1)({"type": "websocket"}, None, None)
    assert reached == ["websocket"]


@pytest.mark.parametrize(
    ("path", "limit"), [("/", 10), ("/upload", 10), ("/upload/x", 100), ("/upload/large/x", 1000)]
)
def test_the_longest_prefix_decides(path: str, limit: int) -> None:
    assert limit_for(path, default=LIMIT, by_prefix=UPLOADS) == limit


def test_a_slow_line_has_its_time() -> None:
    assert seconds_for(32 * 1024 * 60, patience_s=30) == 90
