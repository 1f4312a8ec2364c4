"""Every refusal of the API in the same form: a stable code, a sentence for people, and details.

| code | status | when |
|---|---|---|
| INVALID_INPUT | 400 | something is missing or wrong; `details` says what, by field |
| UNAUTHENTICATED | 401 | no key and no session, or one that has ended |
| FORBIDDEN | 403 | the role or the key does not reach that far |
| NOT_FOUND | 404 | missing, or somebody else's: the same answer, byte for byte |
| METHOD_NOT_ALLOWED | 405 | the address does not know this method |
| TOO_SLOW | 408 | the body stood still |
| CONFLICT | 409 | it cannot be done as things stand; `details.reason` says why |
| TOO_LARGE | 413 | the body is larger than the address takes |
| UNSUPPORTED_MEDIA_TYPE | 415 | the body is of another kind |
| KEY_REUSED | 422 | the `Idempotency-Key` belongs to another request |
| RATE_LIMITED | 429 | too much at once; `Retry-After` says when to come again |
| INTERNAL_ERROR | 500 | a fault of ours; `meta.request_id` helps to find it |
| UNAVAILABLE | 503 | a part is away; `Retry-After` says when to come again |
"""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.response import Response

from accounts import refusals
from accounts.access import NotVisible
from accounts.api_envelope import enveloped

CODES = {
    400: ("INVALID_INPUT", "Something in the request is missing or wrong."),
    401: ("UNAUTHENTICATED", "Sign in, or send a key that has not ended."),
    403: ("FORBIDDEN", "Your role or your key does not reach that far."),
    404: ("NOT_FOUND", "There is nothing here."),
    405: ("METHOD_NOT_ALLOWED", "This address does not know this method."),
    408: ("TOO_SLOW", "The request took too long to arrive."),
    409: ("CONFLICT", "This cannot be done as things stand."),
    413: ("TOO_LARGE", "This is more than fits here."),
    415: ("UNSUPPORTED_MEDIA_TYPE", "Send the body as this address expects it."),
    422: ("KEY_REUSED", "This Idempotency-Key belongs to another request. Take a new one."),
    429: ("RATE_LIMITED", "Too many requests. Come again later."),
    500: ("INTERNAL_ERROR", "Something went wrong on our side. Try again."),
    503: ("UNAVAILABLE", "A part of Sideline is away for a moment. Try again soon."),
}


class WithoutCsrfToken(exceptions.PermissionDenied):
    """A browser's request to change something came without the token of a page."""


class Problem(exceptions.APIException):
    """A refusal that an operation has put into words."""

    def __init__(
        self,
        status: int,
        message: str = "",
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.code, usual_message = CODES[status]
        self.message = message or usual_message
        super().__init__(self.message)
        self.status_code = status
        self.details = dict(details or {})
        self.headers = dict(headers or {})

    def as_error(self) -> dict[str, Any]:
        """Return what stands under `error`."""
        return {"code": self.code, "message": self.message, "details": self.details}


def conflict(reason: str, message: str) -> Problem:
    """Return the refusal of what cannot be done as things stand."""
    return Problem(409, message, details={"reason": reason})


TRANSLATED: tuple[tuple[tuple[type[Exception], ...], int, str], ...] = (
    ((NotVisible, Http404), 404, ""),
    (
        (WithoutCsrfToken,),
        403,
        "A request with a session needs the header X-CSRFToken of a page of this site.",
    ),
    ((PermissionDenied, exceptions.PermissionDenied), 403, ""),
    ((RequestDataTooBig,), 413, ""),
    ((SuspiciousOperation, MultiPartParserError, exceptions.ParseError), 400, "The body could not be read."),
)


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the answer to an exception; none for a fault, which the last handler answers."""
    if isinstance(error, NotVisible):
        refusals.note_at(context["request"], error, now=timezone.now())
    problem = problem_of(error)
    if problem is None:
        return None
    headers: dict[str, Any] = dict(problem.headers)
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    return Response(problem.as_error(), status=problem.status_code, headers=headers)


def problem_of(error: Exception) -> Problem | None:
    """Return an exception of ours, of Django or of the framework as a refusal; none for a fault."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, exceptions.ValidationError):
        return Problem(400, details=_details(error.detail))
    for kinds, status, message in TRANSLATED:
        if isinstance(error, kinds):
            return Problem(status, message)
    if isinstance(error, exceptions.APIException) and error.status_code in CODES:
        return Problem(error.status_code)
    return None


def _details(detail: Any) -> dict[str, Any]:
    return dict(detail) if isinstance(detail, Mapping) else {"body": detail}


def plain(status: int, *, request_id: str) -> HttpResponse:
    """Return a refusal from outside the framework: an unknown address, a wrong host, a fault."""
    code, message = CODES[status]
    error = {"code": code, "message": message, "details": {}}
    body = enveloped(error=error, request_id=request_id)
    response = HttpResponse(body, status=status, content_type="application/json")
    response["Cache-Control"] = "private, no-store"
    return response
