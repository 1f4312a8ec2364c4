"""The chart of the service page, as the path of an SVG: no script, and the words around it stay text."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.service_levels import ANSWER_S, FIRST_TOKEN_S
from conversations.timings import Slot

HEADROOM = 1.15
"""How much higher the chart is than the highest value in it."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Two lines in a square of 100 by 100, which the page stretches; y grows downwards."""

    first_token: str
    whole: str
    first_token_target_y: float
    whole_target_y: float
    top_s: float
    """The value at the upper edge."""
    empty: bool


def draw(slots: Sequence[Slot], *, since: datetime, step: timedelta, steps: int) -> Chart:
    """Return the lines of the 95th percentiles; steps without an answer leave a gap."""
    first = _by_step([(slot.at, slot.first_token_p95_s) for slot in slots], since, step)
    whole = _by_step([(slot.at, slot.whole_p95_s) for slot in slots], since, step)
    top = HEADROOM * max([*first.values(), *whole.values(), ANSWER_S])
    return Chart(
        first_token=_path(first, steps, top),
        whole=_path(whole, steps, top),
        first_token_target_y=_y(FIRST_TOKEN_S, top),
        whole_target_y=_y(ANSWER_S, top),
        top_s=top,
        empty=not first and not whole,
    )


def _by_step(
    values: Sequence[tuple[datetime, float | None]], since: datetime, step: timedelta
) -> dict[int, float]:
    return {int((at - since) / step): value for at, value in values if value is not None}


def _path(values: dict[int, float], steps: int, top: float) -> str:
    """Return the line through the values; one alone between gaps is a dot."""
    parts = []
    for number in sorted(values):
        point = f"{(number + 0.5) * 100 / steps:.2f} {_y(values[number], top):.2f}"
        parts.append(f"L{point}" if number - 1 in values else f"M{point}")
        if number - 1 not in values and number + 1 not in values:
            parts.append("h.01")
    return "".join(parts)


def _y(value: float, top: float) -> float:
    return round(100 - value / top * 100, 2)
