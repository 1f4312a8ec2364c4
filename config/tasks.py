"""The installation's own jobs: the heartbeat that shows a live worker, its metrics, and tidying."""

from celery import shared_task
from celery.signals import worker_ready
from django.core.management import call_command

from config import health, telemetry


@worker_ready.connect(weak=False)
def _open_metrics_port(**_details: object) -> None:
    """Open the port in the worker's main process; its children do the work and share their counters with it."""
    telemetry.serve()


@shared_task(acks_late=False)
def beat(**_future: object) -> None:
    """Write down that beat, broker and worker work together."""
    health.note_heartbeat()


@shared_task
def clear_sessions(**_future: object) -> None:
    """Delete the sessions that have ended."""
    call_command("clearsessions")
