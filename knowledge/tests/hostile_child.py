"""A child that tries what a hostile document might make a parser do; see test_extraction_sandbox."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from knowledge.extraction.child import Channel, serve
from knowledge.extraction.limits import MEGABYTE


def connect() -> str:
    """Open a connection to this machine."""
    with socket.create_connection(("127.0.0.1", 9), timeout=1):
        return "connected"


def start_program() -> str:
    """Start another program."""
    return str(subprocess.run(["/bin/true"], check=True).returncode)


def write_outside(target: str) -> str:
    """Write a file outside the scratch folder."""
    Path(target).write_text("here", encoding="utf-8")
    return "written"


def attempt(act: Callable[[], str]) -> str:
    """What came of it, in one word."""
    try:
        return act()
    except (OSError, subprocess.SubprocessError) as error:
        return type(error).__name__


def flood(channel: Channel) -> None:
    """Send without end."""
    while True:
        channel.part(b"x" * MEGABYTE)


def sleep(channel: Channel) -> None:
    """Say that it began, then wait."""
    channel.progress(1, 2)
    while True:
        signal.pause()


def spin(_: Channel) -> None:
    """Compute without end."""
    while True:
        pass


def speak(_: Channel) -> None:
    """Fail with words of the document in the message."""
    raise ValueError("the secret words of the document")


ACTS: dict[str, Callable[[Channel], object]] = {
    "connect": lambda channel: channel.result(attempt(connect).encode()),
    "program": lambda channel: channel.result(attempt(start_program).encode()),
    "environment": lambda channel: channel.result(",".join(sorted(os.environ)).encode()),
    "memory": lambda channel: channel.result(bytes(4_000 * MEGABYTE)),
    "flood": flood,
    "sleep": sleep,
    "spin": spin,
    "segfault": lambda _: os.kill(os.getpid(), signal.SIGSEGV),
    "exit": lambda _: sys.exit(3),
    "speak": speak,
}


def work(request: dict[str, Any], channel: Channel) -> None:
    """Do the one thing that the request names."""
    target = request.get("target", "")
    if target:
        channel.result(attempt(lambda: write_outside(target)).encode())
    else:
        ACTS[request["act"]](channel)


if __name__ == "__main__":
    serve(work)
