"""The envelope of every answer of the API: `data`, `error` and `meta`, one of the first two always null."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response
from typing_extensions import override

VERSION = "1.0"


class Answer(Response):
    """What an operation answers: `data`, and what else belongs into `meta`."""

    def __init__(self, data: Any, *, status: int = 200, meta: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, status=status)
        self.meta = dict(meta or {})


def enveloped(
    *,
    data: Any = None,
    error: Mapping[str, Any] | None = None,
    request_id: str = "",
    meta: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the envelope as JSON."""
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    about = {"timestamp": now, "version": VERSION, "request_id": request_id, **(meta or {})}
    envelope = {"data": data, "error": error, "meta": about}
    # What is wrong in a list is told by its number, which is no text.
    return orjson.dumps(envelope, default=str, option=orjson.OPT_NON_STR_KEYS)


class EnvelopeRenderer(BaseRenderer):
    """Puts what a view returns into the envelope; an exception's answer goes under `error`."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    @override
    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return the body of a response."""
        context = renderer_context or {}
        response, request = context["response"], context["request"]
        request_id = request.META.get("REQUEST_ID", "")
        if response.exception:
            return enveloped(error=data, request_id=request_id)
        return enveloped(data=data, request_id=request_id, meta=getattr(response, "meta", None))
