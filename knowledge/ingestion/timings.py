"""How long documents took from their upload until answers could quote them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

_READ = """
    SELECT count(published_at),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM published_at - created_at)),
           percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM published_at - created_at)),
           count(*) FILTER (WHERE state = 'failed'),
           count(*) FILTER (WHERE state IN ('ready', 'failed'))
    FROM knowledge_documentversion
    WHERE created_at >= %(since)s
      AND (%(organization)s::uuid IS NULL OR organization_id = %(organization)s)
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """The documents that were added in a time and are read or have failed."""

    published: int
    p50_s: float | None
    p95_s: float | None
    failed: int
    ended: int


def reading(*, since: datetime, organization_id: UUID | None) -> Reading:
    """Return how reading the documents added since then went, of one organization or of all."""
    with connection.cursor() as cursor:
        cursor.execute(_READ, {"since": since, "organization": organization_id})
        published, half, most, failed, ended = cursor.fetchone()
    return Reading(published, _number(half), _number(most), failed, ended)


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
