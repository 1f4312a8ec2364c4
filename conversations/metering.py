"""What the providers were asked in a conversation and what it cost, kept with what it was for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts import prepared
from accounts.request_ids import request_id
from coaching.providers.measures import count
from coaching.providers.metered import RunRecord


class Collector:
    """Keeps the records of provider calls until they are written with their outcome."""

    def __init__(self) -> None:
        self.runs: list[RunRecord] = []

    async def record(self, run: RunRecord) -> None:
        """Keep one record."""
        self.runs.append(run)

    def take(self, runs: Sequence[RunRecord], *, counted: bool) -> None:
        """Keep records made elsewhere; those of another process have yet to be counted in this one."""
        self.runs.extend(runs)
        for run in () if counted else runs:
            count(run)


_COLUMNS = (
    *("id", "at", "organization_id", "user_id", "subject_id", "purpose", "provider", "model", "prompt"),
    *("prompt_version", "prompt_hash", "input_tokens", "output_tokens", "cost_usd", "latency_ms"),
    *("first_token_ms", "status", "error", "request_id"),
)
_INSERT = f"INSERT INTO coaching_promptrun ({', '.join(_COLUMNS)}) VALUES "  # noqa: S608 - names of columns
_NEW = " ON CONFLICT (id) DO NOTHING RETURNING id"
_ROW = f"({', '.join(['%s'] * len(_COLUMNS))})"


def keep_runs(
    runs: Sequence[RunRecord], *, organization_id: UUID, user_id: UUID, subject_id: UUID | None, now: datetime
) -> list[RunRecord]:
    """Write the records: for whom and for what the calls were made; return those that were not written before."""
    if not runs:
        return []
    values: list[Any] = []
    for run in runs:
        values += [run.id, now, organization_id, user_id, subject_id, run.purpose, run.provider, run.model]
        values += [run.prompt.name, run.prompt.version, run.prompt.hash, run.input_tokens, run.output_tokens]
        values += [run.cost_usd, run.latency_ms, run.first_token_ms, run.status, run.error]
        values.append(request_id.get())
    with prepared.cursor() as cursor:
        cursor.execute(_INSERT + ", ".join([_ROW] * len(runs)) + _NEW, values)
        new = {row[0] for row in cursor.fetchall()}
    return [run for run in runs if run.id in new]
