"""The description of the API for programs and for people, and the answer to addresses that it does not have."""

from functools import lru_cache
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from accounts import api_errors
from accounts.request_ids import request_id
from config.api_reference import reference_of

OPENAPI = "application/vnd.oai.openapi+json"


@lru_cache(maxsize=1)
def description() -> dict[str, Any]:
    """Return the OpenAPI description; it is the same for as long as the process runs."""
    generator: Any = SchemaGenerator  # it has no types
    found: dict[str, Any] = generator().get_schema(request=None, public=True)
    return found


@require_safe
def schema(_request: HttpRequest) -> HttpResponse:
    """Return the OpenAPI description."""
    return HttpResponse(orjson.dumps(description(), option=orjson.OPT_INDENT_2), content_type=OPENAPI)


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Show the description to people."""
    return render(request, "api/docs.html", {"reference": reference_of(description())})


@csrf_exempt
def unknown(_request: HttpRequest, *_args: object) -> HttpResponse:
    """Answer an address that does not exist as an object that does not."""
    return api_errors.plain(404, request_id=request_id.get())
