"""Chat over the websocket: what Sideline adds to the model's own time, and what a turn costs the web process.

A deterministic OpenAI-compatible server on loopback answers (100 ms to the first token, then 100 tokens of 20 ms).
The first floor is the same request sent straight to it; the second, "bare", a Channels app without any product on
the same server (`benchmarks.bare_chat`): machines differ by a factor of three, the ratio to it much less. One web
process, one worker, everything on: persistence, screening, retrieval, citations, metering.

    python -m benchmarks.chat [--users 1 20 50 100 200] [--turns 3] [--burst 200] [--server daphne]
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import aiohttp
import orjson
import psutil

from benchmarks.chat_house import Client, House, open_house

FIRST_TOKEN_MS, TOKENS, GAP_MS = 100, 100, 20
TURN_SECONDS = (FIRST_TOKEN_MS + TOKENS * GAP_MS) / 1000
PATIENCE_SECONDS = 60
CONNECT_AT_ONCE = 20
TARGET_P95_MS = {1: 40, 20: 40, 50: 50, 100: 100, 200: 400}
QUESTIONS = (
    "How often should our team review its norms, and how long does that take?",
    "What are the steps of the tuning protocol for looking at student work?",
    "How many items should a common assessment have in our subject?",
    "What do we do when fewer than half of the students are secure after reteaching?",
    "How do we welcome a new colleague to the team in the first weeks?",
)


@dataclass(slots=True)
class Load:
    """What the clients saw, in seconds."""

    first_token: list[float] = field(default_factory=list)
    whole_turn: list[float] = field(default_factory=list)
    failures: int = 0


@dataclass(slots=True)
class Cost:
    """What the web process used meanwhile."""

    cpu_ms_per_turn: float
    memory_mb: float
    turns_per_second: float


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the sorted values lie; NaN for none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


async def floor_turn(session: aiohttp.ClientSession, url: str, load: Load) -> None:
    """Ask the model server directly."""
    started = time.perf_counter()
    body = {"model": "loopback", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    first = None
    async with session.post(f"{url}/chat/completions", json=body) as answer:
        async for line in answer.content:
            if first is None and line.startswith(b"data:") and b'"content":"' in line.replace(b": ", b":"):
                first = time.perf_counter() - started
    if first is None:
        load.failures += 1
        return
    load.first_token.append(first)
    load.whole_turn.append(time.perf_counter() - started)


async def product_turn(socket: aiohttp.ClientWebSocketResponse, question: str, load: Load) -> None:
    """Say one message and read until the reply is complete."""
    said = orjson.dumps({"type": "say", "client_id": uuid4(), "text": question}).decode()
    started = time.perf_counter()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await socket.send_str(said)
            first = await answered(socket, started)
    except TimeoutError:
        first = None
    if first is None:
        load.failures += 1
        return
    load.first_token.append(first)
    load.whole_turn.append(time.perf_counter() - started)


async def answered(socket: aiohttp.ClientWebSocketResponse, started: float) -> float | None:
    """Read until the reply has ended; return the seconds to its first token, None where it is not whole."""
    first: float | None = None
    reply = None
    async for frame in socket:
        event = orjson.loads(frame.data)
        if event["type"] == "delta":
            first = first or time.perf_counter() - started
            reply = event["message"]
        elif event["type"] == "refused":
            return None
        elif event["type"] == "message" and event["sender_type"] == "ai" and event["state"] != "streaming":
            return first if event["message"] == reply and event["state"] == "complete" else None
    return None


async def connect(
    session: aiohttp.ClientSession, house: House, client: Client, gate: asyncio.Semaphore
) -> aiohttp.ClientWebSocketResponse:
    """Open the socket of a client and wait until it has joined."""
    headers = {"Cookie": f"{client.cookie_name}={client.cookie}", "Origin": house.url}
    url = f"{house.websocket_url}/ws/conversations/{client.conversation_id}/"
    async with gate:
        socket = await session.ws_connect(url, headers=headers, max_msg_size=0)
        await socket.receive(timeout=30)
        return socket


async def talk(socket: aiohttp.ClientWebSocketResponse, *, turns: int, delay: float, load: Load) -> None:
    """Wait for one's place in the spread, and ask one question after the other."""
    await asyncio.sleep(delay)
    for turn in range(turns):
        await product_turn(socket, QUESTIONS[turn % len(QUESTIONS)], load)


