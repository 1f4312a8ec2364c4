"""Children are started, watched and stopped together, and trouble is one clear line."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.tests.waiting import until
from config import leftovers, supervisor
from config.ports import free_port
from config.supervisor import Child, Died, Interrupted, Supervisor, interruptible, last_words, python
from config.tests.deployment import ROOT

pytestmark = pytest.mark.processes

WAITS = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); print('up', flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\nwhile True: signal.pause()"


def started(folder: Path, name: str, code: str) -> Child:
    """Start a child that runs some Python, and wait for its first line."""
    child = Child(name, python("-c", code), folder / "logs" / f"{name}.log")
    child.start(os.environ)
    while not child.log.read_text() and child.running:
        pass
    return child


@pytest.fixture(autouse=True)
def _terminal() -> Iterator[None]:
    """Let the end of a terminal be heard, also where the tests themselves run without one (`nohup`)."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def test_a_child_is_asked_to_end_and_does(tmp_path: Path) -> None:
    child = started(tmp_path, "worker", WAITS)
    Supervisor(os.environ, [child]).stop()
    assert child.process is not None
    assert child.process.returncode == 0


def test_a_child_that_will_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.2)
    child = started(tmp_path, "worker", STUBBORN)
    Supervisor(os.environ, [child]).stop()
    assert child.process is not None
    assert child.process.wait(timeout=20) == -signal.SIGKILL


def test_a_child_that_died_is_named_with_its_last_words(tmp_path: Path) -> None:
    child = started(tmp_path, "web", "import sys; sys.exit('the port is taken')")
    assert child.process is not None
    child.process.wait(timeout=20)
    with pytest.raises(Died) as died:
        Supervisor(os.environ, [child]).watch()
    assert str(died.value) == (
        f"The web process ended (status 1). Its last words: the port is taken (see {child.log})"
    )


def test_errors_can_be_kept_apart(tmp_path: Path) -> None:
    code = "import sys; print('said'); print('gone wrong', file=sys.stderr)"
    child = Child("prepare", python("-c", code), tmp_path / "out.log", tmp_path / "errors.log")
    child.start(os.environ)
    assert child.process is not None
    assert child.process.wait(timeout=20) == 0
    assert child.log.read_text() == "said\n"
    assert (tmp_path / "errors.log").read_text() == "gone wrong\n"


def test_a_log_that_has_grown_long_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "LOG_LIMIT_BYTES", 3)
    (tmp_path / "a.log").write_text("long")
    child = Child("a", python("-c", "print('new')"), tmp_path / "a.log")
    child.start(os.environ)
    assert child.process is not None
    child.process.wait(timeout=20)
    assert (tmp_path / "a.log").read_text() == "new\n"
    assert (tmp_path / "a.old.log").read_text() == "long"


def test_last_words_of_a_log_that_is_not_there(tmp_path: Path) -> None:
    assert last_words(tmp_path / "none.log") == f"none (see {tmp_path / 'none.log'})"


REDIS_BEGINS = """\
28:M 26 Nov 2026 12:45:14.115 # Redis is now ready to exit, bye bye...
31:C 26 Nov 2026 12:46:01.860 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo
31:C 26 Nov 2026 12:46:01.860 # Redis version=6.2.14, bits=64, commit=40305114, modified=0, pid=31, just started
31:C 26 Nov 2026 12:46:01.860 # Configuration loaded
31:M 26 Nov 2026 12:46:01.862 * Running mode=standalone, port=37765.
31:M 26 Nov 2026 12:46:01.862 # Server initialized
31:M 26 Nov 2026 12:46:01.862 # WARNING Memory overcommit must be enabled! Without it, a background save may fail.
"""
READY = "31:M 26 Nov 2026 12:46:01.871 * Ready to accept connections\n"
FULL = "31:M 26 Nov 2026 12:47:10.002 # Error writing to the AOF file: No space left on device\n"


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (REDIS_BEGINS + READY, "none"),
        (REDIS_BEGINS + READY + FULL, FULL.strip()),
        (REDIS_BEGINS + FULL + READY, FULL.strip()),
        (READY * 100, "none"),
        ("said\n\n", "said"),
    ],
)
def test_last_words_are_no_routine_and_none_of_the_run_before(tmp_path: Path, log: str, words: str) -> None:
    (tmp_path / "redis.log").write_text(log)
    assert last_words(tmp_path / "redis.log") == f"{words} (see {tmp_path / 'redis.log'})"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_interrupts_once(number: signal.Signals) -> None:
    def twice() -> None:
        with interruptible():
            try:
                signal.raise_signal(number)
            finally:
                signal.raise_signal(number)

    before = signal.getsignal(number)
    with pytest.raises(Interrupted):
        twice()
    assert signal.getsignal(number) is before


