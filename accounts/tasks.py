"""Jobs about people: mail, the record, replies of the API, copies of data and erasures. Rows drive them; beat sweeps."""

from typing import cast
from uuid import UUID

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.utils import timezone

from accounts import chain, erasure, export_making, outbox, retention, saved_replies

LONGEST_S = 3600


@shared_task(ignore_result=True)
def check_chain(**_future: object) -> None:
    """Verify the record when somebody asked, or when the last time is a day ago."""
    chain.do_what_is_due(now=timezone.now())


def nudge_chain() -> None:
    """Tell a worker after the commit; the sweep finds the request when the message is lost."""
    cast("DjangoTask[..., None]", check_chain).delay_on_commit()


@shared_task(ignore_result=True)
def send_mail(*, mail_id: str, **_future: object) -> None:
    """Send one mail of the outbox."""
    outbox.send(mail_id=UUID(mail_id), now=timezone.now())


@shared_task(ignore_result=True)
def sweep_mail(**_future: object) -> None:
    """Send the mails whose message was lost, whose worker died, or that are to be tried again."""
    for mail_id in outbox.due(now=timezone.now()):
        nudge_mail(mail_id)


def nudge_mail(mail_id: UUID) -> None:
    """Tell a worker of a mail after the commit; the sweep finds it when the message is lost."""
    cast("DjangoTask[..., None]", send_mail).delay_on_commit(mail_id=str(mail_id))


@shared_task(ignore_result=True)
def forget_replies(**_future: object) -> None:
    """Delete the replies that nobody can ask for again."""
    saved_replies.forget_old(now=timezone.now())


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
