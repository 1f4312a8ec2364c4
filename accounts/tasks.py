"""Jobs: mail that is to go out, the verification of the record, and replies of the API that are forgotten after a day. Rows drive them; beat sweeps."""

from typing import cast
from uuid import UUID

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.utils import timezone

from accounts import chain, outbox, saved_replies


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
