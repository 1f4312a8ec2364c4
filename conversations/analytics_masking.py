"""Numbers that stand on fewer than five people are not shown: pure, and the same for every table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

FEWEST = 5
"""People on whom a number must stand."""


@dataclass(frozen=True, slots=True)
class Count:
    """One line of a table: what is counted, how much, and on how many people it stands."""

    name: str
    people: int
    value: int | None
    """None where it is not shown."""


def masked(counts: Sequence[Count]) -> list[Count]:
    """Hide what stands on too few people; where that is one line alone, hide the next smallest with it.

    One hidden line of a table could be computed from its total.
    """
    hidden = {number for number, count in enumerate(counts) if 0 < count.people < FEWEST}
    if len(hidden) == 1:
        shown = [number for number, count in enumerate(counts) if number not in hidden and count.people]
        hidden |= set(sorted(shown, key=lambda number: counts[number].people)[:1])
    return [
        replace(count, value=None, people=0) if number in hidden else count
        for number, count in enumerate(counts)
    ]
