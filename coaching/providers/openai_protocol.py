"""The chat protocol of OpenAI and of everything compatible, without its SDK: bytes and JSON to our values."""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import numpy as np
import orjson
from numpy.typing import NDArray

from coaching.providers.ports import (
    ChatMessage,
    ChatRequest,
    ProviderBusy,
    ProviderCut,
    ProviderError,
    ProviderGarbled,
    ProviderRefused,
    ProviderUnavailable,
    Usage,
)
from coaching.providers.sse import EventTooLong, SseReader
from coaching.providers.tokens import estimate_input, estimate_tokens

FinishReason = Literal["stop", "length", "filtered"]

SAFE_CODE = re.compile(r"[a-z][a-z0-9_]{2,48}")
QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
BUSY_CODES = frozenset({"rate_limit_exceeded", "rate_limit_error", "overloaded", "overloaded_error"})
REPAIR_SHOWS = 8000
"""Characters of a garbled answer that the model gets back."""
CHARACTERS_A_TOKEN = 40
"""More than any tokenizer packs into a token: an answer longer than this a token ignores its limit."""


def status_error(
    status: int, *, body: object = None, headers: Mapping[str, str] | None = None
) -> ProviderError:
    """Translate an HTTP status into our errors. Words of the provider never pass, only a short code."""
    code = _code(body)
    message = f"the provider answered {status}" + (f" ({code})" if code else "")
    wait = retry_after_s(headers or {})
    if code in QUOTA_CODES:
        return ProviderRefused(message)
    if status in {429, 529}:
        return ProviderBusy(message, retry_after_s=wait)
    if status >= 500 or status in {408, 409}:
        return ProviderUnavailable(message, retry_after_s=wait)
    return ProviderRefused(message)


def retry_after_s(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Read how many seconds the provider asks us to wait: milliseconds, seconds or a date."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if re.fullmatch(r"\d{1,9}(\.\d+)?", value):
            return float(value) * unit
    try:
        at = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())


class AnswerReader:
    """Reads one streamed answer from the bytes of its body."""

    def __init__(self, request: ChatRequest) -> None:
        self._request = request
        self._events = SseReader()
        self._said: list[str] = []
        self._characters_left = request.max_output_tokens * CHARACTERS_A_TOKEN
        self._usage: Usage | None = None
        self._heard_events = False
        self.finish_reason: FinishReason | None = None
        self.ended = False
        self.trouble: ProviderError | None = None

    @property
    def usage(self) -> Usage:
        """The provider's counts, or estimates where it sent none."""
        if self._usage is not None:
            return self._usage
        return Usage(estimate_input(self._request), estimate_tokens("".join(self._said)))

    def feed(self, chunk: bytes) -> str:
        """Return the text in `chunk`; `ended` tells when the protocol's end was in it.

        Nothing is raised here, so that text before a fault is not lost with it: `trouble` holds the
        error, to be raised once the text is out.
        """
        text = ""
        try:
            for event in self._events.feed(chunk):
                self._heard_events = True
                self.ended = event == b"[DONE]"
                if self.ended:
                    break
                text += self._read(event)
        except EventTooLong:
            self.trouble = ProviderGarbled("an event without end")
        except ProviderError as error:
            self.trouble = error
        self._said.append(text)
        self._characters_left -= len(text)
        if self._characters_left < 0:
            self.trouble = ProviderGarbled("an answer far beyond the limit asked for")
        return text

    @property
    def has_spoken(self) -> bool:
        """Whether any text has come."""
        return any(self._said)

    def close(self) -> FinishReason:
        """Return why the answer ended; raise where the bytes ended before it did."""
        if self.finish_reason is not None:
            return self.finish_reason
        if self.ended and self.has_spoken:
            return "stop"  # some servers send the end without a reason
        if self.ended or not self._heard_events:
            raise ProviderGarbled("not an answer")
        raise ProviderCut("the stream ended before the answer")

    def _read(self, event: bytes) -> str:
        try:
            return self._take(orjson.loads(event))
        except (orjson.JSONDecodeError, AttributeError, TypeError, ValueError, OverflowError):
            raise ProviderGarbled("an event that is not of the protocol") from None

    def _take(self, event: Any) -> str:
        if event.get("error"):
            raise _stream_error(event["error"])
        if event.get("usage"):
            self._usage = read_usage(event["usage"])
        text = ""
        for choice in event.get("choices") or ():
            delta = choice.get("delta") or {}
            text += (delta.get("content") or "").replace("\0", "")  # no database keeps it
            if choice.get("finish_reason"):
                self.finish_reason = read_finish_reason(choice["finish_reason"])
        return text


def read_usage(usage: Any) -> Usage:
    """Read the counts of chat and embedding answers."""
    return Usage(
        input_tokens=max(0, int(usage.get("prompt_tokens") or 0)),
        output_tokens=max(0, int(usage.get("completion_tokens") or 0)),
    )


def read_finish_reason(reason: object) -> FinishReason:
    """Translate the protocol's reason for the end; an unknown one counts as an ordinary end."""
    match reason:
        case "length":
            return "length"
        case "content_filter":
            return "filtered"
        case _:
            return "stop"


def read_json(content: bytes) -> Any:
    """Parse a body; raise `ProviderGarbled` where it is no JSON object."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise ProviderGarbled("a body that is not JSON") from None
    if not isinstance(body, dict):
        raise ProviderGarbled("a body that is not an object")
    return body


def read_vector(written: str | list[float]) -> NDArray[np.float32]:
    """Read a vector as base64 of little-endian float32, or as the list that some servers send anyway."""
    if isinstance(written, str):
        return np.frombuffer(base64.b64decode(written, validate=True), dtype="<f4").astype(np.float32)
    return np.asarray(written, dtype=np.float32)


def repair(text: str, wrong: str) -> tuple[ChatMessage, ChatMessage]:
    """Give a garbled answer back to the model with what is wrong, and ask for it once more."""
    ask = f"That does not fit the schema:\n{wrong}\nAnswer again with the corrected JSON object and nothing else."
    return ChatMessage("assistant", text[:REPAIR_SHOWS]), ChatMessage("user", ask)


def _stream_error(error: object) -> ProviderError:
    code = _code({"error": error})
    message = "the provider reported an error" + (f" ({code})" if code else "")
    if code in QUOTA_CODES:
        return ProviderRefused(message)
    return ProviderBusy(message) if code in BUSY_CODES else ProviderUnavailable(message)


def _code(body: object) -> str:
    """The short machine-readable code of an error body, where there is one."""
    error = body.get("error", body) if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return ""
    found = (error.get(key) for key in ("code", "type"))
    return next((code for code in found if isinstance(code, str) and SAFE_CODE.fullmatch(code)), "")
