"""`Idempotency-Key`: an unsafe request that is sent again gets the reply of the first, and has no second effect."""

import hashlib
import time
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, ClassVar, Protocol, TypeVar
from uuid import UUID, uuid4, uuid5

import orjson
from django.core.files.uploadedfile import UploadedFile
from django.db import connection
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request

from accounts import saved_replies
from accounts.access import NotVisible
from accounts.api_errors import Problem, conflict
from accounts.saved_replies import Claim, Gone, KeyReused, Saved, StillAnswering

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST_KEY = 255
DONE = (200, 201)
"""Only what is done is kept; 202 says that there is more to come."""
WAIT_SECONDS = 100.0
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
RETRY_SECONDS = 5
"""When somebody who has waited that long in vain is told to come again."""


class Replayable(Protocol):
    """What the wrapper needs of an operation."""

    about: UUID | None
    tells_of_others: ClassVar[bool]

    def saves_reply(self, request: Request) -> bool:
        """Whether the reply can be kept."""
        ...

    def tell_again(self, about: UUID) -> HttpResponseBase:
        """Answer a repeated request from what there is now."""
        ...

    def finalize_response(
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Make a response ready to be rendered."""
        ...


Handler = TypeVar("Handler", bound=Callable[..., HttpResponseBase])


def replayable(handler: Handler) -> Handler:
    """Return a handler that answers a request with a known key from what it answered before."""

    @wraps(handler)
    def run(operation: Replayable, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = key_of(request)
        if not key or not operation.saves_reply(request):
            return handler(operation, request, *args, **kwargs)
        operation.about = kwargs.get("conversation_id")
        known = _claim_or_wait(request, key, operation.about)
        if isinstance(known, Saved):
            return _replayed(operation, known)
        try:
            answer = handler(operation, request, *args, **kwargs)
        except BaseException:
            saved_replies.let_go(claimed=known)
            raise
        ready: Any = operation.finalize_response(request, answer, *args, **kwargs)
        if ready.status_code in DONE:
            body = b"" if operation.tells_of_others else ready.render().content
            saved_replies.keep(claimed=known, status=ready.status_code, body=body, about=operation.about)
        else:
            saved_replies.let_go(claimed=known)
        return answer

    return run  # type: ignore[return-value]  # the same signature, which a wrapper cannot say


def _replayed(operation: Replayable, saved: Saved) -> HttpResponseBase:
    """Return the reply that was kept, or where that has no words, what there is now to tell."""
    response: HttpResponseBase
    if saved.body or saved.about is None:
        response = HttpResponse(saved.body, status=saved.status, content_type="application/json")
    else:
        response = operation.tell_again(saved.about)
        response.status_code = saved.status
    response[REPLAYED] = "true"
    return response


def key_of(request: Request) -> str:
    """Return the sender's key; empty without one.

    Raises:
        Problem: it is too long or has unprintable characters.
    """
    key: str = request.headers.get(HEADER, "").strip()
    if len(key) > LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise Problem(400, details={HEADER: [f"A key has at most {LONGEST_KEY} printable ASCII characters."]})
    return key


def client_id_of(request: Request) -> UUID:
    """Return the key of the message that a request sends: the sender's own, which a socket may have used too."""
    key = key_of(request)
    if not key:
        return uuid4()
    try:
        return UUID(key)
    except ValueError:
        return uuid5(_sender(request), key)


def _sender(request: Request) -> UUID:
    sender: UUID = request.user.pk  # type: ignore[assignment]  # the permission lets in nobody without one
    return sender


def _claim_or_wait(request: Request, key: str, about: UUID | None) -> Claim | Saved:
    """Return the right to answer, or what the first request was answered, waiting for it if need be.

    It looks again and again rather than wait in the database, be it for a lock or for a notice: for that the first
    request would hold a connection while a model answers it, and each that waits another.
    """
    fingerprint = fingerprint_of(request)
    until, pause = time.monotonic() + WAIT_SECONDS, FIRST_PAUSE
    while True:
        try:
            return saved_replies.claim(
                user_id=_sender(request),
                key=key,
                fingerprint=fingerprint,
                now=timezone.now(),
                about=about,
            )
        except KeyReused:
            raise Problem(422) from None
        except Gone:
            raise NotVisible from None
        except StillAnswering:
            if time.monotonic() > until:
                message = "The first request with this key is still being answered."
                problem = conflict("still_answering", message)
                problem.headers["Retry-After"] = str(RETRY_SECONDS)
                raise problem from None
        free_connection()
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


def free_connection() -> None:
    """Give the connection back before waiting: there are fewer of them than people who wait."""
    if not connection.in_atomic_block:
        connection.close()


def fingerprint_of(request: Request) -> str:
    """Return a hash of what is asked: method, address and content, whatever the boundaries of a form are."""
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    data = request.data
    if isinstance(data, QueryDict):
        for piece in _pieces(data):
            digest.update(hashlib.sha256(piece).digest())
    else:
        digest.update(orjson.dumps(data, option=orjson.OPT_SORT_KEYS))
    return digest.hexdigest()


def _pieces(form: QueryDict) -> Iterator[bytes]:
    for name, values in sorted(form.lists()):
        yield name.encode()
        for value in values:
            if isinstance(value, UploadedFile):
                yield (value.name or "").encode()
                yield from value.chunks()
                value.seek(0)
            else:
                yield str(value).encode()
