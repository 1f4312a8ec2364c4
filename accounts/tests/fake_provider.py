"""What the fake providers share: real HTTP on the loopback address, and ways to misbehave."""

import base64
import hashlib
import json
import secrets
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from typing_extensions import override

CLIENT_ID = "sideline-of-the-tests"
CLIENT_SECRET = "known to the server and to the fake"

Answer = tuple[int, bytes, dict[str, str]]


@dataclass(frozen=True)
class Asked:
    """One request that a fake received."""

    method: str
    path: str
    values: dict[str, str]
    headers: dict[str, str]


@dataclass
class FakeProvider(ABC):
    """An OAuth server with one person, who agrees to everything.

    Codes are used once and only by who has the secret, the same redirect address and the PKCE verifier.
    """

    called: ClassVar[str]
    """Under which name Sideline knows the provider."""
    asked: list[Asked] = field(default_factory=list)
    instead: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """Status and body to answer with at a path, whatever is asked there."""
    never: set[str] = field(default_factory=set)
    """Paths at which no answer comes while the fake lives."""

    def __enter__(self) -> Self:
        self._codes: dict[str, dict[str, str]] = {}
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where the fake is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def agree(self, departure: str, **changed: str) -> str:
        """Return where the browser is sent back to from the address to which Sideline sent it.

        Args:
            departure: the address of the provider, with its parameters.
            changed: parameters that somebody changed on the way.
        """
        values = {**dict(parse_qsl(urlsplit(departure).query)), **changed}
        return _redirect_of(f"{self.url}/approve?{urlencode(values)}")

    def answer(self, asked: Asked) -> Answer:
        """Return the answer to a request."""
        self.asked.append(asked)
        if asked.path in self.never:
            self._closing.wait()
        if asked.path in self.instead:
            status, body = self.instead[asked.path]
            return status, body, {"Content-Type": "application/json"}
        if asked.path == "/authorize":
            return self._page(asked.values)
        if asked.path == "/approve":
            return self._approve(asked.values)
        if asked.path == "/token":
            return self._token(asked)
        return self.about(asked)

    @property
    def places(self) -> dict[str, Any]:
        """Settings that lead here."""
        return {
            "APPS": [{"client_id": CLIENT_ID, "secret": CLIENT_SECRET}],
            "AUTHORIZE_URL": f"{self.url}/authorize",
            "TOKEN_URL": f"{self.url}/token",
        }

    @abstractmethod
    def about(self, asked: Asked) -> Answer:
        """Return what the provider says of its person, or of its keys."""

    @abstractmethod
    def token(self, departed: dict[str, str]) -> dict[str, Any]:
        """Return what the token endpoint answers for a code that was given to such a departure."""

    @abstractmethod
    def knows_client(self, asked: Asked) -> bool:
        """Whether the client proved who it is, in the way that this provider wants."""

    def _page(self, values: dict[str, str]) -> Answer:
        link = escape(f"/approve?{urlencode(values)}")
        head = "<!doctype html><link rel='icon' href='data:,'><title>Who are you?</title>"
        page = f"{head}<h1>Who are you?</h1><a href='{link}'>The one you know</a>"
        return 200, page.encode(), {"Content-Type": "text/html"}

    def _approve(self, values: dict[str, str]) -> Answer:
        code = secrets.token_hex(8)
        self._codes[code] = values
        back = {"code": code, **({"state": values["state"]} if "state" in values else {})}
        return 302, b"", {"Location": f"{values['redirect_uri']}?{urlencode(back)}"}

    def _token(self, asked: Asked) -> Answer:
        departed = self._codes.pop(asked.values.get("code", ""), None)
        if departed is None or not self.knows_client(asked) or not _belongs(asked.values, departed):
            return as_json({"error": "invalid_grant"}, status=400)
        return as_json(self.token(departed))


def as_json(body: object, status: int = 200) -> Answer:
    """Return an answer in JSON."""
    return status, json.dumps(body).encode(), {"Content-Type": "application/json"}


def _belongs(values: dict[str, str], departed: dict[str, str]) -> bool:
    """Return whether a code is brought by who asked for it."""
    digest = hashlib.sha256(values.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return (
        values.get("redirect_uri") == departed["redirect_uri"]
        and departed.get("code_challenge_method") == "S256"
        and challenge == departed.get("code_challenge")
    )


def _handler(fake: FakeProvider) -> type[BaseHTTPRequestHandler]:
    """Return a handler that lets the fake answer."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            place = urlsplit(self.path)
            length = int(self.headers.get("Content-Length", 0))
            values = dict(parse_qsl(self.rfile.read(length).decode() if length else place.query))
            status, body, headers = fake.answer(
                Asked(self.command, place.path, values, dict(self.headers.items()))
            )
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # Sideline did not wait.

        do_GET = do_POST = _serve  # noqa: N815 -- the names that the base class looks for

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler


class _Stay(HTTPRedirectHandler):
    """Follows no redirect."""

    @override
    def redirect_request(self, *_args: Any) -> None:
        return None


def _redirect_of(url: str) -> str:
    """Return where an address sends the browser."""
    try:
        build_opener(_Stay).open(Request(url), timeout=10)  # noqa: S310 -- loopback
    except HTTPError as answer:
        with answer:
            return str(answer.headers["Location"])
    raise AssertionError("no redirect")
