"""The id under which a job works: it goes along in the message, from whoever caused the job to the worker."""

from contextvars import Token
from typing import Any

from celery.signals import before_task_publish, task_postrun, task_prerun

from accounts import request_ids
from accounts.request_ids import request_id

HEADER = "request_id"
_begun: dict[str, Token[str]] = {}
"""The jobs of this process that have begun and not ended, each with the way back to what was before."""


@before_task_publish.connect(weak=False)
def _send_along(headers: dict[str, Any], **_details: object) -> None:
    """Write the current id into the message; what the clock asks for has none."""
    if request_id.get():
        headers[HEADER] = request_id.get()


@task_prerun.connect(weak=False)
def _take_up(task_id: str, task: Any, **_details: object) -> None:
    """Work under the id in the message, or under a new one."""
    _begun[task_id] = request_ids.begin(getattr(task.request, HEADER, ""))


@task_postrun.connect(weak=False)
def _lay_down(task_id: str, **_details: object) -> None:
    """Work for that job no longer."""
    token = _begun.pop(task_id, None)
    if token is not None:
        request_id.reset(token)
