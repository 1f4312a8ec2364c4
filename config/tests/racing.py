"""Threads that start together: many trials of the same race, each runner with a database connection of its own."""

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from django.db import connections

from accounts.tests.waiting import dawdle
from conversations.models import Conversation, Interaction, Message
from conversations.tests.factories import sequences

PATIENCE_SECONDS = 60.0
HEAD_START = 0.006
"""Seconds; about as long as either side of a race takes."""


class Racers:
    """A field of runners, kept from trial to trial; `seed` makes the head starts the same in every run."""

    def __init__(self, count: int, *, seed: int = 20260101) -> None:
        self._start = threading.Barrier(count)
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="racer")
        self._count = count
        self._chance = random.Random(seed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let every runner close its connection; tables cannot be emptied under an open one."""
        self._all([connections.close_all] * self._count, [0.0] * self._count)
        self._pool.shutdown()

    def race(self, *runs: Callable[[], Any], within: float = 0.0) -> list[Any]:
        """Run all at once and return each result, or the exception in its place, in the order given.

        Each runner starts up to `within` seconds after the others, so that the trials cover the orders.
        """
        assert len(runs) == self._count
        return self._all(runs, [self._chance.uniform(0.0, within) for _ in runs])

    def _all(self, runs: Sequence[Callable[[], Any]], delays: Sequence[float]) -> list[Any]:
        started = [self._pool.submit(self._run, run, delay) for run, delay in zip(runs, delays, strict=True)]
        return [each.result(PATIENCE_SECONDS) for each in started]

    def _run(self, run: Callable[[], Any], delay: float) -> Any:
        self._start.wait(PATIENCE_SECONDS)
        dawdle(delay)
        try:
            return run()
        except Exception as error:  # noqa: BLE001 -- the loser's exception is a result
            return error


def assert_sequences_have_no_hole() -> None:
    """Every conversation counts from 1 to its last sequence number."""
    for conversation in Conversation.objects.all():
        assert sequences(conversation) == list(range(1, conversation.last_sequence + 1))


def assert_nobody_talks_over_a_coach() -> None:
    """No AI message stands after the takeover of a conversation that a coach holds, whole or being written."""
    joined = dict(
        Message.objects.filter(metadata__kind="takeover").values_list("conversation_id", "sequence")
    )
    held = Conversation.objects.filter(owner_state="coach").values_list("pk", flat=True)
    assert set(joined) == set(held)
    spoken = Message.objects.filter(sender_type="ai", conversation_id__in=joined)
    assert [one for one in spoken if one.sequence > joined[one.conversation_id]] == []
    assert not spoken.filter(state="streaming").exists()
    assert not Interaction.objects.filter(
        conversation_id__in=joined, state__in=["waiting", "running"]
    ).exists()
