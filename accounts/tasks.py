"""Jobs about people's own data. Each message is only a nudge: the rows say what is to be done."""

from typing import cast
from uuid import UUID

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.utils import timezone

from accounts import erasure, export_making, retention

LONGEST_S = 3600


@shared_task(ignore_result=True, soft_time_limit=LONGEST_S - 60, time_limit=LONGEST_S)
def make_export(*, export_id: str, **_future: object) -> None:
    """Put a person's data into one file."""
    export_making.make(export_id=UUID(export_id), now=timezone.now())


def nudge_export(export_id: UUID) -> None:
    """Tell a worker of an export after the commit."""
    cast("DjangoTask[..., None]", make_export).delay_on_commit(export_id=str(export_id))


@shared_task(ignore_result=True, soft_time_limit=LONGEST_S - 60, time_limit=LONGEST_S)
def erase_account(*, erasure_id: str, **_future: object) -> None:
    """Erase a person whose time has come."""
    erasure.run(erasure_id=UUID(erasure_id), now=timezone.now())


@shared_task(ignore_result=True)
def sweep_account_data(**_future: object) -> None:
    """Nudge the exports whose message was lost or whose worker died, and the erasures whose time has come."""
    now = timezone.now()
    for export_id in export_making.due(now=now):
        nudge_export(export_id)
    for erasure_id in erasure.due(now=now):
        cast("DjangoTask[..., None]", erase_account).delay_on_commit(erasure_id=str(erasure_id))


@shared_task(ignore_result=True, soft_time_limit=LONGEST_S - 60, time_limit=LONGEST_S)
def keep_no_longer(**_future: object) -> None:
    """Delete what has been kept long enough, everywhere."""
    retention.run(now=timezone.now())


@shared_task(ignore_result=True)
def expire_exports(**_future: object) -> None:
    """Delete the copies of people's data whose day is over."""
    retention.run_for_installation(now=timezone.now(), only=("account_exports",))
