"""Jobs: mail that is to go out, and the verification of the record. Rows drive them; beat sweeps."""

from typing import cast

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.utils import timezone

from accounts import chain


@shared_task(ignore_result=True)
def check_chain(**_future: object) -> None:
    """Verify the record when somebody asked, or when the last time is a day ago."""
    chain.do_what_is_due(now=timezone.now())


def nudge_chain() -> None:
    """Tell a worker after the commit; the sweep finds the request when the message is lost."""
    cast("DjangoTask[..., None]", check_chain).delay_on_commit()
