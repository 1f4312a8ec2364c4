"""Long lists in pages: by `limit` and `offset`, or from a place on by `cursor`, which costs the same anywhere."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from typing_extensions import override

from accounts.api_parsing import StrictSerializer

DEFAULT_LIMIT = 20
MOST = 100
FARTHEST_OFFSET = 1000
"""Beyond this the database would count rows only to drop them; a cursor goes on without."""

FARTHEST_PART = 10_000
"""The same for lists that are short, and read to their end."""

LONGEST_CURSOR = 200
YEARS = range(2000, 3000)
"""In which a row's time may lie; at the ends of the calendar the database cannot compare times of all zones."""

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Place:
    """A row's place in a list, the newest first."""

    at: datetime
    id: UUID

    def encode(self) -> str:
        """Return the place as a cursor."""
        return base64.urlsafe_b64encode(f"{self.at.isoformat()}|{self.id}".encode()).decode().rstrip("=")


@extend_schema_field(OpenApiTypes.STR)
class CursorField(serializers.Field[Place, str, str, Any]):
    """A cursor as `meta.next_cursor` gave it."""

    def __init__(self, **options: Any) -> None:
        help_text = "Go on from here: `meta.next_cursor` of the page before."
        super().__init__(help_text=help_text, **options)

    @override
    def to_internal_value(self, data: Any) -> Place:
        """Return the place.

        Raises:
            ValidationError: it is not a cursor of ours.
        """
        place = _decoded(data) if isinstance(data, str) and len(data) <= LONGEST_CURSOR else None
        if place is None:
            raise serializers.ValidationError("This is not a cursor of this list.")
        return place


def _decoded(text: str) -> Place | None:
    try:
        at, _, identity = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition("|")
        place = Place(datetime.fromisoformat(at), UUID(identity))
    except (ValueError, binascii.Error):
        return None
    return place if place.at.tzinfo is not None and place.at.year in YEARS else None


class PageQuery(StrictSerializer):
    """Which page of a list is wanted."""

    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=DEFAULT_LIMIT)
    offset = serializers.IntegerField(
        min_value=0,
        max_value=FARTHEST_OFFSET,
        default=0,
        help_text="Rows to leave out. To go farther, take `meta.next_cursor`.",
    )
    cursor = CursorField(required=False)


def split(wanted: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a checked query in two: which page, and which rows."""
    page = {name: value for name, value in wanted.items() if name in {"limit", "offset", "cursor"}}
    return page, {name: value for name, value in wanted.items() if name not in page}


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list, how many rows there are in all, and where the next one begins."""

    rows: Sequence[Row]
    total: int
    limit: int
    offset: int
    next_cursor: str | None

    @property
    def meta(self) -> dict[str, Any]:
        """What stands in `meta` besides."""
        return {"next_cursor": self.next_cursor}


class PageShape(serializers.Serializer[Any]):
    """What every page of a list says of itself, beside its rows."""

    total = serializers.IntegerField()
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()


def page_of(
    found: QuerySet[Row], *, by: str, limit: int, offset: int, cursor: Place | None = None
) -> Page[Row]:
    """Return a page of `found`, the newest by the field `by` first, from the cursor or the offset on."""
    total = found.count()
    ordered = found.order_by(f"-{by}", "-pk")
    if cursor is not None:
        ordered = ordered.filter(Q(**{f"{by}__lt": cursor.at}) | Q(**{by: cursor.at, "pk__lt": cursor.id}))
        offset = 0
    rows = list(ordered[offset : offset + limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    last = Place(getattr(rows[-1], by), rows[-1].pk).encode() if more and rows else None
    return Page(rows, total, limit, offset, last)


class PartQuery(StrictSerializer):
    """Which part is wanted of a list that has an order of its own."""

    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=MOST)
    offset = serializers.IntegerField(
        min_value=0, max_value=FARTHEST_PART, default=0, help_text="Go on from here: `meta.next_offset`."
    )


def meta_of_part(*, total: int, limit: int, offset: int) -> dict[str, int | None]:
    """Return what stands in `meta` of a part: how many rows there are in all, and where the next part begins."""
    end = offset + limit
    return {"total": total, "next_offset": end if end < total else None}
