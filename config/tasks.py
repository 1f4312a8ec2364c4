"""The installation's own jobs: the heartbeat that shows a live worker, and tidying."""

from celery import shared_task
from django.core.management import call_command

from config import health


@shared_task(acks_late=False)
def beat(**_future: object) -> None:
    """Write down that beat, broker and worker work together."""
    health.note_heartbeat()


@shared_task
def clear_sessions(**_future: object) -> None:
    """Delete the sessions that have ended."""
    call_command("clearsessions")
