"""What the API reads: strict JSON, known fields only, and pages within bounds."""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from typing_extensions import override


class StrictJsonParser(BaseParser):
    """JSON without what databases cannot hold or parsers cannot bear: half characters, endless nesting."""

    media_type = "application/json"

    @override
    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the value; an empty body is an empty object.

        Raises:
            ParseError: it is not JSON.
            RequestDataTooBig: it is longer than a body may be.
        """
        most: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(most + 1)
        if len(body) > most:
            raise RequestDataTooBig
        try:
            return orjson.loads(body) if body.strip() else {}
        except orjson.JSONDecodeError as error:
            raise ParseError from error


class OneForm(BaseContentNegotiation):
    """Every answer is JSON, whatever is accepted; a stream of events is asked for in words of its own."""

    @override
    def select_parser(self, request: Request, parsers: list[BaseParser]) -> BaseParser | None:  # type: ignore[override]
        """Return the parser for the body; one without a kind is JSON."""
        kind = (request.content_type or "application/json").split(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == kind), None)

    @override
    def select_renderer(  # type: ignore[override]
        self, request: Request, renderers: list[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the first renderer."""
        return renderers[0], str(renderers[0].media_type)


class StrictSerializer(serializers.Serializer[Any]):
    """Fields that may be sent; any other is refused, so that none is believed to have been taken."""

    @override
    def to_internal_value(self, data: Any) -> Any:
        """Return the checked values.

        Raises:
            ValidationError: a field is wrong or unknown.
        """
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, Mapping) else []
        if unknown:
            raise serializers.ValidationError({str(name): ["There is no such field."] for name in unknown})
        return super().to_internal_value(data)
