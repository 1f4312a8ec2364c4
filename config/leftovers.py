"""What outlives a supervisor that was killed: its children, each in a session of its own, found again by their notes.

A note is a file `<name>.json` with the number of the process and the moment at which it began. A number alone may
belong to anybody by now; together with that moment it belongs to nobody else.
"""

import json
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

CLOCK_SECONDS = 2.0
"""How far the moment at which a process began may seem to move, when the machine's clock is set."""
KILL_SECONDS = 5.0
PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Leftover:
    """A process of an earlier run that still runs."""

    name: str
    process: psutil.Process


def note(folder: Path, name: str, pid: int) -> None:
    """Write down that a process runs."""
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(psutil.NoSuchProcess):
        began = psutil.Process(pid).create_time()
        draft = folder / f".{name}"
        draft.write_text(json.dumps({"pid": pid, "began": began}), encoding="utf-8")
        draft.replace(folder / f"{name}.json")


def forget(folder: Path, name: str) -> None:
    """Strike the note of a process that has ended."""
    (folder / f"{name}.json").unlink(missing_ok=True)


def found(folder: Path) -> list[Leftover]:
    """Return the noted processes that still run; the caller knows that no supervisor does."""
    notes = sorted(folder.glob("*.json")) if folder.exists() else []
    return [Leftover(path.stem, process) for path in notes if (process := _noted(path)) is not None]


def end(left: Sequence[Leftover], *, patience_s: float) -> None:
    """Ask the processes to end, wait for them, and kill those that do not, with their children."""
    for each in left:
        with suppress(psutil.Error):
            each.process.terminate()
    for process in _waited_for(left, patience_s):
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    _waited_for(left, KILL_SECONDS)


def _waited_for(left: Sequence[Leftover], patience_s: float) -> list[psutil.Process]:
    """Return those that have not ended in time; one that nobody has buried yet has ended."""
    until = time.monotonic() + patience_s
    while (running := [each.process for each in left if _runs(each.process)]) and time.monotonic() < until:
        time.sleep(PAUSE_SECONDS)
    return running


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _noted(path: Path) -> psutil.Process | None:
    """Return the process of a note, if it is still that one."""
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        process = psutil.Process(int(written["pid"]))
        same = abs(process.create_time() - float(written["began"])) < CLOCK_SECONDS
        # A child leads the session that was made for it; whatever else has the number does hardly that.
        leads = os.getsid(process.pid) == process.pid
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    return process if same and leads and _runs(process) else None
