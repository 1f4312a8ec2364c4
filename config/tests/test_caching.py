"""A cache that may be away."""

from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.core.cache import caches
from django.test import Client

from accounts.models import User
from accounts.tests.factories import PASSWORD
from config.caching import ForgivingRedisCache

OPTIONS = {"OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}}
NOWHERE = "redis://127.0.0.1:1/0"


def test_it_keeps_what_it_is_given(redis_url: str) -> None:
    cache = ForgivingRedisCache(redis_url, OPTIONS)
    assert cache.add("a", 1) is True
    assert cache.add("a", 2) is False
    cache.set("b", [2])
    assert cache.get_many(["a", "b"]) == {"a": 1, "b": [2]}
    assert cache.touch("a", 60) is True
    assert cache.delete("a") is True
    assert cache.has_key("a") is False


class TestWithoutRedis:
    @pytest.fixture(autouse=True)
    def _nothing_remembered(self) -> None:
        ForgivingRedisCache(NOWHERE, OPTIONS)._local.clear()

    def test_this_process_remembers_for_itself(self) -> None:
        cache = ForgivingRedisCache(NOWHERE, OPTIONS)
        assert cache.add("a", 1) is True
        assert cache.add("a", 2) is False
        cache.set("b", [2], timeout=None)
        assert ForgivingRedisCache(NOWHERE, OPTIONS).get_many(["a", "b"]) == {"a": 1, "b": [2]}
        assert cache.incr("a") == 2
        assert cache.touch("a", 60) is True
        assert cache.delete("a") is True
        assert cache.has_key("a") is False
        cache.delete_many(["b"])
        assert cache.get("b", "default") == "default"

    def test_it_asks_redis_once_a_second(self, caplog: pytest.LogCaptureFixture) -> None:
        cache = ForgivingRedisCache("redis://127.0.0.1:1/1", OPTIONS)
        for _time in range(20):
            cache.get("a")
        assert [record.message for record in caplog.records] == ["cache is away"]

    @pytest.mark.django_db
    def test_people_sign_in_and_wrong_passwords_are_still_counted(self, settings: Any, owner: User) -> None:
        settings.CACHES = {
            "default": {
                "BACKEND": "config.caching.ForgivingRedisCache",
                "LOCATION": NOWHERE,
                **OPTIONS,
            }
        }
        assert isinstance(caches["default"], ForgivingRedisCache)
        client = Client()
        for _attempt in range(5):
            client.post("/accounts/login/", {"login": "ana@riverside.example", "password": "not this one"})
        waits = client.post("/accounts/login/", {"login": "ana@riverside.example", "password": "or this"})
        assert b"Too many failed login attempts" in waits.content
        answer = client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
        assert (answer.status_code, client.session.get(SESSION_KEY)) == (302, str(owner.pk))
        again = client.post("/accounts/reauthenticate/", {"password": PASSWORD})
        assert again.status_code == 302
