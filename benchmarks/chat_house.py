"""A house for the chat benchmarks: services, model server, web process, worker, library and signed-in clients."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.benchmark")

from config.embedded import Embedded
from config.ports import LOOPBACK, free_port


@dataclass(frozen=True, slots=True)
class Client:
    """An educator who is signed in, with a conversation."""

    cookie_name: str
    cookie: str
    conversation_id: UUID


@dataclass(slots=True)
class House:
    """The running house."""

    port: int
    model_url: str
    web_pid: int
    bare_port: int
    bare_pid: int
    environment: dict[str, str]
    _clients: list[Client]

    def bare(self) -> "House":
        """Return the floor beside the product: a bare Channels app on the same server."""
        return replace(self, port=self.bare_port, web_pid=self.bare_pid)

    @property
    def url(self) -> str:
        """Address of the web process."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def websocket_url(self) -> str:
        """The same for sockets."""
        return f"ws://{LOOPBACK}:{self.port}"

    def clients(self, count: int) -> list[Client]:
        """Return `count` clients."""
        return self._clients[:count]


@contextmanager
def open_house(
    *, users: int, first_token_ms: int, tokens: int, gap_ms: int, server: str = "daphne"
) -> Iterator[House]:
    """Start everything with the demonstration's library, and stop it again."""
    home = ROOT / ".local" / "benchmark"
    model_port, web_port = free_port(), free_port()
    with ExitStack() as stack:
        services = Embedded(home)
        addresses = services.start()
        stack.callback(services.stop)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = {
            **os.environ,
            **addresses,
            "SIDELINE_DATA": str(home),
            "DJANGO_SETTINGS_MODULE": "config.settings.benchmark",
            "OPENAI_API_KEY": "sk-benchmark-loopback-0123456789",
            "OPENAI_BASE_URL": f"http://{LOOPBACK}:{model_port}/v1",
            "LOG_LEVEL": "WARNING",
        }
        model = ["-m", "benchmarks.model_server", "--port", str(model_port)]
        timing = ["--first-token-ms", first_token_ms, "--tokens", tokens, "--gap-ms", gap_ms]
        _start(stack, [*model, *map(str, timing)], environment, folder / "model.log")
        made = subprocess.run(
            [sys.executable, "-m", "benchmarks.chat_people", str(users)],
            env=environment, cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        clients = [
            Client(name, cookie, UUID(conversation))
            for name, cookie, conversation in (line.split() for line in made.stdout.splitlines() if line)
        ]
        web = _start(stack, _server(server, web_port), environment, folder / "web.log")
        bare_port = free_port()
        bare = _start(stack, _bare(server, bare_port), environment, folder / "bare.log")
        _start(stack, _worker(folder), {**environment, "SIDELINE_ROLE": "worker"}, folder / "worker.log")
        _wait(f"http://{LOOPBACK}:{web_port}/livez", folder / "web.log")
        _wait_for_port(bare_port, folder / "bare.log")
        try:
            model_url = f"http://{LOOPBACK}:{model_port}/v1"
            yield House(web_port, model_url, web.pid, bare_port, bare.pid, environment, clients)
        except BaseException:
            print((folder / "web.log").read_text()[-3000:], file=sys.stderr)
            raise


def _server(server: str, port: int) -> list[str]:
    if server == "daphne":
        return ["-m", "config.web", "--bind", LOOPBACK, "--port", str(port)]
    return ["-m", "uvicorn", "config.asgi:application", "--port", str(port), "--log-level", "warning"]


def _worker(folder: Path) -> list[str]:
    worker = ["-m", "celery", "-A", "config.celery", "worker", "--beat", "--concurrency", "1"]
    quiet = ["--loglevel", "WARNING", "--queues", "default,ingestion,long"]
    return [*worker, *quiet, "--schedule", str(folder / "beat")]


def _bare(server: str, port: int) -> list[str]:
    application = "benchmarks.bare_chat:application"
    if server == "daphne":
        return ["-m", "daphne", "--verbosity", "0", "--bind", LOOPBACK, "--port", str(port), application]
    return ["-m", "uvicorn", application, "--port", str(port), "--log-level", "warning"]


def _start(
    stack: ExitStack, command: list[str], environment: dict[str, str], log: Path
) -> "subprocess.Popen[bytes]":
    output = stack.enter_context(log.open("wb"))
    process = subprocess.Popen(
        [sys.executable, *command], env=environment, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process


def _wait_for_port(port: int, log: Path) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
            return
        time.sleep(0.1)
    raise SystemExit(f"the bare app did not come up:\n{log.read_text()[-3000:]}")


def _wait(url: str, log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - loopback
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    raise SystemExit(f"the web process did not come up:\n{log.read_text()[-3000:]}")
