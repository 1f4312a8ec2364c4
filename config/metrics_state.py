"""How things stand, read from rows, broker and disk when somebody asks; at most every few seconds.

Every process with a metrics port gives the same numbers, so rules take the `max` of them.
"""

import logging
import time
from collections.abc import Iterator
from datetime import datetime
from threading import Lock
from typing import Final

from django.db import DatabaseError, InterfaceError
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from accounts import chain
from config import broker, disk, health, patience
from config.backlogs import BACKLOGS
from conversations import analytics
from conversations.watch import watch

logger = logging.getLogger(__name__)

REMEMBERED_S = 15.0
"""How long numbers from the database are good enough."""
STATEMENT_MS = 2_000
"""A database that is too busy to be counted in is left alone."""

GAUGES: Final = {
    "sideline_database_up": "Whether the database answered.",
    "sideline_broker_up": "Whether the broker answered.",
    "sideline_worker_up": "Whether a beat went through the broker to a worker lately.",
    "sideline_queue_messages": "Messages that wait in the broker.",
    "sideline_rows_waiting": "Unfinished rows of background work.",
    "sideline_rows_overdue": "Rows that somebody should have taken by now.",
    "sideline_rows_oldest_seconds": "Age of the oldest unfinished row.",
    "sideline_record_broken": "Whether the last check of the record found it edited or shortened.",
    "sideline_analytics_age_seconds": "How old the numbers of the analytics are.",
    "sideline_disk_used_ratio": "Used part of the fullest disk that the installation writes to, from 0 to 1.",
    "sideline_sockets": "Open sockets of this process.",
}
"""What is read at the time of a scrape, with the help text of each. Rows named `handoffs` are waiting clients."""


class State(Collector):
    """Reads how things stand; the numbers of one reading serve every scrape of the next seconds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._read_at = float("-inf")
        self._known: list[Metric] = []

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering reads nothing."""
        return []

    @override
    def collect(self) -> Iterator[Metric]:
        """Return the gauges; who asks while they are being read waits for them."""
        with self._lock:
            if time.monotonic() - self._read_at >= REMEMBERED_S:
                self._known = [*_database(), *_broker(), _disk()]
                self._read_at = time.monotonic()
            yield from self._known
        yield _gauge("sideline_sockets", watch.count)


def _database() -> Iterator[Metric]:
    up = _gauge("sideline_database_up", 0)
    rows = [
        _family(name, "work")
        for name in ("sideline_rows_waiting", "sideline_rows_overdue", "sideline_rows_oldest_seconds")
    ]
    try:
        with patience.limited(STATEMENT_MS):
            for work, count in BACKLOGS.items():
                found = count(now=timezone.now())
                for family, value in zip(rows, (found.waiting, found.overdue, found.oldest_s), strict=True):
                    family.add_metric([work], value)
            told = [
                _gauge("sideline_record_broken", chain.is_broken()),
                _gauge("sideline_analytics_age_seconds", _age(analytics.refreshed_at())),
            ]
    except (DatabaseError, InterfaceError) as error:
        logger.warning("rows_not_counted", extra={"error": type(error).__name__})
        yield up
        return
    yield _gauge("sideline_database_up", 1)
    yield from (*rows, *told)


def _age(since: datetime) -> float:
    return max(0.0, (timezone.now() - since).total_seconds())


def _broker() -> Iterator[Metric]:
    try:
        depths = broker.depths()
        heard = health.worker_was_heard()
    except broker.BrokerAway:
        yield _gauge("sideline_broker_up", 0)
        return
    messages = _family("sideline_queue_messages", "queue")
    for queue, depth in depths.items():
        messages.add_metric([queue], depth)
    yield from (messages, _gauge("sideline_broker_up", 1), _gauge("sideline_worker_up", heard))


def _disk() -> Metric:
    return _gauge("sideline_disk_used_ratio", disk.fullest())


def _family(name: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, GAUGES[name], labels=labels)


def _gauge(name: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, GAUGES[name], value=float(value))
