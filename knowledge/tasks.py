"""Jobs of the library. Each message is only a nudge: the rows say what is to be done."""

from typing import cast
from uuid import UUID

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.utils import timezone

from knowledge import spaces
from knowledge.ingestion import run, sweep
from knowledge.models import EmbeddingSpace

LONGEST_S = 3600
SWEEP_S = 30
MESSAGE_S = 24 * 3600


@shared_task(
    acks_late=True,
    reject_on_worker_lost=True,
    ignore_result=True,
    # A scanned book takes long. The broker may hand the message out once more meanwhile, which is harmless:
    # the second worker finds the stage taken and stops.
    soft_time_limit=LONGEST_S - 60,
    time_limit=LONGEST_S,
)
def ingest_version(*, version_id: str, **_future: object) -> None:
    """Take a version as far as it goes."""
    run.ingest(version_id=UUID(version_id))


@shared_task(acks_late=True, ignore_result=True)
def sweep_ingestion(**_future: object) -> None:
    """Nudge the versions whose message was lost, whose worker died, or whose pause is over."""
    for version_id in sweep.due(now=timezone.now()):
        nudge(version_id, expires_s=SWEEP_S)


@shared_task(acks_late=True, ignore_result=True, soft_time_limit=LONGEST_S - 60, time_limit=LONGEST_S)
def keep_index(**_future: object) -> None:
    """Build the index of the active space once a scope has grown so large that it needs one."""
    space = EmbeddingSpace.objects.filter(state=EmbeddingSpace.State.ACTIVE).first()
    if space is not None:
        spaces.ensure_index(space)


def nudge(version_id: UUID, *, expires_s: float = MESSAGE_S) -> None:
    """Tell a worker after the commit; a message that nobody took within `expires_s` is not worth keeping."""
    task = cast("DjangoTask[..., None]", ingest_version)
    task.apply_async_on_commit(kwargs={"version_id": str(version_id)}, expires=expires_s)
