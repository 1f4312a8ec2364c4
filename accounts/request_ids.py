"""What the current code works for: one id for a request, a frame of a socket or a job, and for what follows from it.

A turn runs under the id of the frame that asked, a job under that of the request that caused it. The log shows it
on each line, and the records of calls to providers keep it, so that one question can be followed through all
processes.
"""

import re
import uuid
from contextvars import ContextVar, Token

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id; nothing outside of any work, as at start."""

_WELL_FORMED = re.compile(r"[A-Za-z0-9-]{8,64}")


def begin(given: object = "") -> Token[str]:
    """Work from now on under an id that somebody trusted gave, or under a new one."""
    known = isinstance(given, str) and _WELL_FORMED.fullmatch(given)
    return request_id.set(str(given) if known else uuid.uuid4().hex)
