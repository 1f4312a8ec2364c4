"""`manage.py up`: the whole of Sideline on one machine, until Ctrl-C."""

import fcntl
import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from redis import Redis
from redis.exceptions import RedisError
from typing_extensions import override

from config import leftovers, processes
from config.embedded import Embedded, ServiceFailed
from config.health import HEARTBEAT_KEY
from config.ports import LOOPBACK, is_free
from config.supervisor import (
    PAUSE_SECONDS,
    STOP_SECONDS,
    Child,
    Died,
    Interrupted,
    Interruption,
    Supervisor,
    interruptible,
    last_words,
    python,
)

HEALTHY_SECONDS = 90.0


class Command(BaseCommand):
    """Starts the services, prepares the database, runs web and workers, and stops all of it again."""

    interruption: Interruption

    help = "Run everything Sideline needs on this machine; Ctrl-C stops all of it."
    requires_system_checks = []

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--port", type=int, default=int(os.environ.get("PORT", "8000")), help="default: 8000"
        )
        parser.add_argument("--host", default=LOOPBACK, help=f"address to listen on, default: {LOOPBACK}")
        parser.add_argument("--no-demo", action="store_true", help="leave the demonstration out")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Run until interrupted; any trouble is one line and exit status 1."""
        home = Path(settings.SIDELINE_DATA).resolve()
        home.mkdir(parents=True, exist_ok=True)
        with _only_one(home), interruptible() as self.interruption:
            services = Embedded(home)
            supervisor = Supervisor(dict(os.environ), notes=home / "processes")
            try:
                self._end_leftovers(home)
                if not is_free(options["port"], options["host"]):
                    raise CommandError(
                        f"Port {options['port']} is in use. Choose another: make run PORT=8001"
                    )
                self._run(home, services, supervisor, options)
            except Interrupted:
                self._say(
                    "\nStopping: what is being said and done is finished first; Ctrl-C again does not wait …"
                )
            except (Died, *ServiceFailed) as trouble:
                raise CommandError(str(trouble)) from trouble
            finally:
                self.interruption.hold()
                supervisor.stop(at_once=lambda: self.interruption.is_urgent)
                services.stop()
        self._say("Stopped.")

    def _end_leftovers(self, home: Path) -> None:
        """End what a run that was killed has left; its services are simply used again."""
        left = leftovers.found(home / "processes")
        if left:
            self._say(f"Ending what a run that was killed has left: {', '.join(each.name for each in left)}")
            leftovers.end(left, patience_s=STOP_SECONDS)

    def _run(self, home: Path, services: Embedded, supervisor: Supervisor, options: dict[str, Any]) -> None:
        """Start everything in order, say where it is, and watch it."""
        addresses = self._start_services(services)
        supervisor.environment = {
            "PUBLIC_URL": f"http://localhost:{options['port']}",
            **os.environ,
            "DATABASE_URL": settings.DATABASE_URL,
            "REDIS_URL": settings.REDIS_URL,
            **addresses,
            "SIDELINE_DATA": str(home),
            "PYTHONUNBUFFERED": "1",
        }
        self._run_to_its_end(home, supervisor, "prepare")
        people = [] if options["no_demo"] else self._demo(home, supervisor)
        _forget_heartbeat(supervisor.environment["REDIS_URL"])
        self._say("Web and workers")
        for child in processes.all_of_them(home, host=options["host"], port=options["port"]):
            supervisor.start(child)
        self._wait_until_healthy(supervisor, options)
        self._announce(options, people)
        while True:
            supervisor.watch()
            _watch_services(services)
            time.sleep(1.0)

    def _start_services(self, services: Embedded) -> dict[str, str]:
        """Start those services for which no address is configured."""
        given = {name for name in ("DATABASE_URL", "REDIS_URL") if os.environ.get(name)}
        # A service whose start is cut short would go on by itself.
        with self.interruption.held():
            return services.start(
                with_postgres="DATABASE_URL" not in given, with_redis="REDIS_URL" not in given, say=self._say
            )

    def _demo(self, home: Path, supervisor: Supervisor) -> list[dict[str, str]]:
        """Build the demonstration unless it stands already; return who can sign in."""
        note = home / "demo.json"
        now = _demo_fingerprint(home, supervisor.environment["DATABASE_URL"])
        known = _read(note)
        if known.get("of") != now:
            self._say("Demonstration")
            people = home / "sign-ins.json"
            self._run_to_its_end(home, supervisor, "demo", "--sign-ins", str(people))
            known = {"of": now, "people": json.loads(people.read_text(encoding="utf-8"))}
            note.write_text(json.dumps(known), encoding="utf-8")
        people_known: list[dict[str, str]] = known["people"]
        return people_known

    def _run_to_its_end(self, home: Path, supervisor: Supervisor, name: str, *arguments: str) -> None:
        """Run one of our commands with its output on the terminal and its errors in a log."""
        log, errors = home / "logs" / f"{name}.log", home / "logs" / f"{name}-errors.log"
        for path in (log, errors):
            path.unlink(missing_ok=True)
        child = Child(name, python("manage.py", name, *arguments), log, errors)
        supervisor.start(child)
        shown = 0
        while child.running:
            shown = self._show(log, shown)
            time.sleep(PAUSE_SECONDS)
        self._show(log, shown)
        supervisor.leave(child)
        if child.process and child.process.returncode:
            raise Died(f"{name} failed: {last_words(errors)}")

    def _show(self, log: Path, shown: int) -> int:
        """Copy what a log got since the last look to the terminal; return how much was shown."""
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        complete = text.rfind("\n") + 1
        if complete > shown:
            self._say(text[shown:complete].rstrip("\n"))
        return max(complete, shown)

    def _wait_until_healthy(self, supervisor: Supervisor, options: dict[str, Any]) -> None:
        """Wait until every part answers; name those that do not."""
        url = f"http://{_reachable(options['host'])}:{options['port']}/readyz"
        until = time.monotonic() + HEALTHY_SECONDS
        parts: dict[str, bool] = {}
        while time.monotonic() < until:
            supervisor.watch()
            parts = _readiness(url)
            if parts and all(parts.values()):
                return
            time.sleep(PAUSE_SECONDS)
        missing = [name for name, there in parts.items() if not there] or ["web"]
        raise Died(f"Not healthy after {HEALTHY_SECONDS:.0f} s: {', '.join(missing)} (see .local/logs)")

    def _announce(self, options: dict[str, Any], people: list[dict[str, str]]) -> None:
        """Say where Sideline is and who can sign in."""
        self._say(f"\nSideline is ready: http://{_reachable(options['host'])}:{options['port']}/\n")
        for who in people:
            self._say(f"  {who['role']:<16} {who['email']:<36} {who['password']}")
        self._say("\nCtrl-C stops everything.")

    def _say(self, line: str) -> None:
        """Write a line at once, also through a pipe; where nobody reads any more, the work goes on."""
        try:
            self.stdout.write(line)
            self.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _read(note: Path) -> dict[str, Any]:
    """Return what was noted, or nothing."""
    try:
        found: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _demo_fingerprint(home: Path, database_url: str) -> str:
    """Return a hash of what the demonstration is made of and where it was built."""
    found = hashlib.sha256(database_url.encode())
    for path in sorted((Path(settings.BASE_DIR) / "demo").rglob("*")):
        if path.suffix in {".md", ".toml", ".vtt"}:
            found.update(path.read_bytes())
    cluster = home / "postgres" / "PG_VERSION"
    if cluster.exists():
        found.update(str(cluster.stat().st_ino).encode())
    return found.hexdigest()


def _watch_services(services: Embedded) -> None:
    """Raise `Died` when an embedded service has gone."""
    if services.postgres.port and not services.postgres.is_running():
        raise Died(f"PostgreSQL ended. Its last words: {last_words(services.postgres.log)}")
    if services.redis.port and not services.redis.is_running():
        raise Died(f"Redis ended. Its last words: {last_words(services.redis.log)}")


def _readiness(url: str) -> dict[str, bool]:
    """Return what `/readyz` says of each part, or nothing when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 -- our own address
            found: dict[str, bool] = json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            found = json.load(refusal) if refusal.code == 503 else {}
    except (OSError, ValueError):
        return {}
    return found


def _forget_heartbeat(redis_url: str) -> None:
    """Forget the worker of an earlier start, so that only the new one counts."""
    try:
        with Redis.from_url(redis_url) as redis:
            redis.delete(HEARTBEAT_KEY)
    except RedisError as error:
        raise Died(f"Redis does not answer: {type(error).__name__}") from error


def _reachable(host: str) -> str:
    """Return a host name under which this machine reaches itself."""
    return "localhost" if host in {"0.0.0.0", LOOPBACK} else host  # noqa: S104 -- compared, not bound


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    """Hold the right to run from this folder."""
    with (home / "run.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(f"Sideline already runs from this folder ({home}).") from None
        yield
