"""The cap on request bodies, held before Django reads anything."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from accounts import tokens, uploads
from accounts.models import User
from config.request_bodies import BodyLimit, Headers, limit_for, seconds_for

LIMIT = 10
UPLOADS = {"/upload/[a-z]+": 100, "/upload/large/.*": 1000}


class Exchange:
    """A client that sends pieces of a body to an application which reads them all."""

    def __init__(self, *pieces: bytes, path: str = "/", length: int | None = None, key: str = "") -> None:
        self.pieces = list(pieces)
        headers = [] if length is None else [(b"content-length", str(length).encode())]
        headers += [(b"authorization", key.encode())] if key else []
        self.scope = {"type": "http", "path": path, "headers": headers}
        self.looks = 0
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

    async def is_known(self, header: Headers) -> bool:
        self.looks += 1
        if header("authorization") == "broken":
            raise OperationalError
        return header("authorization") == "known"

    async def run(self, patience_s: float = 30) -> int:
        """Return the status of the answer."""
        limited = BodyLimit(
            self.application,
            default=LIMIT,
            by_path=UPLOADS,
            patience_s=patience_s,
            may_send_more=self.is_known,
        )
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


class TestWhereFilesAreHandedIn:
    async def test_somebody_who_may_sends_more(self) -> None:
        exchange = Exchange(b"x" * 50, path="/upload/one", length=50, key="known")
        assert await exchange.run() == 200
        assert (exchange.looks, len(exchange.read)) == (1, 50)

    async def test_so_they_do_without_a_length_and_are_asked_for_once(self) -> None:
        exchange = Exchange(*[b"x" * 8] * 10, path="/upload/one", key="known")
        assert await exchange.run() == 200
        assert (exchange.looks, len(exchange.read)) == (1, 80)

    async def test_nobody_sends_more_than_the_address_takes(self) -> None:
        exchange = Exchange(b"x" * 101, path="/upload/one", length=101, key="known")
        assert (await exchange.run(), exchange.asked, exchange.looks) == (413, 0, 0)
        exchange = Exchange(*[b"x" * 8] * 100, path="/upload/one", key="known")
        assert (await exchange.run(), exchange.asked) == (413, 13)

    @pytest.mark.parametrize("key", ["", "unknown"])
    async def test_a_stranger_is_refused_unread(self, key: str) -> None:
        exchange = Exchange(b"x" * 50, path="/upload/one", length=50, key=key)
        assert (await exchange.run(), exchange.asked) == (413, 0)

    async def test_a_stranger_without_a_length_is_cut(self) -> None:
        exchange = Exchange(*[b"x" * 8] * 10, path="/upload/one")
        assert (await exchange.run(), exchange.asked) == (413, 2)

    async def test_what_is_short_is_read_of_anybody_without_a_look(self) -> None:
        exchange = Exchange(b"x" * 9, path="/upload/one", length=9)
        assert (await exchange.run(), exchange.looks) == (200, 0)

    async def test_while_nobody_can_tell_it_says_so(self) -> None:
        exchange = Exchange(b"x" * 50, path="/upload/one", length=50, key="broken")
        assert (await exchange.run(), exchange.asked) == (503, 0)


async def test_sockets_are_handed_on() -> None:
    reached: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["type"])

    await BodyLimit(application, default=LIMIT, by_path={}, patience_s=1)({"type": "websocket"}, None, None)
    assert reached == ["websocket"]


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/", 10), ("/upload", 10), ("/upload/x", 100), ("/upload/x/", 10), ("/upload/large/x", 1000)],
)
def test_the_whole_address_decides(path: str, limit: int) -> None:
    assert limit_for(path, default=LIMIT, by_path=UPLOADS) == limit


@pytest.mark.parametrize(
    ("path", "takes_files"),
    [
        ("/api/v1/documents", True),
        ("/api/v1/documents/", False),
        (f"/api/v1/documents/{UUID(int=1)}/versions", True),
        ("/api/v1/documents-of-nobody", False),
        ("/admin/knowledge/document/upload/", True),
        (f"/admin/knowledge/document/{UUID(int=1)}/replace/", True),
        (f"/admin/knowledge/document/{UUID(int=1)}/delete/", False),
        ("/admin/knowledge/nothing/", False),
    ],
)
def test_files_are_taken_where_there_is_a_door_for_them(settings: Any, path: str, takes_files: bool) -> None:
    small = settings.REQUEST_BODY_LIMIT
    assert (limit_for(path, default=small, by_path=settings.REQUEST_BODY_LIMITS) > small) is takes_files


def test_a_slow_line_has_its_time() -> None:
    assert seconds_for(128 * 1024 * 60, patience_s=30) == 90


@pytest.mark.django_db
class TestWhoMayHandFilesIn:
    """Asked of the headers alone."""

    def may(self, client: Client | None = None, key: str = "") -> bool:
        cookie = client.cookies.output(header="", sep=";") if client else ""
        return uploads.may_upload(cookie=cookie, authorization=key, now=timezone.now())

    def signed_in(self, member: User) -> Client:
        client = Client()
        client.force_login(member)
        return client

    def key_of(self, member: User, *scopes: str) -> str:
        made = tokens.issue(owner=member, name="Robot", scopes=scopes, days=7, now=timezone.now())
        return f"Bearer {made.secret}"

    def test_a_coach_in_a_browser_may(self, coach: User) -> None:
        client = self.signed_in(coach)
        assert self.may(client) is True
        client.logout()
        assert self.may(client) is False

    def test_an_educator_and_a_stranger_may_not(self, owner: User) -> None:
        assert self.may(self.signed_in(owner)) is False
        assert self.may() is False
        stranger = Client()
        stranger.cookies["sessionid"] = "x" * 32
        assert self.may(stranger) is False

    def test_a_session_that_a_new_password_ended_may_not(self, coach: User) -> None:
        client = self.signed_in(coach)
        coach.set_password("another long pass phrase")
        coach.save()
        assert self.may(client) is False

    def test_a_deactivated_coach_may_not(self, coach: User) -> None:
        client, key = self.signed_in(coach), self.key_of(coach, "documents")
        assert self.may(key=key) is True
        User.objects.filter(pk=coach.pk).update(is_active=False)
        assert (self.may(client), self.may(key=key)) == (False, False)

    def test_a_key_may_what_it_was_made_for(self, coach: User) -> None:
        assert self.may(key=self.key_of(coach, "documents", "read")) is True
        assert self.may(key=self.key_of(coach, "read", "write")) is False
        assert self.may(key="Bearer nonsense") is False
        assert self.may(self.signed_in(coach), key="Bearer nonsense") is False
