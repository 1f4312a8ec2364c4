"""A deterministic server that speaks OpenAI's protocol on loopback, for tests and benchmarks.

Run it alone with ``python -m coaching.tests.loopback --port 9999 --first-token-ms 100 --tokens 100
--gap-ms 20``. ``GET /stats`` tells what it has seen.
"""

import argparse
import asyncio
import base64
import re
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import orjson
from aiohttp import web

from accounts.tests.waiting import hold_back
from coaching.providers.scripted import ScriptedEmbedding

HOST = "127.0.0.1"
WORD_WITH_SPACE = re.compile(r"\S+\s*|\s+")
SENTENCE = "Teams that look at student work together every week learn faster [1]. "


class Fault(StrEnum):
    """What can go wrong with one call."""

    busy = "busy"
    """429, with Retry-After where `retry_after` is set."""
    failing = "failing"
    """500."""
    refusing = "refusing"
    """401, with the key in its words, as careless providers do."""
    garbage = "garbage"
    """200 and bytes that are no protocol."""
    garbled_event = "garbled_event"
    """A stream whose fourth event is no JSON."""
    error_event = "error_event"
    """A stream that reports an error half way."""
    half = "half"
    """The connection is cut after half the tokens."""
    short = "short"
    """The body ends properly after half the tokens, without the protocol's end."""
    cut_character = "cut_character"
    """The connection is cut inside a UTF-8 character."""
    stall = "stall"
    """Half the tokens, then silence."""
    nothing = "nothing"
    """The request is taken and never answered."""
    reset = "reset"
    """The connection is cut before any answer."""
    redirect = "redirect"
    """302 to another path of this server, which counts who comes."""


@dataclass(slots=True)
class Script:
    """How a call is answered: after `first_token_s`, `tokens` words `gap_s` apart, or the words of `reply`."""

    first_token_s: float = 0.0
    tokens: int = 10
    gap_s: float = 0.0
    reply: str | None = None
    retry_after: str = ""
    counts_usage: bool = True
    refuses_stream_options: int | None = None
    """The status with which it does, if it does."""
    ends_with_done: bool = True
    dimensions: int = 384
    base64_vectors: bool = True

    def words(self) -> list[str]:
        """Return the tokens to send."""
        if self.reply is not None:
            return WORD_WITH_SPACE.findall(self.reply)
        sentence = WORD_WITH_SPACE.findall(SENTENCE)
        return [sentence[number % len(sentence)] for number in range(self.tokens)]


@dataclass(slots=True)
class Seen:
    """What the server has seen so far; `open` are calls being answered now."""

    calls: int = 0
    open: int = 0
    finished: int = 0
    disconnects: int = 0
    redirected: int = 0
    connections: int = 0


