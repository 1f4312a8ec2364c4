"""The web process: Daphne with a cap on request bodies and a quiet end (`python -m config.web --port 8000`).

Twisted writes a request body to a temporary file before any ASGI application is asked, so the cap of
`request_bodies` is held here as well. On SIGTERM the process stops listening, says that it is not ready, lets
running requests and turns come to their end, and closes what is left.
"""

import asyncio
import contextlib
import os
import struct
import sys
from functools import partial
from io import BytesIO
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
os.environ["SIDELINE_ROLE"] = "web"

import daphne.server
from daphne.cli import CommandLineInterface
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.ws_protocol import WebSocketProtocol
from django.conf import settings
from django.db import DatabaseError
from twisted.internet import defer, reactor
from twisted.internet.tcp import Connection
from typing_extensions import override

from config import asgi, health, memory
from config.request_bodies import limit_for, may_send_more, seconds_for
from conversations.apart import apart
from conversations.turns.run import turns

clock: Any = reactor

DRAIN_SECONDS = float(os.environ.get("DRAIN_SECONDS", "30"))
_PAUSE_SECONDS = 0.1
SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter while the event loop waits for it.

With Python's own 5 ms the first token of 60 users came 0.19 s later (p50; `benchmarks.chat`).
"""
_REFUSAL = b"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class CappedRequest(WebRequest):  # type: ignore[misc]
    """A request whose body is refused when it is announced, or turns out, too long or too slow.

    Where files are handed in, nothing more is read from the connection until it is known who sends them.
    """

    _refused = False
    _whole = False
    _room = _most = 0
    _announced: int | None = None
    _deadline: Any = None
    _looking: asyncio.Task[None] | None = None

    @override
    def gotLength(self, length: int | None) -> None:
        """Take the announced length, when the headers are complete."""
        path = getattr(self.channel, "_path", b"/").decode("ascii", "replace").partition("?")[0]
        self._room = settings.REQUEST_BODY_LIMIT
        self._most = limit_for(path, default=self._room, by_path=settings.REQUEST_BODY_LIMITS)
        self._announced = length
        if length is not None and length > self._most:
            self._refuse(b"413 Content Too Large")
            return
        super().gotLength(length)
        if length != 0:
            self._give_time(min(length or self._room, self._room))
        if length is not None and length > self._room:
            self._look()

    @override
    def handleContentChunk(self, data: bytes) -> None:
        """Take a piece of the body; while somebody is looked for, what had been read of it already."""
        self._room -= len(data)
        if self._room < 0 and self._looking is None:
            if self._most > settings.REQUEST_BODY_LIMIT:
                self._look()
            else:
                self._refuse(b"413 Content Too Large")
        elif self._room < 0 and self._looking is not None and self._looking.done():
            self._refuse(b"413 Content Too Large")
        if not self._refused:
            super().handleContentChunk(data)

    @override
    def requestReceived(self, *arguments: Any) -> Any:
        """Hand the complete request on, unless it was refused."""
        self._whole = True
        self._forget_deadline()
        return None if self._refused else super().requestReceived(*arguments)

    @override
    def connectionLost(self, reason: Any) -> None:
        """Tidy when the client has gone."""
        self._forget_deadline()
        super().connectionLost(reason)

    def _look(self) -> None:
        """Read nothing more until it is known whether the sender may hand files in."""
        self.channel.transport.pauseProducing()
        self._looking = asyncio.ensure_future(self._go_on_if_known())

    async def _go_on_if_known(self) -> None:
        """Give a sender who may hand files in the room and the time of this address; refuse others."""
        try:
            known = await may_send_more(self._header)
        except DatabaseError:
            self._refuse(b"503 Service Unavailable")
            return
        if not known:
            self._refuse(b"413 Content Too Large")
        elif not self._whole:
            self._room += self._most - settings.REQUEST_BODY_LIMIT
            self._give_time(self._announced or self._most)
            self.channel.transport.resumeProducing()

    def _header(self, name: str) -> str:
        return "; ".join(
            value.decode("latin-1") for value in self.requestHeaders.getRawHeaders(name.encode()) or ()
        )

    def _give_time(self, length: int) -> None:
        self._forget_deadline()
        seconds = seconds_for(length, patience_s=settings.REQUEST_BODY_SECONDS)
        self._deadline = clock.callLater(seconds, self._refuse, b"408 Request Timeout")

    def _forget_deadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()

    def _refuse(self, status: bytes) -> None:
        """Answer once, and drop the connection with whatever is still coming."""
        if self._refused or self._whole:
            return
        self._refused = True
        self._forget_deadline()
        self.content = BytesIO()
        self.channel.transport.write(_REFUSAL % status)
        self.channel.loseConnection()


class CappedFactory(HTTPFactory):  # type: ignore[misc]
    """Makes connections whose requests are capped."""

    @override
    def buildProtocol(self, addr: Any) -> Any:
        """Return the protocol of a new connection."""
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = CappedRequest
        channel = protocol._channel  # noqa: SLF001 -- Twisted has no setting for what follows a line too long
        channel.lineLengthExceeded = partial(_refuse_line, channel)
        return protocol


def _refuse_line(channel: Any, _line: bytes) -> Any:
    """Answer an address or a header of more than 16 KB; Twisted itself would only hang up."""
    channel.transport.write(_REFUSAL % b"414 URI Too Long")
    return channel.loseConnection()


class CodedProtocol(WebSocketProtocol):  # type: ignore[misc]
    """A websocket that may be closed with the standard's own codes, such as 1008 for too many frames.

    Autobahn lets an application say 1000 and 3000 to 4999 only, and turns every other into a failure (1011).
    """

    @override
    def serverClose(self, code: int | None = None) -> None:
        """Close the socket with a code."""
        self.sendCloseFrame(code=1000 if code is None else code)

    @override
    def serverSend(self, content: str | bytes, binary: bool = False) -> None:
        """Send a frame at once, where nothing waits before it.

        An answer is fifty frames. Autobahn and Twisted queue each and wake the reactor for it, which costs
        several times the system call that writes it.
        """
        if binary or self.state != self.STATE_OPEN or not isinstance(self.transport, Connection):
            super().serverSend(content, binary)
            return
        payload = content.encode() if isinstance(content, str) else content
        frame = _text_frame(payload)
        sent = 0 if _waits(self.transport) else self.transport.writeSomeData(frame)
        # What could not be written, or a connection that is gone, takes Twisted's ordinary way.
        rest = frame[sent:] if isinstance(sent, int) else frame
        if rest:
            self.transport.write(rest)  # type: ignore[no-untyped-call]


def _text_frame(payload: bytes) -> bytes:
    """Return a final, unmasked text frame (RFC 6455, section 5.2)."""
    length = len(payload)
    if length < 126:
        return struct.pack("!BB", 0x81, length) + payload
    if length < 1 << 16:
        return struct.pack("!BBH", 0x81, 126, length) + payload
    return struct.pack("!BBQ", 0x81, 127, length) + payload


def _waits(transport: Any) -> bool:
    """Whether bytes wait to be written before new ones."""
    return bool(transport._tempDataBuffer) or len(transport.dataBuffer) > transport.offset  # noqa: SLF001


class DrainingServer(daphne.server.Server):  # type: ignore[misc]
    """Daphne that lets what runs come to its end before it goes."""

    @override
    def kill_all_applications(self) -> Any:
        """Return a Deferred that fires when everything has ended or the time is over."""
        health.HealthProbes.draining = True
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._drain()))

    async def _drain(self) -> None:
        """Stop listening, wait for requests and turns, then end what is left."""
        for listening in self.listeners:
            listening.addCallback(lambda port: port.stopListening())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while self._requests():  # noqa: ASYNC110 -- Daphne announces no end of a request
                    await asyncio.sleep(_PAUSE_SECONDS)
                await turns.finished()
        waiting = [
            d["application_instance"] for d in self.connections.values() if "application_instance" in d
        ]
        for instance in waiting:
            instance.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    def _requests(self) -> int:
        """Return how many HTTP requests are being answered."""
        return sum(
            isinstance(protocol, WebRequest) and not details["application_instance"].done()
            for protocol, details in self.connections.items()
            if "application_instance" in details
        )


class Web(CommandLineInterface):  # type: ignore[misc]
    """Daphne's command line with our server."""

    server_class = DrainingServer


def main(arguments: list[str]) -> None:
    """Serve until told to stop."""
    memory.use_few_arenas()
    sys.setswitchinterval(SWITCH_SECONDS)
    daphne.server.HTTPFactory = CappedFactory
    daphne.server.WebSocketFactory.protocol = CodedProtocol
    # A frame beyond this cuts the connection; below it the consumer says what is too large, with a code.
    frames = ["--websocket-max-message-size", "1048576", "--websocket-max-frame-size", "1048576"]
    pings = ["--ping-interval", str(settings.SOCKET_PING_SECONDS)]
    pongs = ["--ping-timeout", str(settings.SOCKET_PONG_SECONDS)]
    clock.callWhenRunning(lambda: asyncio.ensure_future(apart.begin()))
    quiet = ["--verbosity", "0", "--no-server-name", *frames, *pings, *pongs]
    Web().run([*quiet, *arguments, f"{asgi.__name__}:application"])


if __name__ == "__main__":
    main(sys.argv[1:])
