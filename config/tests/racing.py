"""Threads that start together: many trials of the same race, each runner with a database connection of its own."""

import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from django.db import connections

from accounts.tests.waiting import dawdle
from conversations.models import Conversation, Interaction, Message
from conversations.tests.factories import sequences

PATIENCE_SECONDS = 60.0
FIRST_GUESS_S = 0.006
"""What a runner is thought to take before one has been seen."""
NEWEST = 0.2
"""How much the newest trial weighs in what a runner is thought to take."""
SWITCH_SECONDS = 0.0005
"""As in the web process, which gives its threads their turn this often: ten runners do not queue for Python."""


class Racers:
    """A field of runners, kept from trial to trial; `seed` makes the draws of head starts the same in every run."""

    def __init__(self, count: int, *, seed: int = 20260101) -> None:
        self._start = threading.Barrier(count)
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="racer")
        self._takes_s = [FIRST_GUESS_S] * count
        self._chance = random.Random(seed)
        self._switched_before = sys.getswitchinterval()

    def __enter__(self) -> Self:
        sys.setswitchinterval(SWITCH_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let every runner close its connection; tables cannot be emptied under an open one."""
        self._all([connections.close_all] * len(self._takes_s), [0.0] * len(self._takes_s))
        self._pool.shutdown()
        sys.setswitchinterval(self._switched_before)

    def race(self, *runs: Callable[[], Any], apart: bool = False) -> list[Any]:
        """Run all at once and return each result, or the exception in its place, in the order given.

        With `apart`, each is held back for some part of the time that the slowest of the others takes on this
        machine, so that the trials cover the orders, those included in which one is over before another begins.
        """
        assert len(runs) == len(self._takes_s)
        delays = [0.0] * len(runs)
        if apart:
            delays = [self._chance.uniform(0.0, self._others_take(index)) for index in range(len(runs))]
        ends = self._all(runs, delays)
        for index, (_, took) in enumerate(ends):
            self._takes_s[index] += NEWEST * (took - self._takes_s[index])
        return [end for end, _ in ends]

    def _others_take(self, index: int) -> float:
        return max(self._takes_s[:index] + self._takes_s[index + 1 :])

    def _all(self, runs: Sequence[Callable[[], Any]], delays: Sequence[float]) -> list[tuple[Any, float]]:
        started = [self._pool.submit(self._run, run, delay) for run, delay in zip(runs, delays, strict=True)]
        return [each.result(PATIENCE_SECONDS) for each in started]

    def _run(self, run: Callable[[], Any], delay: float) -> tuple[Any, float]:
        self._start.wait(PATIENCE_SECONDS)
        dawdle(delay)
        began = time.perf_counter()
        end: Any
        try:
            end = run()
        except Exception as error:  # noqa: BLE001 -- the loser's exception is a result
            end = error
        return end, time.perf_counter() - began


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
