"""Work in a process that is killed in the middle of it."""

import os
import signal
from collections.abc import Callable
from typing import Any

from django.db import connections


def die(*_arguments: object, **_named: object) -> Any:
    """End this process as the kernel ends one that used too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def in_a_process_that_dies(work: Callable[[], object]) -> None:
    """Run `work` in a process of its own and expect it to be killed there."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(3)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL
