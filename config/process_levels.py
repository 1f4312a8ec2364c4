"""How fast this web process has been since it began, from its own counters: no row is written for a request."""

from collections import defaultdict
from collections.abc import Sequence

from prometheus_client import Histogram

from config import metrics_database, metrics_requests
from config.service_levels import Level, lasting
from conversations.turns import measures

REQUEST_HALF_S = 0.5
"""Half of the requests are answered within this time."""
REQUEST_S = 2.0
"""95 % of the requests are answered within this time."""
SEARCH_S = 0.5
"""95 % of the searches for passages take no longer."""
QUERY_S = 0.1
"""95 % of the statements in the database take no longer."""


def look() -> Sequence[Level]:
    """Return the promises that are kept or broken in this process."""
    return [
        _timed("Pages and API", metrics_requests.SECONDS, REQUEST_S, half_s=REQUEST_HALF_S),
        _timed("Looking passages up", measures.SEARCH, SEARCH_S),
        _timed("Queries to the database", metrics_database.SECONDS, QUERY_S),
    ]


def _timed(name: str, histogram: Histogram, target_s: float, *, half_s: float | None = None) -> Level:
    half, most = _bound(histogram, 0.5), _bound(histogram, 0.95)
    target = f"95 % in {target_s:g} s"
    kept = None if half is None or most is None else most <= target_s
    if half_s is not None:
        target = f"half in {half_s:g} s, {target}"
        kept = kept and half is not None and half <= half_s
    return Level(name, _under(half), _under(most), target, "this web process", kept)


def _under(bound_s: float | None) -> str:
    if bound_s is None:
        return "none"
    return "longer" if bound_s == float("inf") else f"under {lasting(bound_s)}"


def _bound(histogram: Histogram, share: float) -> float | None:
    """Return the least bound of the histogram in seconds that this share stays under; None where it is empty."""
    below: dict[float, float] = defaultdict(float)
    for metric in histogram.collect():
        for sample in metric.samples:
            # Files of the pages have no route, and neither has an address that does not exist: both are quick.
            if sample.name.endswith("_bucket") and sample.labels.get("route") != metrics_requests.NOWHERE:
                below[float(sample.labels["le"])] += sample.value
    measured = below.get(float("inf"), 0.0)
    return next((bound for bound in sorted(below) if measured and below[bound] >= share * measured), None)
