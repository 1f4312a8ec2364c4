"""The materialized views under the analytics: brought up to date by beat, read from a replica where there is one."""

from collections.abc import Mapping
from typing import Any

from django.db import connection, connections, transaction
from django.db.backends.utils import CursorWrapper

VIEWS = (
    "analytics_person_day",
    "analytics_domain_day",
    "analytics_handoff",
    "analytics_spend_day",
    "analytics_keyword",
    "analytics_refreshed",
)
REPLICA = "analytics"
_LOCK = 0x616E616C
"""Names the advisory lock under which one process refreshes."""


@transaction.atomic(durable=True)
def refresh() -> bool:
    """Bring every view up to date while it goes on being read; False when another process is at it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if cursor.fetchone() != (True,):
            return False
        _refresh(cursor)
    return True


@transaction.atomic(durable=True)
def forget() -> None:
    """Bring every view up to date with what was just erased, after whoever is at it with older rows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        _refresh(cursor)


def _refresh(cursor: CursorWrapper) -> None:
    for view in VIEWS:
        cursor.execute(f"REFRESH MATERIALIZED VIEW CONCURRENTLY {view}")


def alias() -> str:
    """Return the database that is read: the replica where one is configured."""
    return REPLICA if REPLICA in connections.databases else "default"


def rows(query: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return what a query over the views finds."""
    with connections[alias()].cursor() as cursor:
        cursor.execute(query, dict(values))
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
