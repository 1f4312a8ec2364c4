"""A reply as Server-Sent Events: `message_start`, `content_delta`, `message_complete`, `error`, `heartbeat`.

The id of an event is `sequence:offset` of what has arrived with it; a client that comes back names it in
`Last-Event-ID` and gets the rest.
"""

import logging
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import orjson
from django.http import HttpRequest
from typing_extensions import override

from accounts.access import NotVisible
from accounts.api_errors import CODES
from conversations import asking, listing
from conversations.api.shapes import citations_of
from conversations.asking import Grown, NotSettled, Quiet, Reader, Settled, Step
from conversations.database import in_db
from conversations.models import Message
from conversations.presenting import problem_of

logger = logging.getLogger(__name__)

MEDIA_TYPE = "text/event-stream"
EVENTS = ("message_start", "content_delta", "message_complete", "error", "heartbeat")
RETRY_MS = 2000
"""After how long a browser that was cut off comes back by itself."""
HEARTBEAT_SECONDS = 10.0
"""Silence after which proxies and clients are told that somebody is still there."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a client has read: a message by its sequence number, and characters of it."""

    sequence: int
    offset: int

    @override
    def __str__(self) -> str:
        return f"{self.sequence}:{self.offset}"


def mark_of(request: HttpRequest) -> Mark | None:
    """Return the mark in `Last-Event-ID`; none where there is none, or one that is not ours."""
    sequence, _, offset = request.headers.get("Last-Event-ID", "").partition(":")
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in (sequence, offset)):
        return None
    return Mark(int(sequence), int(offset))


def event(name: str, data: Mapping[str, Any], *, mark: Mark | None = None) -> bytes:
    """Return one event on the wire."""
    line = f"id: {mark}\n" if mark else ""
    return f"event: {name}\n{line}data: ".encode() + orjson.dumps(data) + b"\n\n"


class EventStream:
    """The events of one reply for one reader."""

    def __init__(self, reader: Reader, *, request: HttpRequest, question: Message | None = None) -> None:
        self._reader = reader
        self._request = request
        self._question = question
        self._sent_at = time.monotonic()

    async def of(self, reply: Message | None, *, after: Mark | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the events of a reply, after the mark; without a reply, that a person will answer."""
        yield f"retry: {RETRY_MS}\n\n".encode()
        if reply is None:
            yield event("message_start", {"id": None, **self._in_reply_to()})
            waits: dict[str, Any] = {
                "id": None,
                "state": "with_coach",
                "content": "",
                "citations": [],
                "domains": [],
            }
            yield event("message_complete", waits)
            return
        offset = after.offset if after and after.sequence == reply.sequence else 0
        start = {"id": str(reply.pk), "sequence": reply.sequence, "offset": offset, **self._in_reply_to()}
        yield event("message_start", start, mark=Mark(reply.sequence, offset))
        try:
            async with aclosing(asking.follow(self._reader, reply=reply, offset=offset)) as steps:
                async for step in steps:
                    if (said := await self._said(step, reply)) is not None:
                        self._sent_at = time.monotonic()
                        yield said
        except NotVisible:
            yield self._refused(404)
        except NotSettled:
            yield event(
                "error", {"code": "STILL_ANSWERING", "message": "Come back for the rest in a moment."}
            )
        except Exception:
            logger.exception("event_stream_failed")
            yield self._refused(500)

    async def _said(self, step: Step, reply: Message) -> bytes | None:
        """Return the event of a step; none for a silence that is still short."""
        match step:
            case Grown():
                mark = Mark(reply.sequence, step.offset + len(step.text))
                return event("content_delta", {"delta": step.text, "offset": step.offset}, mark=mark)
            case Settled():
                return await self._ended(step.reply)
            case Quiet():
                silent = time.monotonic() - self._sent_at >= HEARTBEAT_SECONDS
                return event("heartbeat", {}) if silent else None

    async def _ended(self, reply: Message) -> bytes:
        """Return the last event: the whole reply with its sources, or why there is none."""
        if reply.state == Message.State.FAILED:
            failed = {"code": "ANSWER_FAILED", "message": problem_of(reply), "id": str(reply.pk)}
            return event("error", failed)
        company = await in_db(listing.with_company)([reply], reader_id=self._reader.member_id)
        whole: dict[str, Any] = {
            "id": str(reply.pk),
            "sequence": reply.sequence,
            "state": reply.state,
            "content": reply.content,
            "citations": citations_of(reply, company.chapters, self._request),
            "domains": reply.domains,
        }
        return event("message_complete", whole, mark=Mark(reply.sequence, len(reply.content)))

    def _in_reply_to(self) -> dict[str, str]:
        return {"in_reply_to": str(self._question.pk)} if self._question else {}

    def _refused(self, status: int) -> bytes:
        code, message = CODES[status]
        return event("error", {"code": code, "message": message})
