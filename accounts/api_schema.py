"""The OpenAPI description: the envelope around every answer, the refusals of every operation, how to come in."""

from collections.abc import Iterator, MutableMapping
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from typing_extensions import override

from accounts.api_errors import CODES

Json = MutableMapping[str, Any]

REFUSALS = {
    "get": (400, 401, 403, 404, 409, 429, 503),
    "post": (400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
    "patch": (400, 401, 403, 404, 409, 413, 415, 422, 429),
    "delete": (400, 401, 403, 404, 409, 413, 415, 422, 429),
}

TOO_LONG: Json = {
    "description": "An address or a header of more than 16 KB: the web server refuses it itself, without a body.",
    "content": {},
}
META: Json = {
    "type": "object",
    "required": ["timestamp", "version", "request_id"],
    "properties": {
        "timestamp": {"type": "string", "format": "date-time"},
        "version": {"type": "string", "examples": ["1.0"]},
        "request_id": {"type": "string", "description": "Name it when you ask about a fault."},
        "next_cursor": {
            "type": ["string", "null"],
            "description": "Of lists: where the next page begins; null on the last.",
        },
    },
}
REFUSAL: Json = {
    "type": "object",
    "required": ["data", "error", "meta"],
    "properties": {
        "data": {"type": "null"},
        "error": {
            "type": "object",
            "required": ["code", "message", "details"],
            "properties": {
                "code": {"type": "string", "enum": [code for code, _ in CODES.values()]},
                "message": {"type": "string", "description": "For people."},
                "details": {"type": "object", "additionalProperties": True},
            },
        },
        "meta": {"$ref": "#/components/schemas/Meta"},
    },
}
KEY_PARAMETER: Json = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "maxLength": 255, "pattern": "^[ -~]*$"},
    "description": "The same request with the same key gets the same reply for 24 hours and has no second effect.",
}


class OperationSchema(AutoSchema):
    """Says of each operation which part of the API a key must open."""

    @override
    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        """Return the description of one operation."""
        operation = super().get_operation(*args, **kwargs)
        needed = getattr(self.view, "needs", {}).get(self.method)
        if operation is not None and needed is not None:
            operation["x-scope"] = str(needed)
            operation["security"] = [{"key": [str(needed)]}, {"session": []}]
        return operation

    @override
    def get_operation_id(self) -> str:
        """Return the name of the view's method, made of its class."""
        name = "".join(
            f"_{letter.lower()}" if letter.isupper() else letter for letter in type(self.view).__name__
        )
        return f"{self.method.lower()}{name}"


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A key in `Authorization: Bearer`."""

    target_class = "accounts.api_authentication.TokenAuthentication"
    name = "key"

    @override
    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """Return the scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key that a person made under Settings, API keys. It opens the parts that were chosen.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The session of a browser."""

    target_class = "accounts.api_authentication.BrowserAuthentication"
    name = "session"

    @override
    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """Return the scheme."""
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The session of a page; what changes something needs the header X-CSRFToken too.",
        }


def only_the_api(
    endpoints: list[tuple[str, str, str, Any]], **_options: Any
) -> list[tuple[str, str, str, Any]]:
    """Return the endpoints that clients may call: not the description itself, not the answer to unknown addresses."""
    return [each for each in endpoints if each[0].startswith("/api/v1/") and hasattr(each[3].cls, "needs")]


def describe_answers(result: Json, **_options: Any) -> Json:
    """Put the envelope around every answer, and add what every operation may refuse."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Meta"], schemas["Refusal"] = META, REFUSAL
    for name, schema in schemas.items():
        if name.endswith("Request"):
            schema.setdefault("additionalProperties", False)
        elif name not in {"Meta", "Refusal"} and "properties" in schema:
            # What is answered is always whole.
            schema["required"] = sorted(schema["properties"])
    for path in result["paths"].values():
        for method, operation in path.items():
            _describe(method, operation)
    _forget_enum_ids(result)
    return result


def _describe(method: str, operation: Json) -> None:
    responses = operation["responses"]
    for content in _json_answers(responses):
        content["schema"] = _enveloped(content.get("schema", {}))
    for status in REFUSALS[method]:
        responses.setdefault(str(status), _refusal(status))
    responses.setdefault("414", TOO_LONG)
    if method != "get":
        operation.setdefault("parameters", []).append(KEY_PARAMETER)


def _json_answers(responses: Json) -> Iterator[Json]:
    for status, response in responses.items():
        if str(status).startswith("2") and "application/json" in response.get("content", {}):
            yield response["content"]["application/json"]


def _enveloped(data: Json) -> Json:
    return {
        "type": "object",
        "required": ["data", "error", "meta"],
        "properties": {
            "data": data,
            "error": {"type": "null"},
            "meta": {"$ref": "#/components/schemas/Meta"},
        },
    }


def _refusal(status: int) -> Json:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
    code, message = CODES[status]
    return {"description": f"{code}: {message}", "content": content}


def _forget_enum_ids(node: Any) -> None:
    """Remove the generator's own marks, which mean nothing to clients."""
    if isinstance(node, dict):
        node.pop("x-spec-enum-id", None)
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _forget_enum_ids(child)
