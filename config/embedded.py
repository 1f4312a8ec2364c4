"""The embedded services: PostgreSQL and Redis from the wheels, for whoever has configured no address.

Several programs may use the services of one folder at the same time: each holds a shared lock, the first starts
them and the last one out stops them. A program that was killed loses its lock with its life.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path

from config.embedded_postgres import Postgres, PostgresFailed
from config.embedded_redis import Redis, RedisFailed

NOTES = "services.json"

ServiceFailed = (PostgresFailed, RedisFailed)
"""What `Embedded.start` raises when a service cannot be had."""


@dataclass(slots=True)
class Embedded:
    """The services under one folder; `expendable` data may be lost with the machine."""

    home: Path
    expendable: bool = False
    postgres: Postgres = field(init=False)
    redis: Redis = field(init=False)
    _lock: TextIOWrapper | None = None

    def __post_init__(self) -> None:
        self.postgres = Postgres(self.home, expendable=self.expendable)
        self.redis = Redis(self.home)

    def start(
        self,
        *,
        with_postgres: bool = True,
        with_redis: bool = True,
        say: Callable[[str], None] = lambda _line: None,
    ) -> dict[str, str]:
        """Start what does not run yet, write the addresses down, and return them.

        The answer has `DATABASE_URL` and `REDIS_URL`, each when its service was asked for.
        Raises PostgresFailed or RedisFailed.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        with _alone(self.home / "services.lock"):
            self._join()
            ports = self._remembered_ports()
            addresses = {}
            if with_postgres:
                say("PostgreSQL" if (self.home / "postgres").exists() else "PostgreSQL (making its data)")
                self.postgres.start(ports.get("postgres", 0))
                addresses["DATABASE_URL"] = self.postgres.url()
            if with_redis:
                say("Redis")
                self.redis.start(ports.get("redis", 0))
                addresses["REDIS_URL"] = self.redis.url
            self._remember(addresses)
        return addresses

    def stop(self) -> None:
        """Leave the services; stop them when nobody else uses them."""
        with _alone(self.home / "services.lock"):
            if not self._leave():
                return
            if self.redis.port:
                self.redis.stop()
            if self.postgres.port:
                self.postgres.stop()

    def _join(self) -> None:
        """Take a share of the lock that all users of the services hold."""
        if self._lock is None:
            self._lock = (self.home / "users.lock").open("a")
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    def _leave(self) -> bool:
        """Give our share back; return whether nobody else holds one."""
        if self._lock is None:
            return False
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            self._lock.close()
            self._lock = None
        return True

    def _remembered_ports(self) -> dict[str, int]:
        """Return the ports of the last start, so that addresses stay the same."""
        try:
            noted = json.loads((self.home / NOTES).read_text(encoding="utf-8"))
            return {name: int(port) for name, port in noted.get("ports", {}).items()}
        except (OSError, ValueError):
            return {}

    def _remember(self, addresses: dict[str, str]) -> None:
        """Write ports and addresses down where only their owner reads them."""
        ports = {**self._remembered_ports()}
        ports.update(
            {name: s.port for name, s in (("postgres", self.postgres), ("redis", self.redis)) if s.port}
        )
        draft = self.home / f".{NOTES}-{os.getpid()}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"ports": ports, **addresses}, file, indent=1)
        draft.replace(self.home / NOTES)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock that one program at a time can have."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
