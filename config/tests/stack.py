"""Real processes for tests: the web process and a worker over the test database, which tests may kill.

```
def test_a_reply_survives_the_web_process(live_stack):
    live_stack.web.kill()
    live_stack.start_web()
```
"""

import json
import os
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from redis import Redis
from redis.exceptions import RedisError

from accounts.tests.waiting import PATIENCE_S, until
from config.broker import queue_names
from config.ports import LOOPBACK, free_port
from config.supervisor import Child, last_words, python


@dataclass(slots=True)
class Process:
    """One process of the stack."""

    child: Child
    environment: Mapping[str, str]
    metrics_port: int = 0

    def start(self) -> None:
        """Start it; `Stack.wait_until_ready` says when it serves."""
        # Somebody else may have taken the port of the time before.
        self.metrics_port = free_port()
        self.child.start({**self.environment, "METRICS_PORT": str(self.metrics_port)})

    @property
    def pid(self) -> int:
        """The number of the process."""
        assert self.child.process is not None
        return self.child.process.pid

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.child.running

    @property
    def metrics(self) -> str:
        """What it shows on its metrics port."""
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self.metrics_port}/metrics", timeout=5) as answer:
            text: str = answer.read().decode()
        return text

    @property
    def shows_metrics(self) -> bool:
        """Whether its metrics port is open; what it says of itself elsewhere may be from the time before."""
        with suppress(OSError), socket.create_connection((LOOPBACK, self.metrics_port), timeout=5):
            return True
        return False

    def freeze(self, number: signal.Signals) -> None:
        """Stop it and its children where they are, or let them go on."""
        if self.running:
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """End it and its children as a crash would."""
        self.child.signal(signal.SIGKILL)
        self._wait()

    def terminate(self) -> None:
        """Ask it to end, and wait until it has."""
        self.child.signal(signal.SIGTERM)
        self._wait()

    def _wait(self) -> None:
        if self.child.process is not None:
            self.child.process.wait(timeout=PATIENCE_S)


