"""The processes of an installation on one machine: what each is started with, and which queues it takes.

Promises in seconds (a coach who vanished, a turn that lost its process) are kept by sweeps, and a worker does one
thing after the other. So what may take long has workers of its own: documents one, everything else another.
"""

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from config.settings import jobs
from config.supervisor import Child, python

LARGEST_CHILD_KB = 250_000
"""A process that has grown beyond this, with somebody's whole life in an export, is replaced after its job."""

_CELERY = ("-m", "celery", "--quiet", "-A", "config.celery", "worker", "--loglevel", "WARNING")
_ONE_AFTER_THE_OTHER = ("--without-gossip", "--without-mingle", "--concurrency", "1")


def all_of_them(home: Path, *, host: str, port: int) -> list[Child]:
    """Return the web process, the worker with the clock, and the workers of documents and of long jobs."""
    clock = ("--beat", "--schedule", str(home / "beat-schedule"))
    slim = ("--max-memory-per-child", str(LARGEST_CHILD_KB))
    return [
        Child(
            "web",
            python("-m", "config.web", "--bind", host, "--port", str(port)),
            home / "logs" / "web.log",
            environment=_metrics(0),
        ),
        _worker(home, "worker", jobs.PROMPT, _metrics(1), clock),
        _worker(home, "ingestion", jobs.INGESTION, _metrics(2)),
        _worker(home, "long", jobs.LONG, _metrics(3), slim),
    ]


def _worker(
    home: Path, name: str, queue: str, environment: dict[str, str], options: Sequence[str] = ()
) -> Child:
    """Return a worker that takes one queue."""
    place = ("--queues", queue, "--hostname", f"{name}@%h")
    return Child(
        name,
        python(*_CELERY, *_ONE_AFTER_THE_OTHER, *place, *options),
        home / "logs" / f"{name}.log",
        environment={"SIDELINE_ROLE": "worker", **environment},
    )


def _metrics(number: int) -> dict[str, str]:
    """Return the metrics port of a process, one after the other; none when none is wanted."""
    first = settings.METRICS_PORT
    return {"METRICS_PORT": str(first + number if first else 0)}