async def steady(house: House, users: int, turns: int, *, spread: bool = True) -> tuple[Load, Cost]:
    """Let `users` talk for `turns` turns each, their starts spread over one turn; all are connected before."""
    load = Load()
    process = psutil.Process(house.web_pid)
    gate = asyncio.Semaphore(CONNECT_AT_ONCE)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        sockets = await asyncio.gather(
            *(connect(session, house, client, gate) for client in house.clients(users))
        )
        await asyncio.sleep(1.0)
        step = TURN_SECONDS / users if spread else 0.0
        before, started = process.cpu_times(), time.perf_counter()
        await asyncio.gather(
            *(
                talk(socket, turns=turns, delay=number * step, load=load)
                for number, socket in enumerate(sockets)
            )
        )
        elapsed = time.perf_counter() - started
        after = process.cpu_times()
        await asyncio.gather(*(socket.close() for socket in sockets))
    done = max(1, len(load.whole_turn))
    cpu = (after.user + after.system - before.user - before.system) * 1000 / done
    return load, Cost(cpu, process.memory_info().rss / 1e6, done / elapsed)


async def floor(house: House, users: int, turns: int) -> Load:
    """Measure the model server alone under the same arrivals."""
    load = Load()

    async def user(session: aiohttp.ClientSession, delay: float) -> None:
        await asyncio.sleep(delay)
        for _ in range(turns):
            await floor_turn(session, house.model_url, load)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(user(session, index / users * TURN_SECONDS) for index in range(users)))
    return load


def row(users: int, base: Load, load: Load, cost: Cost, name: str = "Sideline") -> str:
    """Return one line of the table."""
    floor_p50, floor_p95 = percentile(base.first_token, 0.5), percentile(base.first_token, 0.95)
    added_p50 = (percentile(load.first_token, 0.5) - floor_p50) * 1000
    added_p95 = (percentile(load.first_token, 0.95) - floor_p95) * 1000
    turn = (statistics.median(load.whole_turn or [float("nan")]) - statistics.median(base.whole_turn)) * 1000
    target = TARGET_P95_MS.get(users)
    return (
        f"{name:>8} | {users:>5} | {floor_p95 * 1000:>9.0f} | {added_p50:>9.0f} | {added_p95:>9.0f} | "
        f"{target or '-':>6} | {turn:>8.0f} | {cost.turns_per_second:>7.1f} | "
        f"{cost.cpu_ms_per_turn:>8.1f} | {cost.memory_mb:>6.0f} | {load.failures:>6}"
    )


def main(arguments: Iterable[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, nargs="*", default=[1, 20, 50, 100, 200])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--burst", type=int, default=200)
    parser.add_argument("--server", choices=["daphne", "uvicorn"], default="daphne")
    options = parser.parse_args(list(arguments) if arguments is not None else None)
    with open_house(
        users=max([*options.users, options.burst]),
        first_token_ms=FIRST_TOKEN_MS,
        tokens=TOKENS,
        gap_ms=GAP_MS,
        server=options.server,
    ) as house:
        print(
            "         | users | floor p95 | added p50 | added p95 | target | turn add | turns/s | CPU/turn | MB     | failed"
        )
        asyncio.run(steady(house, 1, 3))
        for users in options.users:
            base = asyncio.run(floor(house, users, options.turns))
            print(
                row(users, base, *asyncio.run(steady(house.bare(), users, options.turns)), "bare"), flush=True
            )
            print(row(users, base, *asyncio.run(steady(house, users, options.turns))), flush=True)
        if options.burst:
            base = asyncio.run(floor(house, 1, 3))
            print("burst, all at once:")
            print(
                row(
                    options.burst,
                    base,
                    *asyncio.run(steady(house.bare(), options.burst, 1, spread=False)),
                    "bare",
                )
            )
            print(
                row(options.burst, base, *asyncio.run(steady(house, options.burst, 1, spread=False))),
                flush=True,
            )


if __name__ == "__main__":
    main()
