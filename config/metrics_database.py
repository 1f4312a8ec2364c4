"""How long the database takes for a statement, waiting for locks included, in the counters of this process."""

import time
from collections.abc import Callable
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver
from prometheus_client import Histogram

SECONDS: Final = Histogram(
    "sideline_database_query_seconds",
    "How long a statement took in the database.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0),
)


@receiver(connection_created)
def measure(*, connection: BaseDatabaseWrapper, **_signal: object) -> None:
    """Time the statements of a connection from now on; one that is opened again is timed already."""
    if timed not in connection.execute_wrappers:
        # At the beginning: whoever adds another for a while takes away the last.
        connection.execute_wrappers.insert(0, timed)


def timed(execute: Callable[..., Any], *statement: Any) -> Any:
    """Run a statement and count how long it took, whatever came of it."""
    begun = time.perf_counter()
    try:
        return execute(*statement)
    finally:
        SECONDS.observe(time.perf_counter() - begun)
