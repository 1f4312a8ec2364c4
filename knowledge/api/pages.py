"""The cited page in the API: the version that was quoted, opened at its page with the quote marked."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from typing_extensions import override

from accounts.api_envelope import Answer
from accounts.api_operations import Operation
from accounts.api_parsing import StrictSerializer
from accounts.scopes import Scope
from knowledge import opening

FARTHEST = 10**7
"""Characters of a passage; none is as long."""


class QuoteQuery(StrictSerializer):
    """What was quoted, as the address of a citation says it."""

    passage = serializers.UUIDField(required=False)
    to = serializers.IntegerField(
        min_value=0, max_value=FARTHEST, default=0, help_text="Where in the passage the quote ends."
    )

    @override
    def get_fields(self) -> Any:
        """Return the fields: the name of one is a word of the language."""
        begins = serializers.IntegerField(
            min_value=0, max_value=FARTHEST, default=0, help_text="Where in the passage the quote begins."
        )
        return {**super().get_fields(), "from": begins}


class PartShape(serializers.Serializer[Any]):
    """Words that are quoted, or not."""

    text = serializers.CharField()
    is_quoted = serializers.BooleanField(source="marked")


class BlockShape(serializers.Serializer[Any]):
    """A paragraph, a heading, a row of a list, something that was said."""

    kind = serializers.CharField()
    level = serializers.IntegerField(help_text="Of a heading; else 0.")
    speaker = serializers.CharField()
    time = serializers.CharField(help_text="As on a clock; empty where nobody spoke.")
    parts = PartShape(many=True)


class SourcePageShape(serializers.Serializer[Any]):
    """What is shown of a version at once: a page, or a section where there are no pages."""

    title = serializers.CharField(source="version.document.title")
    authors = serializers.ListField(child=serializers.CharField(), source="version.document.authors")
    year = serializers.IntegerField(source="version.document.year", allow_null=True)
    version = serializers.IntegerField(source="version.number")
    newer_version_id = serializers.UUIDField(
        source="newer.pk", default=None, allow_null=True, help_text="What searches find now, if another."
    )
    has_pages = serializers.BooleanField()
    index = serializers.IntegerField(
        source="leaf.index", default=None, allow_null=True, help_text="Null: the passage alone is left."
    )
    count = serializers.IntegerField()
    page = serializers.CharField(source="label", help_text="As printed, else its place.")
    section = serializers.CharField(source="title")
    blocks = BlockShape(many=True)


class SourcePage(Operation):
    """A page of a source."""

    needs = {"GET": Scope.READ}

    @extend_schema(tags=["library"], parameters=[QuoteQuery], responses=SourcePageShape)
    def get(self, _request: Request, document_id: UUID, version_id: UUID, index: int) -> Answer:
        """Read the page that a citation opens, its quote marked: the `url` of a citation with `/api/v1` before its path.

        With `passage` it is the page on which that begins, whatever the index; without, the page of the index or the last.
        """
        asked = self.query(QuoteQuery)
        version = opening.version_of(self.member, document_id, version_id)
        quoted = None
        if "passage" in asked:
            quoted = opening.cited(version, asked["passage"], start=asked["from"], end=asked["to"])
        return self.answer(SourcePageShape(opening.opened(version, quoted, index=index)))
