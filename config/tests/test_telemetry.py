"""What is counted, what is shown on the metrics port, and that nobody else sees it."""

import atexit
import http.client
import os
import time
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from accounts import audit, chain, outbox
from accounts.access import NotVisible
from accounts.lifecycle_models import AccountExport, Erasure
from accounts.models import ChainCheck
from accounts.tests.cast import House, build_cast
from accounts.tests.waiting import until
from coaching.providers import measures, registry
from coaching.providers.metered import PromptIdentity, RunRecord
from coaching.providers.ports import ChatMessage, ChatRequest, ProviderRefused
from coaching.providers.scripted import ScriptedChat
from coaching.providers.streams import closing
from config import metrics_folder, metrics_requests, metrics_state, telemetry
from config.addresses import redis_database
from config.metrics_state import State
from config.ports import free_port
from config.tests.stack import Stack
from conversations import analytics, giving_feedback, handoff
from conversations.models import Handoff, Interaction
from conversations.outward import Export
from conversations.tests.factories import begin, say

WORDS = "a-secret-about-Ada"


def value(name: str, **labels: str) -> float:
    """Return what a counter of this process stands at."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def gauges(state: State) -> dict[tuple[str, ...], float]:
    """Return the state of the installation by name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in state.collect()
        for sample in family.samples
    }


def scraped(text: str) -> dict[tuple[str, ...], float]:
    """Return what a metrics port shows, by name and labels in the order of their names."""
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class TestRequests:
    def test_are_counted_by_the_name_of_their_route(self, home: House) -> None:
        conversation = begin(home.owner)
        client = Client()
        client.force_login(home.owner)
        labels = {"route": "conversations:chat", "method": "GET", "status": "200"}
        before = value("sideline_http_requests_total", **labels)
        client.get(f"/conversations/{conversation.pk}/")
        assert value("sideline_http_requests_total", **labels) == before + 1
        assert value("sideline_http_request_seconds_count", route="conversations:chat") >= 1

    @pytest.mark.django_db
    def test_to_addresses_that_anybody_invents_share_one_name(self) -> None:
        labels = {"route": "none", "method": "GET", "status": "404"}
        before = value("sideline_http_requests_total", **labels)
        for word in (WORDS, "x", "y"):
            Client().get(f"/{word}/{uuid4()}/")
        assert value("sideline_http_requests_total", **labels) == before + 3

    def test_with_invented_methods_share_one_name(self, rf: RequestFactory) -> None:
        before = value("sideline_http_requests_total", route="none", method="other", status="405")
        for method in (WORDS, "BREW"):
            request = rf.generic(method, "/")
            request.resolver_match = None
            metrics_requests.count(request, HttpResponse(status=405), 0.1)
        assert value("sideline_http_requests_total", route="none", method="other", status="405") == before + 2


def a_run(model: str, **changed: Any) -> RunRecord:
    """Return the record of one call."""
    facts = {
        "purpose": "answer",
        "provider": "openai",
        "model": model,
        "prompt": PromptIdentity(),
        "input_tokens": 700,
        "output_tokens": 40,
        "estimated": False,
        "cost_usd": 0,
        "latency_ms": 900,
        "first_token_ms": 300,
        "status": "ok",
        **changed,
    }
    return RunRecord(**facts)


