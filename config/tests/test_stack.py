"""The real processes: served, capped, drained, and back after a crash."""

import http.client
import socket
from typing import Any

import pytest
from django.utils import timezone

from accounts import tokens
from accounts.tests.cast import build_cast
from accounts.tests.waiting import until
from config.tests.stack import Stack

pytestmark = pytest.mark.processes


def ask(
    stack: Stack, method: str, path: str, body: bytes | None = None, **headers: str
) -> http.client.HTTPResponse:
    """Return the answer to one request."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=20)
    connection.request(method, path, body=body, headers=headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def status_of_raw(stack: Stack, request: bytes) -> bytes:
    """Return the status line that a request gets, written byte for byte."""
    with socket.create_connection(("127.0.0.1", stack.port), timeout=20) as connection:
        connection.sendall(request)
        return connection.recv(200).split(b"\r\n", 1)[0]


def answer_to_raw(stack: Stack, request: bytes) -> bytes:
    """Return everything that a request gets before the connection is closed."""
    with socket.create_connection(("127.0.0.1", stack.port), timeout=20) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(4096), b""))


def test_pages_are_served_with_a_strict_policy(live_stack: Stack) -> None:
    response = ask(live_stack, "GET", "/accounts/login/")
    assert response.status == 200
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_long_body_is_refused_before_it_is_sent(live_stack: Stack) -> None:
    head = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (600 * 1024 * 1024)
    assert status_of_raw(live_stack, head) == b"HTTP/1.1 413 Content Too Large"


def test_a_long_body_without_a_length_is_cut(live_stack: Stack) -> None:
    head = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"%x\r\n%s\r\n" % (600_000, b"x" * 600_000)
    assert status_of_raw(live_stack, head + chunk * 2) == b"HTTP/1.1 413 Content Too Large"


class TestHandingInAFile:
    """At the web server itself, before anything is written down of what was sent."""

    PATH = b"/api/v1/documents"

    def head(self, *headers: bytes) -> bytes:
        return b"\r\n".join((b"POST " + self.PATH + b" HTTP/1.1", b"Host: localhost", *headers, b"", b""))

    def chunks(self, count: int) -> bytes:
        return b"%x\r\n%s\r\n" % (600_000, b"x" * 600_000) * count

    def test_of_a_stranger_is_refused_before_it_is_sent(self, live_stack: Stack) -> None:
        announced = self.head(b"Content-Length: 2000000", b"Authorization: Bearer nonsense")
        assert status_of_raw(live_stack, announced) == b"HTTP/1.1 413 Content Too Large"
        endless = self.head(b"Transfer-Encoding: chunked") + self.chunks(4)
        assert status_of_raw(live_stack, endless) == b"HTTP/1.1 413 Content Too Large"

    def test_of_a_coach_is_read(self, live_stack: Stack) -> None:
        coach = build_cast().home.coach
        made = tokens.issue(owner=coach, name="Robot", scopes=["documents"], days=7, now=timezone.now())
        key = b"Authorization: Bearer " + made.secret.encode()
        announced = self.head(b"Content-Length: 2400000", key, b"Content-Type: text/plain")
        assert (
            status_of_raw(live_stack, announced + b"x" * 2_400_000) == b"HTTP/1.1 415 Unsupported Media Type"
        )
        # Django reads no body without a length; that the API says so shows that it was let in.
        chunked = self.head(b"Transfer-Encoding: chunked", b"Connection: close", key)
        answer = answer_to_raw(live_stack, chunked + self.chunks(4) + b"0\r\n\r\n")
        assert b"INVALID_INPUT" in answer


def test_an_address_that_is_too_long_is_answered(live_stack: Stack) -> None:
    head = b"GET /?q=" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert status_of_raw(live_stack, head) == b"HTTP/1.1 414 URI Too Long"


def test_an_ordinary_body_passes(live_stack: Stack) -> None:
    assert ask(live_stack, "POST", "/nowhere", b"x" * 1000).status in {403, 404}


def test_a_killed_web_process_comes_back(live_stack: Stack) -> None:
    live_stack.web.kill()
    assert not live_stack.web.running
    live_stack.start_web()
    assert ask(live_stack, "GET", "/livez").status == 200


def test_a_killed_worker_is_missed_but_pages_go_on(live_stack: Stack, redis_server: Any) -> None:
    live_stack.worker.kill()
    with redis_server.client() as client:
        client.delete("sideline:worker-heartbeat")
    until(lambda: not live_stack.readiness()["worker"], "a worker that is missed")
    assert live_stack.readiness() == {
        "ready": True,
        "database": True,
        "migrations": True,
        "redis": True,
        "worker": False,
    }
    live_stack.start_worker()
    assert live_stack.readiness()["worker"]


def test_redis_away_is_said_and_pages_go_on(live_stack: Stack, redis_server: Any) -> None:
    redis_server.stop()
    assert ask(live_stack, "GET", "/accounts/login/").status == 200


def test_asked_to_end_it_ends(live_stack: Stack) -> None:
    live_stack.web.terminate()
    live_stack.worker.terminate()
    assert not live_stack.web.running
    assert not live_stack.worker.running
