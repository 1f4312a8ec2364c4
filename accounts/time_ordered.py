"""Ids that carry their time: the primary key of a table is its index by time as well."""

from datetime import datetime, timedelta
from uuid import UUID

SKEW = timedelta(minutes=5)
"""How far the clocks of processes may be apart."""


def least_id(since: datetime) -> UUID:
    """Return an id below that of every row written since then (UUIDv7: milliseconds, then chance)."""
    milliseconds = int((since - SKEW).timestamp() * 1000)
    return UUID(int=milliseconds << 80)
