"""A cache that may be away."""

from config.caching import ForgivingRedisCache

OPTIONS = {"OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}}


def test_it_keeps_what_it_is_given(redis_url: str) -> None:
    cache = ForgivingRedisCache(redis_url, OPTIONS)
    assert cache.add("a", 1) is True
    assert cache.add("a", 2) is False
    cache.set("b", [2])
    assert cache.get_many(["a", "b"]) == {"a": 1, "b": [2]}
    assert cache.touch("a", 60) is True
    assert cache.delete("a") is True
    assert cache.has_key("a") is False


def test_without_redis_it_is_empty() -> None:
    cache = ForgivingRedisCache("redis://127.0.0.1:1/0", OPTIONS)
    assert cache.add("a", 1) is False
    cache.set("a", 1)
    assert cache.get("a", "default") == "default"
    assert cache.get_many(["a"]) == {}
    assert cache.touch("a") is False
    assert cache.delete("a") is False
    assert cache.has_key("a") is False