class TestProviderCalls:
    @pytest.fixture(autouse=True)
    def _fresh_names(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(measures, "_names", measures._Names())

    async def test_are_counted_whether_or_not_somebody_keeps_their_records(self) -> None:
        ok = {"provider": "scripted", "model": "scripted", "status": "ok"}
        failed = {**ok, "status": "error"}
        before = (
            value("sideline_provider_calls_total", **ok),
            value("sideline_provider_calls_total", **failed),
        )
        request = ChatRequest(purpose="answer", messages=(ChatMessage("user", "Hello"),))
        for reply in ("Good morning.", ProviderRefused()):
            model = registry.guarded([ScriptedChat(reply)], key_owner=str(uuid4()))
            try:
                async with closing(model.stream(request, deadline_s=5)) as pieces:
                    _ = [piece async for piece in pieces]
            except ProviderRefused:
                pass
        after = value("sideline_provider_calls_total", **ok), value("sideline_provider_calls_total", **failed)
        assert after == (before[0] + 1, before[1] + 1)

    def test_add_up_tokens_and_cost(self) -> None:
        of = {"provider": "openai", "model": "gpt-4o"}
        before = [
            value("sideline_provider_tokens_total", direction="input", **of),
            value("sideline_provider_tokens_total", direction="output", **of),
            value("sideline_provider_cost_usd_total", **of),
        ]
        measures.count(a_run("gpt-4o", cost_usd=0.5))
        measures.count(a_run("gpt-4o", cost_usd=0.25))
        assert [
            value("sideline_provider_tokens_total", direction="input", **of) - before[0],
            value("sideline_provider_tokens_total", direction="output", **of) - before[1],
            value("sideline_provider_cost_usd_total", **of) - before[2],
        ] == [1400, 80, 0.75]

    def test_to_models_without_end_share_one_name(self) -> None:
        before = value("sideline_provider_calls_total", provider="openai", model="other", status="ok")
        for number in range(measures.MOST_MODELS + 3):
            measures.count(a_run(f"endless-{number}"))
        measures.count(a_run("Ada wrote this"))
        after = value("sideline_provider_calls_total", provider="openai", model="other", status="ok")
        assert after == before + 4
        assert value("sideline_provider_calls_total", provider="openai", model="endless-0", status="ok") == 1


@pytest.mark.django_db
class TestTheState:
    def test_says_who_waits_and_for_how_long(self, home: House) -> None:
        now = timezone.now()
        late, soon = begin(home.owner), begin(home.owner)
        for conversation in (late, soon):
            say(home.owner, conversation, "How do we begin?")
            handoff.ask_for_coach(member=home.owner, conversation_id=conversation.pk, now=now)
        Handoff.objects.filter(conversation=late).update(requested_at=now - timedelta(minutes=31))
        Interaction.objects.filter(conversation=late).update(lease_until=now - timedelta(minutes=1))
        found = gauges(State())
        assert found["sideline_rows_waiting", "handoffs"] == 2
        assert found["sideline_rows_overdue", "handoffs"] == 1
        assert 31 * 60 <= found["sideline_rows_oldest_seconds", "handoffs"] < 32 * 60
        assert (found["sideline_rows_waiting", "turns"], found["sideline_rows_overdue", "turns"]) == (2, 1)
        assert found["sideline_rows_waiting", "documents"] == 0
        assert found["sideline_rows_oldest_seconds", "documents"] == 0
        assert found["sideline_database_up",] == 1
        assert 0 < found["sideline_disk_used_ratio",] <= 1

    def test_says_what_people_asked_for_and_nobody_does(self, home: House) -> None:
        now = timezone.now()
        long_ago = now - timedelta(hours=2)
        Export.objects.create(
            organization=home.organization,
            requested_by=home.owner,
            kind="own",
            format="csv",
            created_at=long_ago,
        )
        AccountExport.objects.create(person=home.owner, requested_at=long_ago)
        Erasure.objects.create(person_id=home.owner.pk, asked_by_id=home.owner.pk, due_at=long_ago)
        outbox.queue(
            kind="test", about=home.owner.pk, recipient="a@b.example", organization_id=None, now=long_ago
        )
        found = gauges(State())
        for work in ("mails", "exports", "copies", "erasures"):
            assert (found["sideline_rows_waiting", work], found["sideline_rows_overdue", work]) == (1, 1)

    def test_says_whether_the_record_is_whole(self, home: House) -> None:
        audit.record(actor=home.owner, action="looked", resource="page:1")
        chain.verify(now=timezone.now())
        assert gauges(State())["sideline_record_broken",] == 0
        ChainCheck.objects.update(newest_hash="another")
        chain.verify(now=timezone.now())
        assert gauges(State())["sideline_record_broken",] == 1

    def test_says_how_old_the_numbers_are(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(analytics, "refreshed_at", lambda: timezone.now() - timedelta(hours=3))
        assert round(gauges(State())["sideline_analytics_age_seconds",]) == 3 * 3600

    def test_is_read_once_for_all_scrapes_of_the_next_seconds(
        self, home: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        at = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: at)
        state = State()
        first = gauges(state)
        begin(home.owner)
        at += metrics_state.REMEMBERED_S - 0.1
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert gauges(state) == first
        assert len(queries) == 0
        at += 0.1
        with CaptureQueriesContext(connection) as queries:
            gauges(state)
        assert len(queries) > 0

    def test_says_how_much_waits_in_the_broker(self, settings: Any, redis_url: str) -> None:
        # A database of its own: a worker of another test may be listening to the usual one.
        settings.CELERY_BROKER_URL = redis_database(redis_url, 9)
        with Redis.from_url(settings.CELERY_BROKER_URL) as client:
            client.lpush("ingestion", "one", "two")
            client.lpush("long", "four")
            client.hset("unacked", "tag", "three")
        found = gauges(State())
        assert found["sideline_queue_messages", "ingestion"] == 2
        assert found["sideline_queue_messages", "long"] == 1
        assert found["sideline_queue_messages", "default"] == 0
        assert found["sideline_queue_messages", "unacknowledged"] == 1
        assert (found["sideline_broker_up",], found["sideline_worker_up",]) == (1, 0)

    def test_says_that_the_broker_is_away(self, settings: Any) -> None:
        settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
        found = gauges(State())
        assert found["sideline_broker_up",] == 0
        assert not any(name[0] == "sideline_queue_messages" for name in found)
        assert found["sideline_database_up",] == 1

    def test_a_database_that_counts_too_slowly_is_left_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def slow(*, now: object) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(30)")

        monkeypatch.setattr(metrics_state, "STATEMENT_MS", 10)
        monkeypatch.setattr(metrics_state, "BACKLOGS", {"slow": slow})
        found = gauges(State())
        assert found["sideline_database_up",] == 0
        assert not any(name[0].startswith("sideline_rows") for name in found)


@pytest.fixture
def port(settings: Any) -> Iterator[int]:
    """A metrics port of this process, open."""
    settings.METRICS_PORT = free_port()
    server = telemetry.serve()
    assert server is not None
    yield settings.METRICS_PORT
    server.shutdown()
    server.server_close()


@pytest.mark.django_db(transaction=True)
class TestThePort:
    def test_shows_counters_and_state(self, port: int) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            found = scraped(answer.read().decode())
        assert found["sideline_database_up",] == 1
        assert found["sideline_sockets",] == 0
        assert ("sideline_turn_seconds_count",) in found
        assert not any(name[0].endswith("_created") for name in found)

    def test_takes_no_other_method(self, port: int) -> None:
        connection_ = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection_.request("POST", "/metrics")
        assert connection_.getresponse().status == 405
        connection_.close()

    def test_that_is_taken_is_noted_and_survived(self, port: int, caplog: pytest.LogCaptureFixture) -> None:
        assert telemetry.serve() is None
        assert [record.message for record in caplog.records] == ["metrics_port_not_opened"]

    def test_is_the_loopback_s_alone_unless_said_otherwise(self, settings: Any) -> None:
        assert settings.METRICS_HOST == "127.0.0.1"

    def test_zero_opens_none(self, settings: Any) -> None:
        settings.METRICS_PORT = 0
        assert telemetry.serve() is None


def test_a_worker_tidies_after_one_that_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(metrics_folder.VARIABLE, "unset again, and put back after the test")
    monkeypatch.delenv(metrics_folder.VARIABLE)
    monkeypatch.setattr(metrics_folder, "MEMORY", tmp_path)
    monkeypatch.setattr(atexit, "register", lambda *_call: None)
    killed, alive = (tmp_path / f"sideline-metrics-{pid}-x" for pid in (2**31 - 1, os.getpid()))
    for folder in (killed, alive):
        folder.mkdir()
    metrics_folder.share_between_processes()
    shared = Path(os.environ[metrics_folder.VARIABLE])
    assert set(tmp_path.iterdir()) == {alive, shared}
    assert shared.stat().st_mode & 0o777 == 0o700
    metrics_folder.share_between_processes()
    assert Path(os.environ[metrics_folder.VARIABLE]) == shared


@pytest.mark.django_db(transaction=True)
def test_thumbs_are_counted_once_they_are_kept() -> None:
    home = build_cast().home
    reply = say(home.owner, begin(home.owner), "How do we begin?").reply
    assert reply is not None
    before = value("sideline_feedback_total", thumb="down")
    with pytest.raises(NotVisible):
        giving_feedback.give(member=home.coach, message_id=reply.pk, score=-1)
    giving_feedback.give(member=home.owner, message_id=reply.pk, score=-1)
    assert value("sideline_feedback_total", thumb="down") == before + 1


@pytest.mark.processes
def test_both_processes_show_what_they_did_and_the_public_port_shows_nothing(
    live_stack: Stack,
) -> None:
    public = http.client.HTTPConnection("127.0.0.1", live_stack.port, timeout=20)
    public.request("GET", "/metrics")
    assert public.getresponse().status == 404
    public.close()
    web, worker = scraped(live_stack.web.metrics), scraped(live_stack.worker.metrics)
    assert web["sideline_http_requests_total", "GET", "none", "404"] >= 1
    assert (web["sideline_worker_up",], worker["sideline_worker_up",]) == (1, 1)
    assert (web["sideline_database_up",], worker["sideline_broker_up",]) == (1, 1)


@pytest.mark.processes
def test_a_worker_shows_what_its_children_did(live_stack: Stack) -> None:
    home = build_cast().home
    say(home.owner, begin(home.owner), "How do we begin a meeting well?")

    def shown() -> dict[tuple[str, ...], float] | None:
        found = scraped(live_stack.worker.metrics)
        return found if ("sideline_turns_total", "complete") in found else None

    found = until(shown, "a turn in the counters of the worker's child")
    assert found["sideline_turn_seconds_count",] >= 1
    assert found["sideline_turn_first_token_seconds_count",] >= 1
    calls = [name for name in found if name[0] == "sideline_provider_calls_total"]
    assert {(provider, status) for _, _, provider, status in calls} >= {("extractive", "ok")}
