"""The rows of ingestion: claim a stage, hold it, report on it, finish it or give it back.

A claim is a lease on one step. Whoever holds it proves so by the moment at which it was taken: each write
happens in a transaction that locks the version and finds that moment still in the row. So a worker that
was paused, cancelled or declared dead can write nothing, and a deleted document stays deleted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from knowledge.ingestion_errors import INTERRUPTED, WORTH_ANOTHER_TRY
from knowledge.models import Document, DocumentVersion, IngestionStep

LEASE = timedelta(seconds=60)
ATTEMPTS = 3
PAUSES = (timedelta(seconds=10), timedelta(seconds=60))
"""How long a stage waits after its first and second failure."""

STAGES = tuple(IngestionStep.Stage)
UNFINISHED = (DocumentVersion.State.WAITING, DocumentVersion.State.PROCESSING)
GIVEN_UP = frozenset({DocumentVersion.State.FAILED, DocumentVersion.State.CANCELLED})

State = IngestionStep.State


class Stopped(Exception):
    """The work is no longer ours: cancelled, deleted, or taken over after the lease ran out."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one stage of one version, taken at `taken_at`."""

    step_id: UUID
    version_id: UUID
    stage: IngestionStep.Stage
    taken_at: datetime


def open_steps(version: DocumentVersion) -> None:
    """Write the rows of a new version, all waiting."""
    IngestionStep.objects.bulk_create(IngestionStep(version=version, stage=stage) for stage in STAGES)


def reopen_steps(version: DocumentVersion) -> None:
    """Let the stages that are not done begin afresh, with all their attempts."""
    version.steps.exclude(state=State.DONE).update(
        state=State.WAITING, attempts=0, lease_until=None, done_units=0, total_units=0, finished_at=None
    )


def reopen_from(version: DocumentVersion, stage: IngestionStep.Stage) -> None:
    """Let `stage` and those after it be done once more."""
    again = STAGES[STAGES.index(stage) :]
    version.steps.filter(stage__in=again).update(state=State.WAITING)
    reopen_steps(version)


@transaction.atomic
def claim(*, version_id: UUID, now: datetime, at_once: bool = False) -> Claim | None:
    """Take the next stage of a version, counting the attempt before the work.

    Nothing is there to take when the version is finished or gone, when somebody else holds the stage, and
    (unless `at_once`) while the stage pauses after a failure. A stage that was interrupted too often fails.
    """
    version = DocumentVersion.objects.select_for_update().filter(pk=version_id, state__in=UNFINISHED).first()
    step = next_step(version) if version else None
    if version is None or step is None or not _is_free(step, now, at_once=at_once):
        return None
    if step.attempts >= ATTEMPTS:
        _fail(version, step, INTERRUPTED, now)
        return None
    step.attempts += 1
    step.state, step.started_at, step.lease_until = State.RUNNING, now, now + LEASE
    step.save(update_fields=["attempts", "state", "started_at", "lease_until"])
    if version.state != DocumentVersion.State.PROCESSING:
        version.state = DocumentVersion.State.PROCESSING
        version.save(update_fields=["state"])
    return Claim(step.pk, version.pk, IngestionStep.Stage(step.stage), now)


def next_step(version: DocumentVersion) -> IngestionStep | None:
    """Return the first step that is not done, in the order of the stages."""
    waiting = {step.stage: step for step in version.steps.exclude(state=State.DONE)}
    return next((waiting[stage] for stage in STAGES if stage in waiting), None)


def _is_free(step: IngestionStep, now: datetime, *, at_once: bool) -> bool:
    if step.lease_until is None or step.lease_until <= now:
        return True
    return at_once and step.state == State.WAITING


@contextmanager
def holding(claimed: Claim) -> Iterator[DocumentVersion]:
    """Open a transaction in which the claim holds, or raise Stopped.

    It locks the document and then the version, in the order of whoever deletes or replaces them.
    """
    with transaction.atomic():
        document = (
            Document.objects.select_for_update(of=("self",)).filter(versions=claimed.version_id).first()
        )
        version = (
            DocumentVersion.objects.select_for_update()
            .filter(pk=claimed.version_id, state=DocumentVersion.State.PROCESSING)
            .first()
        )
        if document is None or version is None or not _ours(claimed).exists():
            raise Stopped
        version.document = document
        yield version


def report(claimed: Claim, *, done: int, total: int, now: datetime) -> None:
    """Write down the progress and hold the stage for another while; raises Stopped when it is not ours."""
    held = _ours(claimed).filter(version__state=DocumentVersion.State.PROCESSING)
    if held.update(done_units=done, total_units=total, lease_until=now + LEASE) != 1:
        raise Stopped


def finish(claimed: Claim, *, done: int, now: datetime) -> None:
    """Mark the stage as done; inside `holding`, together with what the stage wrote."""
    _ours(claimed).update(
        state=State.DONE, finished_at=now, lease_until=None, done_units=done, total_units=done
    )


def give_back(claimed: Claim, *, cause: str, now: datetime) -> None:
    """Return a stage that failed: to wait for another attempt, or for good."""
    with holding(claimed) as version:
        step = version.steps.get(pk=claimed.step_id)
        if cause not in WORTH_ANOTHER_TRY or step.attempts >= ATTEMPTS:
            _fail(version, step, cause, now)
            return
        step.state, step.lease_until = State.WAITING, now + PAUSES[step.attempts - 1]
        step.save(update_fields=["state", "lease_until"])


def _ours(claimed: Claim) -> QuerySet[IngestionStep]:
    return IngestionStep.objects.filter(pk=claimed.step_id, state=State.RUNNING, started_at=claimed.taken_at)


def _fail(version: DocumentVersion, step: IngestionStep, cause: str, now: datetime) -> None:
    step.state, step.finished_at, step.lease_until = State.FAILED, now, None
    step.save(update_fields=["state", "finished_at", "lease_until"])
    version.state, version.cause, version.failed_stage = DocumentVersion.State.FAILED, cause, step.stage
    version.save(update_fields=["state", "cause", "failed_stage"])
