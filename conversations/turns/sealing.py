"""A plan that leaves the process that made it, and comes back to be settled.

It is a hundred small values, and to read it again takes longer than a statement. So it is written down once, whoever
carries it leaves it closed, and it is read only where nobody remembers it: in another process than the one that made
it, or when it has been away for long.
"""

import pickle
import threading
import time
from dataclasses import dataclass
from typing import cast
from uuid import UUID, uuid4

from conversations.turns.plan import Plan

REMEMBERED_SECONDS = 180.0
"""Longer than an answer takes; a plan that nobody has asked for by then belongs to a turn that was given up."""

_made: dict[UUID, tuple[float, Plan]] = {}
_lock = threading.Lock()
"""Plans are made on the threads of the database and asked for on the loop."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A plan as it travels between two processes of ours."""

    id: UUID
    written: bytes


def seal(plan: Plan, *, remember: bool = True) -> Sealed:
    """Write the plan down, and remember it until it is asked for here, if it will be."""
    sealed = Sealed(uuid4(), pickle.dumps(plan, protocol=pickle.HIGHEST_PROTOCOL))
    with _lock:
        _forget_old()
        if remember:
            _made[sealed.id] = time.monotonic(), plan
    return sealed


def unseal(sealed: Sealed) -> Plan:
    """Return the plan: as it was made if that was here, else as it was written down."""
    with _lock:
        _forget_old()
        _, plan = _made.pop(sealed.id, (0.0, None))
    if plan is not None:
        return plan
    return cast(Plan, pickle.loads(sealed.written))  # noqa: S301 -- both processes are ours alone


def _forget_old() -> None:
    before = time.monotonic() - REMEMBERED_SECONDS
    while _made and _made[oldest := next(iter(_made))][0] < before:
        del _made[oldest]
