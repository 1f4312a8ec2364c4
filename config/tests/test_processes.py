"""Which process does what: a job that takes an hour holds up nothing that is promised within seconds."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone
from redis import Redis as Client

from accounts.lifecycle_models import AccountExport
from accounts.tasks import make_export
from accounts.tests.factories import UserFactory
from accounts.tests.waiting import until
from config import processes
from config.broker import queue_names
from config.celery import app
from config.embedded_redis import Redis
from config.health import HEARTBEAT_KEY
from config.ports import LOOPBACK
from config.settings import jobs
from config.supervisor import Child, last_words
from config.tasks import beat

PROMPT = {
    "accounts.tasks.forget_replies",
    "accounts.tasks.send_mail",
    "accounts.tasks.sweep_account_data",
    "accounts.tasks.sweep_mail",
    "config.tasks.beat",
    "conversations.tasks.answer_turn",
    "conversations.tasks.escalate_handoffs",
    "conversations.tasks.find_astray",
    "conversations.tasks.give_back_absent",
    "conversations.tasks.release_reservations",
    "conversations.tasks.sweep_exports",
    "conversations.tasks.sweep_turns",
    "knowledge.tasks.sweep_ingestion",
}
"""What may wait behind nothing long. A new task belongs here, or to the tasks that take long."""


def ours() -> dict[str, Any]:
    """Return every task of the installation by its name."""
    app.loader.import_default_modules()
    return {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}


def queue_of(name: str) -> str:
    return str(app.amqp.router.route({}, name)["queue"].name)


def option(child: Child, name: str) -> str:
    """Return what a process is started with."""
    return child.command[child.command.index(name) + 1]


def children(home: Path) -> dict[str, Child]:
    return {child.name: child for child in processes.all_of_them(home, host=LOOPBACK, port=8000)}


class TestQueues:
    def test_what_is_prompt_is_known(self) -> None:
        assert {name for name in ours() if queue_of(name) == jobs.PROMPT} == PROMPT

    def test_every_task_that_is_given_long_waits_elsewhere(self) -> None:
        usual = django_settings.CELERY_TASK_TIME_LIMIT
        given_long = [name for name, task in ours().items() if (task.time_limit or usual) > usual]
        assert {queue_of(name) for name in given_long} == {jobs.INGESTION, jobs.LONG}

    def test_everything_that_takes_long_exists(self) -> None:
        assert set(jobs.ROUTES) - {"knowledge.tasks.*"} - set(ours()) == set()

    def test_each_queue_has_one_process(self, tmp_path: Path) -> None:
        workers = [child for name, child in children(tmp_path).items() if name != "web"]
        assert sorted(option(child, "--queues") for child in workers) == queue_names()

    def test_only_one_process_has_the_clock(self, tmp_path: Path) -> None:
        assert [name for name, child in children(tmp_path).items() if "--beat" in child.command] == ["worker"]

    @pytest.mark.parametrize(("first", "ports"), [(9464, "9464 9465 9466 9467"), (0, "0 0 0 0")])
    def test_each_process_has_its_own_metrics(
        self, tmp_path: Path, settings: Any, first: int, ports: str
    ) -> None:
        settings.METRICS_PORT = first
        found = [child.environment["METRICS_PORT"] for child in children(tmp_path).values()]
        assert " ".join(found) == ports


@contextmanager
def locked(export: AccountExport) -> Iterator[None]:
    """Hold the row of an export, so that whoever makes it waits."""
    with transaction.atomic():
        AccountExport.objects.select_for_update().get(pk=export.pk)
        yield


def send(broker_url: str, task: Any, **arguments: str) -> None:
    """Send a task to the queue that the settings choose for it.

    By our own application: a shared task belongs to whichever was made last, and another has not our queues.
    """
    own = ours()[task.name]
    with app.connection_for_write(broker_url) as connection:
        own.apply_async(kwargs=arguments, connection=connection)


@contextmanager
def running(started: Sequence[Child], environment: dict[str, str]) -> Iterator[None]:
    """Run some processes; a failure tells what they said last."""
    try:
        for child in started:
            child.start(environment)
        yield
    except AssertionError as failure:
        for child in started:
            failure.add_note(
                f"{child.name}, which {'runs' if child.running else 'ended'}: {last_words(child.log)}"
            )
        raise
    finally:
        for child in started:
            child.signal(signal.SIGKILL)
            assert child.process is not None
            child.process.wait()


@pytest.fixture
def own_redis_url(tmp_path: Path) -> Iterator[str]:
    """Return the address of a Redis whose jobs nobody else takes, as workers of other tests would."""
    server = Redis(tmp_path / "own")
    server.home.mkdir()
    server.start()
    yield server.url
    server.stop()


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_a_sweep_runs_while_a_long_job_does(database_url: str, own_redis_url: str, tmp_path: Path) -> None:
    found = children(tmp_path)
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings.stack",
        "DATABASE_URL": database_url,
        "REDIS_URL": own_redis_url,
        "MEDIA_ROOT": str(tmp_path / "media"),
    }
    export = AccountExport.objects.create(person=UserFactory.create(), requested_at=timezone.now())

    def makes_an_export() -> bool:
        with psycopg.connect(database_url, autocommit=True) as connection:
            waiting = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND wait_event_type = 'Lock' AND query LIKE '%accounts_accountexport%'"
            ).fetchone()
        return waiting is not None and waiting[0] == 1

    started = [found["worker"], found["long"]]
    with Client.from_url(own_redis_url) as redis, locked(export), running(started, environment):
        until(lambda: redis.exists(HEARTBEAT_KEY), "a worker that listens")
        redis.delete(HEARTBEAT_KEY)
        send(own_redis_url, make_export, export_id=str(export.pk))
        until(makes_an_export, "an export that is being made")
        send(own_redis_url, beat)
        until(lambda: redis.exists(HEARTBEAT_KEY), "a beat beside the export")
        assert makes_an_export()
