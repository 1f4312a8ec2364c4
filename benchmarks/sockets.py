"""A thousand signed-in sockets that nobody uses: memory and processor time of the web process.

python -m benchmarks.sockets [--sockets 1000] [--seconds 48]
"""

import argparse
import asyncio
import time

import aiohttp
import psutil

from benchmarks.chat_house import House, open_house

AT_ONCE = 50
ROUNDS_SECONDS = 48
"""Two rounds in which the presence of all is renewed, so that no window holds more of them than another."""
WARMING_SECONDS = 8
"""The models that the process loads beside its start are not the sockets' memory."""


async def measure(house: House, count: int, seconds: float) -> None:
    """Open the sockets, let them rest, and print what they cost."""
    process = psutil.Process(house.web_pid)
    await asyncio.sleep(WARMING_SECONDS)
    gate = asyncio.Semaphore(AT_ONCE)
    before = process.memory_info().rss

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def connect(
            cookie_name: str, cookie: str, conversation: object
        ) -> aiohttp.ClientWebSocketResponse:
            async with gate:
                socket = await session.ws_connect(
                    f"{house.websocket_url}/ws/conversations/{conversation}/",
                    headers={"Cookie": f"{cookie_name}={cookie}", "Origin": house.url},
                )
                await socket.receive(timeout=30)
                return socket

        started = time.perf_counter()
        sockets = await asyncio.gather(
            *(connect(c.cookie_name, c.cookie, c.conversation_id) for c in house.clients(count))
        )
        connecting = time.perf_counter() - started
        await asyncio.sleep(5)
        cpu = process.cpu_times()
        await asyncio.sleep(seconds)
        after = process.cpu_times()
        share = (after.user + after.system - cpu.user - cpu.system) / seconds * 100
        each = (process.memory_info().rss - before) / count / 1024
        still_open = sum(not socket.closed for socket in sockets)
        print("sockets | still open | connects/s | kB each (target 60) | CPU % (target 5) | MB")
        print(
            f"{count:>7} | {still_open:>10} | {count / connecting:>10.0f} | {each:>19.1f} | {share:>16.1f} | "
            f"{process.memory_info().rss / 1e6:.0f}"
        )
        for socket in sockets:
            await socket.close()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=ROUNDS_SECONDS)
    options = parser.parse_args()
    with open_house(users=options.sockets, first_token_ms=100, tokens=100, gap_ms=20) as house:
        asyncio.run(measure(house, options.sockets, options.seconds))


if __name__ == "__main__":
    main()
