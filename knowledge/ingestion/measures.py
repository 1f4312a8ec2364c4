"""What the stages of ingestion add to the counters of this process."""

from datetime import datetime
from typing import Final, Literal

from prometheus_client import Counter, Histogram

from knowledge.ingestion.ledger import Claim

STAGES: Final = Counter(
    "sideline_ingestion_stages", "Attempts at a stage of ingestion, by how they ended.", ["stage", "ended"]
)
SECONDS: Final = Histogram(
    "sideline_ingestion_stage_seconds",
    "How long an attempt at a stage took.",
    ["stage"],
    buckets=(0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 60.0, 180.0, 600.0, 1800.0, 3600.0),
)


def stage_ended(claim: Claim, ended: Literal["done", "failed"], *, now: datetime) -> None:
    """Count an attempt at a stage."""
    STAGES.labels(claim.stage.value, ended).inc()
    SECONDS.labels(claim.stage.value).observe((now - claim.taken_at).total_seconds())
