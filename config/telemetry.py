"""The metrics port: what this process counts and how things stand, for Prometheus and nobody else.

It listens on an address of its own (`METRICS_HOST`, the loopback by default, and `METRICS_PORT`, 0 for none), in
threads beside the work: neither the event loop nor a task ever waits for a scrape.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable
from socketserver import TCPServer
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from django.conf import settings
from django.db import connections
from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    ProcessCollector,
    disable_created_metrics,
    make_wsgi_app,
)
from prometheus_client.core import Metric
from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from typing_extensions import override

from coaching.providers import measures as providers
from config import metrics_database as database
from config import metrics_requests as requests
from config.metrics_folder import VARIABLE
from config.metrics_state import State
from conversations import measures as conversations
from conversations.turns import measures as turns
from knowledge.ingestion import measures as ingestion

logger = logging.getLogger(__name__)

ROOMS = (requests, database, providers, conversations, turns, ingestion)
"""Where things are counted. Named here, each is there from the first scrape on, whatever has happened."""

# When a counter began to count is of no use to anybody, and would double the number of lines.
disable_created_metrics()  # type: ignore[no-untyped-call]
state = State()


class _Quiet(WSGIRequestHandler):
    """Answers without a line on standard error."""

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing."""


class _Server(ThreadingWSGIServer):
    """Answers each scrape in a thread of its own."""

    @override
    def server_bind(self) -> None:
        """Take the port; the base class would ask a name server who we are, and wait for its answer."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class Everything(Collector):
    """The counters of this process, or of a worker and its children, and the state of the installation."""

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering reads nothing."""
        return []

    @override
    def collect(self) -> Iterable[Metric]:
        """Return all metrics."""
        yield from _counters().collect()
        yield from state.collect()


def _counters() -> CollectorRegistry:
    """Return where the counters are: in this process, or in the folder that a worker's processes share."""
    if VARIABLE not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    ProcessCollector(registry=registry)
    return registry


def application() -> Callable[..., Iterable[bytes]]:
    """Return the application behind the port; a scrape gives its database connection back."""
    registry = CollectorRegistry()
    registry.register(Everything())
    metrics = make_wsgi_app(registry)

    def scraped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            return list(metrics(environ, start_response))
        finally:
            connections.close_all()

    return scraped


def serve() -> _Server | None:
    """Open the metrics port; one that is taken is noted, and the process does its work without."""
    if not settings.METRICS_PORT:
        return None
    try:
        server = make_server(settings.METRICS_HOST, settings.METRICS_PORT, application(), _Server, _Quiet)
    except OSError as error:
        logger.warning("metrics_port_not_opened", extra={"error": type(error).__name__})
        return None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
