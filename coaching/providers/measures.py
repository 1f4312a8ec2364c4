"""What provider calls add to the counters of this process. Labels name models, never people or words."""

import re
from threading import Lock
from typing import Final

from prometheus_client import Counter, Histogram

from coaching.providers.metered import MeterSink, RunRecord

MOST_MODELS = 40
"""Models with a name of their own in the counters: coaches may bring any number of them."""
OTHER = "other"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,79}")
_SECONDS = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.2, 2.0, 2.5, 4.0, 8.0, 15.0, 30.0, 60.0)

CALLS: Final = Counter(
    "sideline_provider_calls", "Calls to a provider, by how they ended.", ["provider", "model", "status"]
)
SECONDS: Final = Histogram(
    "sideline_provider_call_seconds", "How long a call took.", ["provider", "model"], buckets=_SECONDS
)
FIRST_TOKEN: Final = Histogram(
    "sideline_provider_first_token_seconds",
    "How long a call took to its first text.",
    ["provider", "model"],
    buckets=_SECONDS,
)
TOKENS: Final = Counter(
    "sideline_provider_tokens",
    "Tokens read (input) and written (output).",
    ["provider", "model", "direction"],
)
COST: Final = Counter(
    "sideline_provider_cost_usd", "US dollars, as the price table has them.", ["provider", "model"]
)


class _Names:
    """The models that have a name of their own, first come, first served."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._lock = Lock()

    def of(self, model: str) -> str:
        """Return the label for a model: its name while there is room for it, else `other`."""
        if model in self._known:
            return model
        with self._lock:
            if len(self._known) >= MOST_MODELS or not _NAME.fullmatch(model):
                return OTHER
            self._known.add(model)
        return model


_names = _Names()


class Counted:
    """A sink that counts each call, and hands its record on where somebody keeps it."""

    def __init__(self, sink: MeterSink | None = None) -> None:
        self._sink = sink

    async def record(self, run: RunRecord) -> None:
        """Count `run` and pass it on."""
        count(run)
        if self._sink is not None:
            await self._sink.record(run)


def count(run: RunRecord) -> None:
    """Add one call to the counters: a few dictionary look-ups, and no waiting."""
    labels = (run.provider, _names.of(run.model))
    CALLS.labels(*labels, run.status).inc()
    SECONDS.labels(*labels).observe(run.latency_ms / 1000)
    if run.first_token_ms is not None:
        FIRST_TOKEN.labels(*labels).observe(run.first_token_ms / 1000)
    TOKENS.labels(*labels, "input").inc(run.input_tokens)
    TOKENS.labels(*labels, "output").inc(run.output_tokens)
    COST.labels(*labels).inc(float(run.cost_usd))
