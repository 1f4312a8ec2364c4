"""Jobs: what the API remembers for a day is forgotten."""

from celery import shared_task
from django.utils import timezone

from accounts import saved_replies


@shared_task(ignore_result=True)
def forget_replies(**_future: object) -> None:
    """Delete the replies that nobody can ask for again."""
    saved_replies.forget_old(now=timezone.now())
