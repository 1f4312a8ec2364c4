"""Everything that a request does on one connection, so that a test can undo it: the fixture `one_connection`."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from typing_extensions import override


class Here(Executor):
    """Runs what it is given at once, in the thread that gives it, on the connection that it was made for."""

    def __init__(self, shared: Any) -> None:
        self._shared = shared

    @override
    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Run it and return how it ended."""
        connections[DEFAULT_DB_ALIAS] = self._shared
        ended: Future[Any] = Future()
        try:
            ended.set_result(work(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 -- whoever waits for it gets it
            ended.set_exception(error)
        return ended
