"""From *stop* to the last word, from a cut connection to the missing text, and whether the provider's call ends.

python -m benchmarks.stopping [--trials 100] [--users 10]
"""

import argparse
import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from uuid import uuid4

import aiohttp

from benchmarks.chat import QUESTIONS, percentile
from benchmarks.chat_house import Client, House, open_house


@dataclass(slots=True)
class Seen:
    """What the trials showed, in seconds."""

    stop: list[float] = field(default_factory=list)
    resume: list[float] = field(default_factory=list)
    wrong: int = 0


async def connect(
    session: aiohttp.ClientSession, house: House, client: Client
) -> aiohttp.ClientWebSocketResponse:
    """Open the client's socket."""
    return await session.ws_connect(
        f"{house.websocket_url}/ws/conversations/{client.conversation_id}/",
        headers={"Cookie": f"{client.cookie_name}={client.cookie}", "Origin": house.url},
    )


async def until(socket: aiohttp.ClientWebSocketResponse, kind: str, count: int = 1) -> dict[str, object]:
    """Read until the `count`-th event of a kind, and return it."""
    while True:
        event: dict[str, object] = json.loads((await socket.receive(timeout=30)).data)
        if event["type"] == kind:
            count -= 1
            if count == 0:
                return event


async def say(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Ask something."""
    await socket.send_str(
        json.dumps({"type": "say", "client_id": str(uuid4()), "text": random.choice(QUESTIONS)})
    )


async def stop_trial(socket: aiohttp.ClientWebSocketResponse, seen: Seen) -> None:
    """Stop an answer in the middle and time its last word."""
    await say(socket)
    await until(socket, "delta", random.randint(3, 25))
    pressed = last = time.perf_counter()
    await socket.send_str(json.dumps({"type": "stop"}))
    while True:
        event = json.loads((await socket.receive(timeout=30)).data)
        if event["type"] == "delta":
            last = time.perf_counter()
        elif event["type"] == "message" and event["sender_type"] == "ai" and event["state"] != "streaming":
            seen.wrong += event["state"] != "stopped"
            seen.stop.append(max(last, time.perf_counter() if last == pressed else last) - pressed)
            return


async def resume_trial(
    session: aiohttp.ClientSession,
    house: House,
    client: Client,
    socket: aiohttp.ClientWebSocketResponse,
    seen: Seen,
) -> aiohttp.ClientWebSocketResponse:
    """Cut the connection in the middle of an answer and time the first text that was missing; a gap never ends."""
    await say(socket)
    delta = await until(socket, "delta", random.randint(3, 20))
    have = int(str(delta["offset"])) + len(str(delta["text"]))
    await socket.close()
    started = time.perf_counter()
    again = await connect(session, house, client)
    hello = {"type": "hello", "sequence": delta["sequence"], "message": delta["message"], "offset": have}
    await again.send_str(json.dumps(hello))
    # What is said while the greeting is answered comes first; a page too waits for what it lacks.
    while int(str((await until(again, "delta"))["offset"])) > have:
        pass
    seen.resume.append(time.perf_counter() - started)
    while True:
        event = await until(again, "message")
        if event["sender_type"] == "ai" and event["state"] == "complete":
            return again


async def one_user(house: House, client: Client, trials: int, seen: Seen) -> None:
    """Alternate both trials."""
    async with aiohttp.ClientSession() as session:
        socket = await connect(session, house, client)
        for _ in range(trials):
            await stop_trial(socket, seen)
            socket = await resume_trial(session, house, client, socket, seen)
        await socket.close()


async def provider_calls(house: House) -> dict[str, object]:
    """Return what the model server saw."""
    url = house.model_url.removesuffix("/v1") + "/stats"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        stats: dict[str, object] = await answer.json()
        return stats


async def measure(house: House, users: int, trials: int) -> None:
    """Run the trials and print the table."""
    seen = Seen()
    each = max(1, trials // users)
    await asyncio.gather(*(one_user(house, client, each, seen) for client in house.clients(users)))
    await asyncio.sleep(1)
    print("                      |  n   | p50 ms | p99 / p95 ms | target")
    stop = percentile(seen.stop, 0.99) * 1000
    print(
        f"stop to last word     | {len(seen.stop):>4} | {percentile(seen.stop, 0.5) * 1000:>6.0f} | {stop:>12.0f} | 250"
    )
    resume = percentile(seen.resume, 0.95) * 1000
    print(
        f"cut to missing text   | {len(seen.resume):>4} | {percentile(seen.resume, 0.5) * 1000:>6.0f} | {resume:>12.0f} | 500"
    )
    print(f"wrong endings         | {seen.wrong:>4}")
    print(f"model server, one second after the last trial: {await provider_calls(house)}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--users", type=int, default=10)
    options = parser.parse_args()
    with open_house(users=options.users, first_token_ms=100, tokens=100, gap_ms=20) as house:
        asyncio.run(measure(house, options.users, options.trials))


if __name__ == "__main__":
    main()
