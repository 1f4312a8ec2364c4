"""What HTTP requests add to the counters of this process: routes by name, never a path or an id."""

from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import Counter, Histogram

REQUESTS: Final = Counter(
    "sideline_http_requests", "Requests, by the name of their route.", ["route", "method", "status"]
)
SECONDS: Final = Histogram(
    "sideline_http_request_seconds",
    "How long a request took until its answer began.",
    ["route"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0),
)

NOWHERE = "none"
"""Requests to addresses that do not exist: anybody can invent any number of them."""
OTHER = "other"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def count(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    """Add one answered request to the counters."""
    route = request.resolver_match.view_name if request.resolver_match else NOWHERE
    method = request.method if request.method in _METHODS else OTHER
    REQUESTS.labels(route, method, str(response.status_code)).inc()
    SECONDS.labels(route).observe(seconds)
