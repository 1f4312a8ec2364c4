"""The shape of the log: one JSON object per line, allow-listed fields, hashed ids, no words of a conversation.

A record carries its constant message, never the arguments that would be formatted into it; what a reader needs
is named with `extra={"step": "extract", "conversation_id": conversation.pk}`. Fields that are not listed here
are dropped, and every field that ends in `_id` is replaced by a keyed hash, so that lines about the same thing
can be joined without telling whose it is. Of an exception the type and the places are kept, not its text, which
may repeat what somebody wrote.
"""

import hashlib
import hmac
import json
import logging
import traceback
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from typing_extensions import override

from accounts.request_ids import request_id

PLAIN_FIELDS = frozenset(
    {
        "action",
        "attempt",
        "attempts",
        "bytes",
        "cause",
        "count",
        "duration_ms",
        "epoch",
        "error",
        "event",
        "kind",
        "method",
        "model",
        "owner_state",
        "pages",
        "passages",
        "provider",
        "purpose",
        "queue",
        "reason",
        "role",
        "route",
        "rule",
        "sequence",
        "space",
        "stage",
        "state",
        "status",
        "step",
        "task",
        "tokens",
    }
)
"""Fields of `extra` that are written as they are; they name and count, and never quote."""

LONGEST_VALUE = 120
LONGEST_MESSAGE = 300
_PLACES = 12


def hashed(value: object) -> str:
    """Return a short keyed hash of an id: the same for the same id, useless outside this installation."""
    return hmac.new(_key(), str(value).encode(), hashlib.sha256).hexdigest()[:16]


@lru_cache(maxsize=1)
def _key() -> bytes:
    """Return the key of the hashes, made of the installation's secret."""
    return hashlib.sha256(b"log-ids:" + settings.SECRET_KEY.encode()).digest()


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Return the line for one record."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if request_id.get():
            line["request_id"] = request_id.get()
        line.update(_fields(record))
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__qualname__
            line["places"] = _places(record)
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


def _message(record: logging.LogRecord) -> str:
    """Return the constant message.

    Some libraries give text that is not constant: of what Django refuses for safety it would repeat the visitor's
    own words, and a traceback or an exception as a message those of the exception.
    """
    if record.name.startswith("django.security."):
        return "refused"
    if not isinstance(record.msg, str):
        return type(record.msg).__name__
    return record.msg.partition("\n")[0][:LONGEST_MESSAGE]


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return the allow-listed fields of a record, with ids hashed and long values cut."""
    found: dict[str, Any] = {}
    for name, value in vars(record).items():
        if name.endswith("_id") and value is not None:
            found[name] = hashed(value)
        elif name in PLAIN_FIELDS and value is not None:
            found[name] = value if isinstance(value, int | float) else str(value)[:LONGEST_VALUE]
    return found


def _places(record: logging.LogRecord) -> list[str]:
    """Return where the exception came through, outermost first, without any of its text."""
    frames = traceback.extract_tb(record.exc_info[2])[-_PLACES:] if record.exc_info else []
    return [f"{'/'.join(frame.filename.split('/')[-3:])}:{frame.lineno} {frame.name}" for frame in frames]


def configuration(*, level: str) -> dict[str, Any]:
    """Return the logging configuration: everything as JSON to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "config.log.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django's own line for each failed request repeats its path; ours names the route.
            "django.request": {"level": "CRITICAL", "propagate": False, "handlers": ["stderr"]},
            "django.server": {"level": "WARNING", "propagate": True},
            # A line for each request to a provider, of which only the pattern would be left.
            "httpx2": {"level": "WARNING"},
            "daphne": {"level": "WARNING"},
            "celery": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
        },
    }
