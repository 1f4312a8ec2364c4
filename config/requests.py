"""What every HTTP request gets: an id, one line in the log, and an honest answer when a part is away."""

import logging
import sys
import time
from collections.abc import Callable

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.views import defaults

from accounts import api_errors, request_ids
from accounts.request_ids import request_id
from config import metrics_requests

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5
API_PREFIX = "/api/"


class RequestIdMiddleware:
    """Gives the request an id, returns it in `X-Request-ID`, and logs one line when the answer is ready."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request under its id."""
        # Only a trusted proxy's own id is believed.
        given = request.headers.get("X-Request-ID", "") if settings.BEHIND_PROXY else ""
        token = request_ids.begin(given)
        request.META["REQUEST_ID"] = request_id.get()
        started = time.monotonic()
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request_id.get()
            seconds = time.monotonic() - started
            _log(request, response, seconds)
            metrics_requests.count(request, response, seconds)
            return response
        finally:
            request_id.reset(token)


def _log(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    """Write the line of one request: its route, never its path or its query."""
    route = request.resolver_match.route if request.resolver_match else ""
    level = logging.ERROR if response.status_code >= 500 else logging.INFO
    logger.log(
        level,
        "request",
        extra={
            "method": request.method,
            "route": route,
            "status": response.status_code,
            "duration_ms": round(seconds * 1000, 1),
        },
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a request that failed: 503 when the database is away, else 500, and the id to ask about."""
    error = sys.exc_info()[1]
    logger.error("request failed", exc_info=error)
    away = isinstance(error, OperationalError | InterfaceError)
    status = 503 if away else 500
    if request.path_info.startswith(API_PREFIX):
        response = api_errors.plain(status, request_id=request_id.get())
    else:
        page = render_to_string(f"{status}.html", {"request_id": request_id.get()})
        response = HttpResponse(page, status=status)
    if away:
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer a request that cannot be believed, such as one for another host."""
    if request.path_info.startswith(API_PREFIX):
        return api_errors.plain(400, request_id=request_id.get())
    return defaults.bad_request(request, exception)
