"""Jobs: turns that wait for a process, people who wait for a coach, exports. Rows drive them; beat sweeps."""

from typing import cast
from uuid import UUID

from asgiref.sync import async_to_sync
from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.utils import timezone

from coaching import spending
from conversations import absence, allowance, analytics_views, escalating, exports_work, following
from conversations.turns import recovery


@shared_task(ignore_result=True)
def answer_turn(*, turn_id: str, **_future: object) -> None:
    """Answer a turn that was accepted by a page without a socket."""
    async_to_sync(recovery.recover)(UUID(turn_id), now=timezone.now())


def nudge(turn_id: UUID) -> None:
    """Tell a worker of a turn after the commit; the sweep finds it when the message is lost."""
    task: DjangoTask[..., None] = cast("DjangoTask[..., None]", answer_turn)
    task.delay_on_commit(turn_id=str(turn_id))


@shared_task(ignore_result=True)
def sweep_turns(**_future: object) -> None:
    """Hand every turn without a living process to a worker."""
    for turn_id in recovery.overdue(now=timezone.now()):
        nudge(turn_id)


@shared_task(ignore_result=True)
def release_reservations(**_future: object) -> None:
    """Give back what was set aside for answers on which nobody works any more."""
    spending.release(subject_ids=allowance.abandoned(now=timezone.now()))


@shared_task(ignore_result=True)
def refresh_analytics(**_future: object) -> None:
    """Bring the numbers of the analytics up to date."""
    analytics_views.refresh()


@shared_task(ignore_result=True)
def escalate_handoffs(**_future: object) -> None:
    """Offer conversations that wait longer than promised to the next coach."""
    for conversation_id in escalating.escalate(now=timezone.now()):
        async_to_sync(escalating.tell)(conversation_id)


@shared_task(ignore_result=True)
def give_back_absent(**_future: object) -> None:
    """Give back the conversations of coaches who are gone."""
    for conversation_id in absence.give_back(now=timezone.now()):
        async_to_sync(escalating.tell)(conversation_id)


@shared_task(ignore_result=True)
def find_astray(**_future: object) -> None:
    """Take along the conversations whose educators have another coach."""
    async_to_sync(following.tell)(following.find_astray(now=timezone.now()))


@shared_task(ignore_result=True)
def make_export(*, export_id: str, **_future: object) -> None:
    """Make the files of an export."""
    exports_work.make(export_id=UUID(export_id))


def nudge_export(export_id: UUID) -> None:
    """Tell a worker of an export after the commit; the sweep finds it when the message is lost."""
    task: DjangoTask[..., None] = cast("DjangoTask[..., None]", make_export)
    task.delay_on_commit(export_id=str(export_id))


@shared_task(ignore_result=True)
def sweep_exports(**_future: object) -> None:
    """Hand every export that nobody works on to a worker, and delete the files whose day is over."""
    now = timezone.now()
    for export_id in exports_work.due(now=now):
        nudge_export(export_id)
    exports_work.purge(now=now)
