"""What the channel layer does beyond its library: many hints at once, and Redis away."""

import asyncio
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError

from config.channel_layer import ForgivingChannelLayer
from config.embedded_redis import Redis


def layer_at(url: str) -> ForgivingChannelLayer:
    """Return a layer over the Redis at `url`, as settings make it."""
    return ForgivingChannelLayer(hosts=[{"address": url, "socket_timeout": 5.0}], prefix="layer-test")


async def listening(layer: ForgivingChannelLayer) -> str:
    """Return a channel that hears the group `room`."""
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    return channel


class TestManyHintsAtOnce:
    async def test_arrive_in_order(self, redis_url: str) -> None:
        layer = layer_at(redis_url)
        channel = await listening(layer)
        await asyncio.gather(*(layer.group_send("room", {"type": "x", "n": n}) for n in range(300)))
        heard = [(await layer.receive(channel))["n"] for _ in range(300)]
        assert heard == list(range(300))
        await layer.flush()

    async def test_take_a_few_round_trips_together(self, redis_server: Redis, redis_url: str) -> None:
        layer = layer_at(redis_url)
        await layer.group_send("room", {"type": "x"})
        before = reads(redis_server)
        await asyncio.gather(*(layer.group_send("room", {"type": "x"}) for _ in range(300)))
        # Two batches, which Redis may read in pieces; and the question itself. One by one it would be 300.
        assert reads(redis_server) - before < 30
        await layer.flush()

    async def test_fail_together_where_redis_is_away_and_go_on_after_it(self, redis_server: Redis) -> None:
        layer = layer_at(redis_server.url)
        redis_server.stop()
        sends = [layer.group_send("room", {"type": "x"}) for _ in range(20)]
        failures = await asyncio.gather(*sends, return_exceptions=True)
        assert [type(failure) for failure in failures] == [RedisConnectionError] * 20
        redis_server.start(redis_server.port)
        channel = await listening(layer)
        await layer.group_send("room", {"type": "x", "n": 1})
        assert (await layer.receive(channel))["n"] == 1
        await layer.flush()


def reads(server: Redis) -> int:
    """Return how often Redis has read from its clients' sockets."""
    with server.client() as client:
        counts: Any = client.info("stats")
    return int(counts["total_reads_processed"])