@dataclass(slots=True)
class Stack:
    """The processes and where they are."""

    port: int
    logs: Path
    environment: dict[str, str]
    web: Process = field(init=False)
    worker: Process = field(init=False)
    _rests_since: str = ""
    """The run of Redis in which it was frozen; nothing while it is at work."""

    def __post_init__(self) -> None:
        self.web = self._process(
            "web", python("-m", "config.web", "--bind", LOOPBACK, "--port", str(self.port)), "web"
        )
        celery = python("-m", "celery", "--quiet", "-A", "config.celery", "worker", "--loglevel", "WARNING")
        options = ["--beat", "--schedule", str(self.logs / "beat"), "--without-gossip", "--without-mingle"]
        self.worker = self._process(
            "worker", [*celery, *options, "--queues", ",".join(queue_names()), "--concurrency", "1"], "worker"
        )

    @property
    def url(self) -> str:
        """The address of the web process, without a slash at its end."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def websocket_url(self) -> str:
        """The same address for sockets."""
        return f"ws://{LOOPBACK}:{self.port}"

    def start_web(self) -> None:
        """Start the web process and wait until it serves."""
        self.web.start()
        self.wait_until_ready("database", "migrations", "redis")

    def start_worker(self) -> None:
        """Start the worker and wait until it takes jobs."""
        self.worker.start()
        self.wait_until_ready("worker")

    def ensure_running(self) -> None:
        """Start what does not run, and wait until everything is ready.

        Another stack over the same database and queue would take this one's jobs and lost turns, and answer
        them with its own model: it rests until it is asked for again.
        """
        for other in _STACKS:
            if other is not self:
                other.rest(gives_up_jobs=True)
        self._go_on()
        for process in (self.worker, self.web):
            if not process.running:
                process.start()
        self.wait_until_ready("database", "migrations", "redis", "worker")

    def wait_until_ready(self, *parts: str) -> None:
        """Wait until `/readyz` says yes for these parts; fail with the last words of a process that died."""

        def are_ready() -> bool:
            found = self.readiness()
            processes = (self.web, self.worker)
            if found and all(found.get(part) for part in parts):
                return all(process.shows_metrics for process in processes if process.running)
            for process in processes:
                if process.child.process is not None and not process.running:
                    raise AssertionError(f"{process.child.name} died: {last_words(process.child.log)}")
            return False

        until(are_ready, f"{', '.join(parts)} of the stack whose logs are in {self.logs}")

    def rest(self, *, gives_up_jobs: bool = False) -> None:
        """Freeze both processes at a moment at which neither is inside a transaction.

        A frozen worker still gets the next job if it has just asked for one; `gives_up_jobs` waits that out.
        """

        def is_free() -> bool:
            self._signal(signal.SIGSTOP)
            if works_on(self.environment["DATABASE_URL"]):
                self._signal(signal.SIGCONT)
                return False
            return True

        if self._rests_since or not (self.web.running or self.worker.running):
            return
        until(is_free, "a moment without a transaction")
        self._rests_since = run_of(self._redis) or "away"
        if gives_up_jobs:
            until(lambda: not asked_for_jobs(self._redis), "the end of the last request for a job")

    def _go_on(self) -> None:
        """Let frozen processes go on; those whose Redis was started anew meanwhile begin anew too."""
        if not self._rests_since:
            return
        if run_of(self._redis) != self._rests_since:
            self.stop()
        self._signal(signal.SIGCONT)
        self._rests_since = ""

    @property
    def _redis(self) -> str:
        return self.environment["REDIS_URL"]

    def _signal(self, number: signal.Signals) -> None:
        for process in (self.web, self.worker):
            process.freeze(number)

    def stop(self) -> None:
        """End everything that runs."""
        self._rests_since = ""
        for process in (self.web, self.worker):
            if process.running:
                process.kill()

    def _process(self, name: str, command: list[str], role: str) -> Process:
        """Return a process of the stack."""
        return Process(
            Child(name, command, self.logs / f"{name}.log"), {**self.environment, "SIDELINE_ROLE": role}
        )

    def readiness(self) -> dict[str, bool]:
        """Return what the web process says of each part."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:  # noqa: S310 -- loopback
                found: dict[str, bool] = json.load(answer)
        except urllib.error.HTTPError as refusal:
            with refusal:
                found = json.load(refusal)
        except (OSError, ValueError):
            return {}
        return found


_STACKS: list[Stack] = []
"""The stacks of this process, at work or at rest."""


def let_stacks_rest() -> None:
    """Let every stack rest until a test asks for it again."""
    for stack in _STACKS:
        stack.rest()


def run_of(redis_url: str) -> str:
    """Return which run of Redis this is; nothing while it is away."""
    with suppress(RedisError), Redis.from_url(redis_url) as client:
        return str(client.info("server")["run_id"])
    return ""


def asked_for_jobs(redis_url: str) -> bool:
    """Whether somebody waits for a message of a queue."""
    with suppress(RedisError), Redis.from_url(redis_url) as client:
        return int(client.info("clients")["blocked_clients"]) > 0
    return False


def works_on(database_url: str) -> bool:
    """Whether somebody is inside a statement or a transaction in this database."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        busy = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'"
        ).fetchone()
    return busy is not None and busy[0] > 0


@contextmanager
def running_stack(
    *, database_url: str, redis_url: str, media: Path, logs: Path, extra: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """Start a web process and a worker, yield them when both are ready, and end them.

    `extra` adds to their environment: `{"CHAT_MODEL": "coaching.providers.extractive.from_settings"}`.
    """
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings.stack",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "MEDIA_ROOT": str(media),
        "DRAIN_SECONDS": "5",
        **(extra or {}),
    }
    environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
    stack = Stack(free_port(), logs, environment)
    _STACKS.append(stack)
    try:
        stack.ensure_running()
        yield stack
    finally:
        stack.stop()
        _STACKS.remove(stack)
