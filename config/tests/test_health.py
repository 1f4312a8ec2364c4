"""The probes."""

import json
from typing import Any

import pytest
from django.test import override_settings

from config import health
from config.embedded_redis import Redis

NOBODY = "redis://127.0.0.1:1/0"


async def ask(path: str, application: health.HealthProbes) -> tuple[int, dict[str, bool]]:
    """Return the status and body that a probe answers with."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await application({"type": "http", "path": path}, None, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    """An application that must not be reached."""
    raise AssertionError("the probe was handed on")


async def test_livez_answers_without_asking_anybody() -> None:
    assert await ask("/livez", health.HealthProbes(refuse)) == (200, {"alive": True})


@pytest.mark.django_db(transaction=True)
def test_everything_is_ready_once_a_worker_was_heard(redis_url: str) -> None:
    with override_settings(CELERY_BROKER_URL=redis_url):
        health.note_heartbeat()
        assert health.check().complete


@pytest.mark.django_db(transaction=True)
def test_without_a_worker_requests_are_still_served(redis_url: str) -> None:
    with override_settings(CELERY_BROKER_URL=redis_url):
        found = health.check()
    assert found == health.Readiness(database=True, migrations=True, redis=True, worker=False)
    assert found.ready
    assert not found.complete


@pytest.mark.django_db(transaction=True)
def test_without_redis_requests_are_still_served() -> None:
    with override_settings(CELERY_BROKER_URL=NOBODY):
        found = health.check()
    assert found == health.Readiness(database=True, migrations=True, redis=False, worker=False)
    assert found.ready


async def test_without_a_database_it_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = health.Readiness(database=False, migrations=False, redis=True, worker=True)
    monkeypatch.setattr(health, "check", lambda: nothing)
    status, body = await ask("/readyz", health.HealthProbes(refuse))
    assert status == 503
    assert body == {"ready": False, "database": False, "migrations": False, "redis": True, "worker": True}


async def test_a_process_that_is_ending_wants_no_more_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "check", lambda: health.Readiness(True, True, True, True))
    application = health.HealthProbes(refuse)
    monkeypatch.setattr(health.HealthProbes, "draining", True)
    assert (await ask("/readyz", application))[0] == 503


def test_a_redis_server_keeps_what_it_was_told(redis_server: Redis) -> None:
    with redis_server.client() as client:
        client.set("kept", "yes")
        assert client.config_get("appendonly")["appendonly"] == "yes"
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
    redis_server.stop()
    assert not redis_server.is_running()
    redis_server.start(redis_server.port)
    with redis_server.client() as client:
        assert client.get("kept") == b"yes"
