"""The Celery application: what a worker is started with (`celery -A config.celery worker`)."""

import os
from functools import partial

from celery import Celery
from celery.contrib.django.task import DjangoTask
from django.db import transaction
from typing_extensions import override

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")


class SweptTask(DjangoTask):
    """A task whose message is only a nudge: a sweep finds its row when the message gets lost.

    A broker that is away after the commit must therefore not turn a success into an error.
    """

    abstract = True

    @override
    def delay_on_commit(self, *args: object, **kwargs: object) -> None:
        """Send the task after the commit; a broker that does not answer is logged, not raised."""
        transaction.on_commit(partial(self.delay, *args, **kwargs), robust=True)

    @override
    def apply_async_on_commit(self, *args: object, **kwargs: object) -> None:
        """Send the task with options after the commit; a broker that does not answer is logged."""
        transaction.on_commit(partial(self.apply_async, *args, **kwargs), robust=True)


app = Celery("sideline", task_cls=SweptTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
