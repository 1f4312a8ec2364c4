"""The Celery application: what a worker is started with (`celery -A config.celery worker`)."""

import logging
import os
from functools import partial, update_wrapper
from typing import Any

from celery import Celery
from celery.contrib.django.task import DjangoTask
from celery.signals import setup_logging, worker_ready
from django.db import transaction
from typing_extensions import override

from config.health import note_heartbeat
from config.metrics_folder import share_between_processes

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
if os.environ.get("SIDELINE_ROLE") == "worker":
    share_between_processes()
    # Celery warns before it sets up a log, in several lines of plain text.
    logging.captureWarnings(True)


class SweptTask(DjangoTask[..., None]):
    """A task whose message is only a nudge: a sweep finds its row when the message gets lost.

    A broker that is away after the commit must therefore not turn a success into an error.
    """

    abstract = True

    @override
    def delay_on_commit(self, *args: object, **kwargs: object) -> None:  # type: ignore[override]
        """Send the task after the commit; a broker that does not answer is logged, not raised."""
        self._after_commit(partial(self.delay, *args, **kwargs))

    @override
    def apply_async_on_commit(self, *args: Any, **options: Any) -> None:  # type: ignore[override]
        """Do the same with options, such as the time after which the message is worth nothing."""
        self._after_commit(partial(self.apply_async, *args, **options))

    def _after_commit(self, send: partial[Any]) -> None:
        # Django's note of a failure asks for a name, which a partial has not of itself.
        transaction.on_commit(update_wrapper(send, self.run), robust=True)


app = Celery("sideline", task_cls=SweptTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect(weak=False)
def _report_for_work(**_details: object) -> None:
    """Show at once that a worker listens, before the clock's first beat."""
    note_heartbeat()


@setup_logging.connect(weak=False)
def _keep_our_log(**_details: object) -> None:
    """Leave the log as the settings shape it; Celery's own would repeat the text of exceptions."""