@dataclass(slots=True)
class Loopback:
    """The server. `faults` are used up one a call, then `always` holds; `replies` likewise before `script`."""

    script: Script = field(default_factory=Script)
    always: Fault | None = None
    faults: deque[Fault | None] = field(default_factory=deque)
    replies: deque[str] = field(default_factory=deque)
    seen: Seen = field(default_factory=Seen)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    disconnected: asyncio.Event = field(default_factory=asyncio.Event)
    keeps_bodies: bool = True
    port: int = 0
    _transports: set[int] = field(default_factory=set)

    @property
    def base_url(self) -> str:
        """Where clients find it."""
        return f"http://{HOST}:{self.port}/v1"

    def application(self) -> web.Application:
        """Build the web application."""
        app = web.Application(client_max_size=32 * 1024**2)
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_post("/v1/embeddings", self.embeddings)
        app.router.add_get("/v1/models", self.models)
        app.router.add_get("/stats", self.stats)
        app.router.add_route("*", "/elsewhere", self.elsewhere)
        return app

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncGenerator["Loopback", None]:
        """Serve on loopback while entered; port 0 takes a free one."""
        runner = web.AppRunner(
            self.application(), handler_cancellation=True, access_log=None, shutdown_timeout=0.2
        )
        await runner.setup()
        try:
            site = web.TCPSite(runner, HOST, port, backlog=1024)
            await site.start()
            self.port = runner.addresses[0][1]
            yield self
        finally:
            await runner.cleanup()

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Answer a chat completion, streamed or whole."""
        body = await self._arrived(request)
        self.seen.open += 1
        try:
            response = await self._answer(request, body)
        except (asyncio.CancelledError, ConnectionResetError):
            self.seen.disconnects += 1
            self.disconnected.set()
            raise
        finally:
            self.seen.open -= 1
        self.seen.finished += 1
        return response

    async def embeddings(self, request: web.Request) -> web.StreamResponse:
        """Embed by hashed words."""
        body = await self._arrived(request)
        fault = self._next_fault()
        if fault is not None:
            return await self._fail(request, fault)
        texts: Sequence[str] = body["input"]
        embedded = await ScriptedEmbedding(dimensions=self.script.dimensions).embed(texts, deadline_s=60)
        data = [
            {"index": index, "embedding": self._written(vector.tobytes(), vector.tolist())}
            for index, vector in enumerate(embedded.vectors)
        ]
        tokens = embedded.usage.input_tokens
        return _json({"data": data, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})

    async def models(self, _request: web.Request) -> web.Response:
        """List the one model there is."""
        return _json({"object": "list", "data": [{"id": "loopback", "object": "model"}]})

    async def stats(self, _request: web.Request) -> web.Response:
        """Tell what was seen."""
        return _json(asdict(self.seen))

    async def elsewhere(self, _request: web.Request) -> web.Response:
        """Count a client that followed a redirect."""
        self.seen.redirected += 1
        return _json({})

    async def _arrived(self, request: web.Request) -> dict[str, Any]:
        body: dict[str, Any] = orjson.loads(await request.read())
        self.seen.calls += 1
        self.arrived.set()
        if request.transport is not None and id(request.transport) not in self._transports:
            self._transports.add(id(request.transport))
            self.seen.connections += 1
        if self.keeps_bodies:
            self.bodies.append(body)
        return body

    async def _answer(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if "stream_options" in body and (status := self.script.refuses_stream_options):
            return _json({"error": {"message": "unknown field stream_options"}}, status=status)
        fault = self._next_fault()
        if fault in BEFORE_ANY_ANSWER:
            return await self._fail(request, fault)
        words = WORD_WITH_SPACE.findall(self.replies.popleft()) if self.replies else self.script.words()
        if not body.get("stream"):
            await hold_back(self.script.first_token_s)
            return _json(_whole("".join(words), self._usage(body, words)))
        return await self._stream(request, body, words, fault)

    async def _stream(
        self, request: web.Request, body: dict[str, Any], words: list[str], fault: Fault | None
    ) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        first_at = loop.time() + self.script.first_token_s
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number, word in enumerate(words):
            if fault is not None and number == len(words) // 2:
                return await self._break_off(request, response, fault)
            pause = first_at + number * self.script.gap_s - loop.time()
            if pause > 0:
                await hold_back(pause)
            await response.write(_event({"choices": [{"index": 0, "delta": {"content": word}}]}))
        await response.write(_event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
        if self.script.counts_usage and (body.get("stream_options") or {}).get("include_usage"):
            await response.write(_event({"choices": [], "usage": self._usage(body, words)}))
        if self.script.ends_with_done:
            await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    async def _break_off(
        self, request: web.Request, response: web.StreamResponse, fault: Fault
    ) -> web.StreamResponse:
        match fault:
            case Fault.garbled_event:
                await response.write(b'data: {"choices": [{"delta"\n\n')
            case Fault.error_event:
                await response.write(
                    _event({"error": {"message": "sk-secret overloaded", "type": "server_error"}})
                )
            case Fault.stall:
                await asyncio.Event().wait()
            case Fault.short:
                await response.write_eof()
            case Fault.cut_character:
                await response.write(_event({"choices": [{"delta": {"content": "café"}}]})[:-8])
                _cut(request)
            case _:
                _cut(request)
        return response

    async def _fail(self, request: web.Request, fault: Fault | None) -> web.StreamResponse:
        match fault:
            case Fault.busy:
                headers = {"Retry-After": self.script.retry_after} if self.script.retry_after else {}
                return _json({"error": {"code": "rate_limit_exceeded"}}, status=429, headers=headers)
            case Fault.refusing:
                key = request.headers.get("Authorization", "")
                return _json(
                    {"error": {"message": f"Incorrect API key: {key}", "code": "invalid_api_key"}}, status=401
                )
            case Fault.garbage:
                return web.Response(body=b"\x00\xff<html>It works!</html>" * 40)
            case Fault.redirect:
                return web.Response(status=302, headers={"Location": "/elsewhere"})
            case Fault.nothing:
                await asyncio.Event().wait()
            case Fault.reset:
                _cut(request)
            case _:
                pass
        return _json({"error": {"message": "the server had an error"}}, status=500)

    def _next_fault(self) -> Fault | None:
        return self.faults.popleft() if self.faults else self.always

    def _usage(self, body: dict[str, Any], words: Sequence[str]) -> dict[str, int]:
        asked = sum(len(str(message.get("content", "")).split()) for message in body["messages"])
        return {"prompt_tokens": asked, "completion_tokens": len(words), "total_tokens": asked + len(words)}

    def _written(self, raw: bytes, numbers: list[float]) -> str | list[float]:
        return base64.b64encode(raw).decode() if self.script.base64_vectors else numbers


BEFORE_ANY_ANSWER = frozenset(
    {Fault.busy, Fault.failing, Fault.refusing, Fault.garbage, Fault.nothing, Fault.reset, Fault.redirect}
)


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def _json(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(value), status=status, headers=headers, content_type="application/json"
    )


def _whole(text: str, usage: dict[str, int]) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def serve(loopback: Loopback, *, port: int) -> None:
    """Serve until cancelled."""
    async with loopback.running(port):
        await asyncio.Event().wait()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the server from the command line."""
    parser = argparse.ArgumentParser(prog="python -m coaching.tests.loopback", description=__doc__)
    parser.add_argument("--port", type=int, default=9999)
    parser.add_argument("--first-token-ms", type=float, default=100)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--gap-ms", type=float, default=20)
    parser.add_argument("--reply", help="answer with these words instead of counted ones")
    parser.add_argument("--fault", type=Fault, choices=list(Fault), help="what goes wrong with every call")
    parser.add_argument("--retry-after", default="", help="the Retry-After of a busy server")
    options = parser.parse_args(arguments)
    script = Script(
        first_token_s=options.first_token_ms / 1000,
        tokens=options.tokens,
        gap_s=options.gap_ms / 1000,
        reply=options.reply,
        retry_after=options.retry_after,
    )
    loopback = Loopback(script=script, always=options.fault, keeps_bodies=False)
    try:
        asyncio.run(serve(loopback, port=options.port))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
