"""The processes of one machine: started together, watched, and stopped together.

Each child runs in a session of its own, so that the terminal's Ctrl-C reaches only the supervisor, which then
ends the children in order: the web process finishes what it is saying, the workers what they are doing. Who
asks a second time does not want to wait for that.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from config import leftovers

STOP_SECONDS = 45.0
"""How long a child may take to end before it is killed; longer than it waits for its own work."""
PAUSE_SECONDS = 0.1
LOG_LIMIT_BYTES = 20 * 1024 * 1024
LOOKED_BACK = 40
"""Lines of a log among which last words are looked for."""
# What Redis says of itself whenever it starts; its log marks what is routine with a star, a dash or a dot.
ROUTINE = re.compile(
    r"^\d+:[A-Z] .{16,32}? (?:[*.-] |# (?:oO0|Redis version|Configuration loaded|Server initialized|WARNING.*overcommit))"
)
BEGINNING = "Redis is starting"


class Died(Exception):
    """A child ended by itself; the text names it and its log."""


class Interrupted(Exception):
    """Somebody asked us to end."""


@dataclass(slots=True)
class Child:
    """One process: its name, its command, and where its output goes (errors apart, when `errors` says where).

    `environment` adds to what all children get.
    """

    name: str
    command: Sequence[str]
    log: Path
    errors: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self, environment: Mapping[str, str]) -> None:
        """Start the process, its output appended to its log; a log that has grown long is put aside."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".old.log"))
        with self.log.open("ab") as log, (self.errors or self.log).open("ab") as errors:
            self.process = subprocess.Popen(  # noqa: S603 -- our own programs
                self.command,
                env={**environment, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=errors,
                start_new_session=True,
            )

    def signal(self, number: int) -> None:
        """Send a signal to the process, or to its whole session when it is the last one."""
        if self.process is None or self.process.poll() is not None:
            return
        if number == signal.SIGKILL:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)

    @property
    def running(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self.process is not None and self.process.poll() is None


@dataclass(slots=True)
class Supervisor:
    """Starts children, notices when one dies, stops them all; notes in a folder, if there is one, which run."""

    environment: Mapping[str, str]
    children: list[Child] = field(default_factory=list)
    notes: Path | None = None

    def start(self, child: Child) -> None:
        """Start a child and watch it from now on."""
        # First among the children: whatever interrupts the start finds it there.
        self.children.append(child)
        child.start(self.environment)
        if self.notes and child.process:
            leftovers.note(self.notes, child.name, child.process.pid)

    def leave(self, child: Child) -> None:
        """Watch a child that has ended no longer."""
        self.children.remove(child)
        if self.notes:
            leftovers.forget(self.notes, child.name)

    def watch(self) -> None:
        """Raise `Died` when a child has ended."""
        for child in self.children:
            if not child.running:
                status = child.process.returncode if child.process else "?"
                raise Died(
                    f"The {child.name} process ended (status {status}). Its last words: {last_words(child.log)}"
                )

    def stop(self, *, at_once: Callable[[], bool] = lambda: False) -> None:
        """Ask all children to end, wait for them, and kill those that do not; wait no longer once `at_once` says so."""
        for child in self.children:
            child.signal(signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS
        while any(child.running for child in self.children) and time.monotonic() < until and not at_once():
            time.sleep(PAUSE_SECONDS)
        for child in self.children:
            child.signal(signal.SIGKILL)
        for child in tuple(self.children):
            if child.process is not None:
                child.process.wait(timeout=STOP_SECONDS)
            self.leave(child)


def last_words(log: Path) -> str:
    """Return the last line of a log that is more than routine, and where the log is."""
    try:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    return f"{_last_telling(lines)[:300]} (see {log})"


def _last_telling(lines: Sequence[str]) -> str:
    """Return the last line that is more than routine, among those since the process began where that is to be seen."""
    for line in lines[: -LOOKED_BACK - 1 : -1]:
        if not ROUTINE.match(line):
            return line
        if BEGINNING in line:
            break
    return "none"


def python(*arguments: str) -> list[str]:
    """Return a command that runs this Python."""
    return [sys.executable, *arguments]


class Interruption:
    """Who asks us to end: heard at once the first time; while nobody may interrupt us, remembered."""

    def __init__(self) -> None:
        self._is_held = False
        self._remembered: set[int] = set()

    @property
    def is_urgent(self) -> bool:
        """Whether somebody pressed Ctrl-C once more while we end; a terminal that closes asks twice by itself."""
        return signal.SIGINT in self._remembered

    def hear(self, number: int, _frame: FrameType | None) -> None:
        """Raise `Interrupted`, or remember that somebody asked."""
        if self._is_held:
            self._remembered.add(number)
            return
        self.hold()
        raise Interrupted

    def hold(self) -> None:
        """Let nobody interrupt from now on."""
        self._is_held = True
        self._remembered.clear()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nobody interrupt meanwhile; whoever asks is heard afterwards."""
        self.hold()
        yield
        self._is_held = bool(self._remembered)
        if self._remembered:
            self._remembered.clear()
            raise Interrupted


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Turn Ctrl-C, SIGTERM and the end of the terminal into `Interrupted`, the first time; `nohup` stays obeyed."""
    interruption = Interruption()
    asking = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        asking.append(signal.SIGHUP)
    before = {number: signal.signal(number, interruption.hear) for number in asking}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
