"""The numbers of the chapters that passages stand in."""

from collections.abc import Collection
from uuid import UUID

from knowledge.models import Passage


def numbers_of(passages: Collection[str]) -> dict[UUID, int]:
    """Return the chapter numbers of those passages that have one and are still there."""
    if not passages:
        return {}
    rows = Passage.objects.filter(pk__in=passages).values_list("pk", "chapter_number")
    return {passage: number for passage, number in rows if number is not None}
