"""Children are started, watched and stopped together, and trouble is one clear line."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from config import supervisor
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
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


def test_a_port_in_use_gets_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        port = taken.getsockname()[1]
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            "SIDELINE_DATA": str(tmp_path),
        }
        done = subprocess.run(
            [sys.executable, "manage.py", "up", "--port", str(port)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr == f"CommandError: Port {port} is in use. Choose another: make run PORT=8001\n"
    assert done.stdout == ""