def test_a_terminal_that_closes_interrupts_nothing_under_nohup() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_nobody_interrupts_what_must_come_to_its_end() -> None:
    done = []

    def start() -> None:
        with interruptible() as interruption, interruption.held():
            signal.raise_signal(signal.SIGHUP)
            done.append("started")

    with pytest.raises(Interrupted):
        start()
    assert done == ["started"]


@pytest.mark.parametrize(("number", "waits"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_a_second_ctrl_c_waits_for_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, waits: bool
) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.2 if waits else 60.0)
    child = started(tmp_path, "worker", STUBBORN)
    with interruptible() as interruption:
        interruption.hold()
        signal.raise_signal(number)
        assert interruption.is_urgent is not waits
        Supervisor(os.environ, [child]).stop(at_once=lambda: interruption.is_urgent)
    assert child.process is not None
    assert child.process.returncode == -signal.SIGKILL


SUPERVISES = """
import os, sys, time
from pathlib import Path
from config.supervisor import Child, Interrupted, Supervisor, interruptible, python
folder = Path(sys.argv[1])
with interruptible() as interruption:
    supervisor = Supervisor(os.environ, notes=folder / "processes")
    try:
        for name in ("web", "worker"):
            supervisor.start(Child(name, python("-c", sys.argv[2]), folder / f"{name}.log"))
        print("running", flush=True)
        time.sleep(600)
    except Interrupted:
        print("ending", flush=True)
    finally:
        interruption.hold()
        supervisor.stop()
"""


@pytest.fixture
def supervising(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A supervisor in a process of its own, with two children that run."""
    command = python("-c", SUPERVISES, str(tmp_path), WAITS)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        until(lambda: all(said_up(tmp_path, name) for name in ("web", "worker")), "two children")
        yield process
        process.kill()
    leftovers.end(leftovers.found(tmp_path / "processes"), patience_s=20)


def said_up(folder: Path, name: str) -> bool:
    """Whether a child has said that it runs."""
    return (folder / f"{name}.log").read_text() == "up\n"


def test_a_terminal_that_closes_ends_the_children(tmp_path: Path, supervising: subprocess.Popen[str]) -> None:
    running = leftovers.found(tmp_path / "processes")
    assert [each.name for each in running] == ["web", "worker"]
    supervising.send_signal(signal.SIGHUP)
    assert supervising.wait(timeout=60) == 0
    assert not any(each.process.is_running() for each in running)
    assert list((tmp_path / "processes").iterdir()) == []


def test_children_that_a_killed_supervisor_left_are_found_and_ended(
    tmp_path: Path, supervising: subprocess.Popen[str]
) -> None:
    supervising.kill()
    supervising.wait(timeout=60)
    left = leftovers.found(tmp_path / "processes")
    assert [each.name for each in left] == ["web", "worker"]
    leftovers.end(left, patience_s=20)
    assert len(list((tmp_path / "processes").iterdir())) == 2
    assert leftovers.found(tmp_path / "processes") == []


@pytest.mark.parametrize("written", ["", "[]", '{"pid": 1, "began": 0}', '{"pid": %d, "began": 0}'])
def test_a_number_that_belongs_to_somebody_else_by_now_is_left_alone(tmp_path: Path, written: str) -> None:
    child = started(tmp_path, "worker", WAITS)
    assert child.process is not None
    (tmp_path / "web.json").write_text(written.replace("%d", str(child.process.pid)))
    assert leftovers.found(tmp_path) == []
    leftovers.note(tmp_path, "web", child.process.pid)
    assert [each.process.pid for each in leftovers.found(tmp_path)] == [child.process.pid]
    Supervisor(os.environ, [child]).stop()
    assert leftovers.found(tmp_path) == []


def test_the_next_run_ends_what_a_killed_one_left_and_says_so(tmp_path: Path) -> None:
    port = free_port()
    listens = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); print('up', flush=True); time.sleep(600)"
    child = started(tmp_path, "web", listens)
    assert child.process is not None
    leftovers.note(tmp_path / "processes", "web", child.process.pid)
    # Without a database the run ends as soon as it has begun.
    nowhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
    done = run_up(tmp_path, port, **nowhere)
    assert done.stdout.splitlines()[0] == "Ending what a run that was killed has left: web"
    assert done.stderr.startswith("CommandError: prepare failed: ")
    assert child.process.wait(timeout=20) == -signal.SIGTERM


def run_up(folder: Path, port: int, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run everything with its data in a folder, until it ends by itself."""
    environment = {
        **os.environ,
        **extra,
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "SIDELINE_DATA": str(folder),
    }
    return subprocess.run(
        [sys.executable, "manage.py", "up", "--port", str(port)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_port_in_use_gets_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_up(tmp_path, port)
    assert done.returncode == 1
    assert done.stderr == f"CommandError: Port {port} is in use. Choose another: make run PORT=8001\n"
    assert done.stdout == ""
