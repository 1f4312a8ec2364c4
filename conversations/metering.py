"""What the providers were asked in a conversation and what it cost, kept with what it was for."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from coaching.models import PromptRun
from coaching.providers.metered import RunRecord


class Collector:
    """Keeps the records of provider calls until they are written with their outcome."""

    def __init__(self) -> None:
        self.runs: list[RunRecord] = []

    async def record(self, run: RunRecord) -> None:
        """Keep one record."""
        self.runs.append(run)


def keep_runs(
    runs: Sequence[RunRecord], *, organization_id: UUID, user_id: UUID, subject_id: UUID, now: datetime
) -> None:
    """Write the records: for whom and for what the calls were made."""
    PromptRun.objects.bulk_create(
        PromptRun(
            at=now,
            organization_id=organization_id,
            user_id=user_id,
            subject_id=subject_id,
            purpose=run.purpose,
            provider=run.provider,
            model=run.model,
            prompt=run.prompt.name,
            prompt_version=run.prompt.version,
            prompt_hash=run.prompt.hash,
            input_tokens=run.input_tokens,
            output_tokens=run.output_tokens,
            cost_usd=run.cost_usd,
            latency_ms=run.latency_ms,
            first_token_ms=run.first_token_ms,
            status=run.status,
            error=run.error,
        )
        for run in runs
    )
