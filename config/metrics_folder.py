"""Where the processes of one worker share their counters.

A worker answers for its children: they do the work, its main process has the metrics port. Prometheus' client
then keeps counters in files that all of them map, if it finds the folder in the environment when it is imported.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import psutil

PREFIX = "sideline-metrics-"
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
MEMORY = Path("/dev/shm")  # noqa: S108 -- a folder of our own is made inside it
"""Preferred: a mapped file on a disk that is full would end the process."""


def share_between_processes() -> None:
    """Give this process and its children a folder for their counters; it goes when this process ends."""
    if VARIABLE in os.environ:
        return
    parent = MEMORY if os.access(MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    _tidy(parent)
    folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent)
    os.environ[VARIABLE] = folder
    atexit.register(_remove, folder, os.getpid())


def _tidy(parent: Path) -> None:
    """Remove the folders of workers that were killed."""
    for folder in parent.glob(f"{PREFIX}*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _remove(folder: str, owner: int) -> None:
    """Remove the folder, unless this is a child that inherited the wish."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
