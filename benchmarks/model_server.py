"""The model of the chat benchmarks: OpenAI's streamed answers with little work of its own.

It shares two processors with what is measured, so each token is one timer and one write of bytes made beforehand;
`coaching.tests.loopback`, which can also fail in all ways, takes three times as long over it. Every call is
answered alike: the first token after a while, the others at equal distances. `GET /stats` tells what it has seen.

    python -m benchmarks.model_server --port 9999 [--first-token-ms 100] [--tokens 100] [--gap-ms 20]
"""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import orjson
from typing_extensions import override

from coaching.tests.loopback import Seen
from config.ports import LOOPBACK

WORDS = [
    "Teams",
    "that",
    "look",
    "at",
    "student",
    "work",
    "together",
    "every",
    "week",
    "learn",
    "faster",
    "[1].",
    "",
]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%s\r\n\r\n"
STREAMED = HEAD % (b"text/event-stream", b"Transfer-Encoding: chunked")


@dataclass(slots=True)
class Script:
    """The one answer: its pieces as they go out, and their seconds after the question."""

    pieces: Sequence[bytes]
    first_token_s: float
    gap_s: float


def script(*, tokens: int, first_token_s: float, gap_s: float) -> Script:
    """Write the answer, with what ends it beside its last token."""
    pieces = [
        _event({"choices": [{"index": 0, "delta": {"content": WORDS[number % len(WORDS)] + " "}}]})
        for number in range(tokens)
    ]
    usage = {"prompt_tokens": 2_000, "completion_tokens": tokens, "total_tokens": 2_000 + tokens}
    end = [
        _event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
        _event({"choices": [], "usage": usage}),
        _chunk(b"data: [DONE]\n\n"),
        b"0\r\n\r\n",
    ]
    return Script([*pieces[:-1], b"".join([pieces[-1], *end])], first_token_s, gap_s)


class Caller(asyncio.Protocol):
    """One connection, whose calls come one after the other."""

    def __init__(self, answer: Script, seen: Seen) -> None:
        self._script = answer
        self._seen = seen
        self._read = b""
        self._next = 0
        self._timer: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            self._read = b""
            self._answer(head)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._seen.open -= 1
            self._seen.disconnects += 1

    def _answer(self, head: bytes) -> None:
        if not head.startswith(b"POST"):
            told = orjson.dumps(asdict(self._seen))
            length = b"Content-Length: %d" % len(told)
            self._transport.write(HEAD % (b"application/json", length) + told)
            return
        self._seen.calls += 1
        self._seen.open += 1
        self._transport.write(STREAMED)
        loop = asyncio.get_running_loop()
        self._next = 0
        self._due = loop.time() + self._script.first_token_s
        self._timer = loop.call_at(self._due, self._say)

    def _say(self) -> None:
        """Write the next token, and see to the one after it: late by no more than this one was."""
        self._transport.write(self._script.pieces[self._next])
        self._next += 1
        if self._next == len(self._script.pieces):
            self._timer = None
            self._seen.open -= 1
            self._seen.finished += 1
            return
        self._due += self._script.gap_s
        self._timer = asyncio.get_running_loop().call_at(self._due, self._say)


def _length(head: bytes) -> int:
    """Return the bytes of the body that a request's head announces."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _event(value: object) -> bytes:
    return _chunk(b"data: " + orjson.dumps(value) + b"\n\n")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def serve(answer: Script, port: int) -> None:
    """Serve on loopback until cancelled."""
    seen = Seen()
    server = await asyncio.get_running_loop().create_server(
        lambda: Caller(answer, seen), LOOPBACK, port, backlog=1024
    )
    await server.serve_forever()


def main() -> None:
    """Run the server."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=9999)
    parser.add_argument("--first-token-ms", type=float, default=100)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--gap-ms", type=float, default=20)
    options = parser.parse_args()
    answer = script(
        tokens=options.tokens, first_token_s=options.first_token_ms / 1000, gap_s=options.gap_ms / 1000
    )
    asyncio.run(serve(answer, options.port))


if __name__ == "__main__":
    main()
