"""CPU of the caller per streamed answer: our adapter against the SDK's own stream, over both transports.

Run ``python benchmarks/provider_cpu.py``. The server is another process on loopback; every token is a
network read of its own. The floor is aiohttp with orjson and nothing else.
"""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")

import aiohttp
import openai
import orjson

from coaching.providers import openai_account, openai_adapter
from coaching.providers.breaker import CircuitBreaker
from coaching.providers.metered import MemorySink, MeteredChat
from coaching.providers.ports import ChatMessage, ChatModel, ChatRequest
from coaching.providers.resilient import Leg, ResilientChat
from coaching.providers.streams import closing

Turn = Callable[[], Awaitable[str]]

PROMPT = "Passage about student work. " * 400
REQUEST = ChatRequest(
    purpose="answer",
    messages=(
        ChatMessage("system", "Be brief."),
        *(ChatMessage("user" if turn % 2 else "assistant", "Yes, and then? " * 10) for turn in range(10)),
        ChatMessage("user", PROMPT),
    ),
)
MESSAGES: Any = [{"role": message.role, "content": message.content} for message in REQUEST.messages]
TRANSPORTS = {"aiohttp": openai.DefaultAioHttpClient, "httpx": openai.DefaultAsyncHttpxClient}


async def adapter(base_url: str, transport: str) -> ChatModel:
    """Build our adapter over the named transport, its connections opened by a first answer."""
    vars(openai_account)["DefaultAioHttpClient"] = TRANSPORTS[transport]
    model = openai_adapter.OpenAIChat(model="loopback", api_key=f"sk-{transport}", base_url=base_url)
    await ours(model)()
    return model


def wrapped(model: ChatModel) -> ChatModel:
    """Put metering, breaker and retries around `model`, as in production."""
    return ResilientChat([Leg(model=MeteredChat(model, MemorySink()), breaker=CircuitBreaker())])


def ours(model: ChatModel) -> Turn:
    """Read one answer through the port."""

    async def turn() -> str:
        async with closing(model.stream(REQUEST, deadline_s=60)) as pieces:
            return "".join([piece.text async for piece in pieces])

    return turn


def sdk(client: openai.AsyncOpenAI) -> Turn:
    """Read one answer through the SDK's ordinary stream, an object per chunk."""

    async def turn() -> str:
        stream = await client.chat.completions.create(
            model="loopback",
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
        )
        said = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
        return "".join(said)

    return turn


def floor(base_url: str, session: aiohttp.ClientSession) -> Turn:
    """Read one answer with aiohttp and orjson alone."""
    body = orjson.dumps({"model": "loopback", "messages": MESSAGES, "stream": True})

    async def turn() -> str:
        headers = {"Content-Type": "application/json", "Authorization": "Bearer sk-test"}
        async with session.post(f"{base_url}/chat/completions", data=body, headers=headers) as response:
            events = [
                orjson.loads(line[6:]) async for line in response.content if line.startswith(b"data: {")
            ]
        return "".join(event["choices"][0]["delta"].get("content") or "" for event in events)

    return turn


async def measure(turn: Turn, *, turns: int, at_once: int) -> tuple[float, float]:
    """Return milliseconds of CPU and of wall time for each turn, after a warm-up."""
    await asyncio.gather(*(turn() for _ in range(at_once)))
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(turns // at_once):
        await asyncio.gather(*(turn() for _ in range(at_once)))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return cpu * 1000 / turns, wall * 1000 * at_once / turns


async def compare(base_url: str, *, turns: int, at_once: int, rounds: int) -> None:
    """Print the table: the best of several rounds, taken in turn."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        cases: dict[str, Turn] = {"floor: aiohttp + orjson": floor(base_url, session)}
        for transport, http_client in TRANSPORTS.items():
            model = await adapter(base_url, transport)
            cases[f"our adapter, {transport}"] = ours(model)
            cases[f"our adapter with its wrappers, {transport}"] = ours(wrapped(model))
            client = openai.AsyncOpenAI(
                api_key="sk-test", base_url=base_url, max_retries=0, http_client=http_client()
            )
            cases[f"SDK's own stream, {transport}"] = sdk(await stack.enter_async_context(client))
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
        for _ in range(rounds):
            for name, turn in cases.items():
                found[name].append(await measure(turn, turns=turns, at_once=at_once))
    print(f"{'':44}{'CPU ms/turn':>12}{'turn ms':>10}")
    for name, results in found.items():
        cpu, wall = min(results)
        print(f"{name:44}{cpu:12.2f}{wall:10.0f}")


def main() -> None:
    """Start the server in a process of its own and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--gap-ms", type=float, default=20)
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "coaching.tests.loopback",
        "--port",
        str(port),
        "--first-token-ms",
        "100",
    ]
    command += ["--tokens", str(options.tokens), "--gap-ms", str(options.gap_ms)]
    server = subprocess.Popen(command, cwd=Path(__file__).resolve().parent.parent)
    try:
        wait_for(port)
        base_url = f"http://127.0.0.1:{port}/v1"
        asyncio.run(compare(base_url, turns=options.turns, at_once=options.at_once, rounds=options.rounds))
    finally:
        server.terminate()
        server.wait()


def wait_for(port: int) -> None:
    """Wait until the server accepts connections."""
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    main()
