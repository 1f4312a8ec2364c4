"""A plan that leaves the process that made it, and comes back to be settled.

It is a hundred small values, and to read it again takes longer than a statement. So it is written down once, whoever
carries it leaves it closed, and it is read only where nobody remembers it: in another process than the one that made
it, or after many others.
"""

import pickle
from dataclasses import dataclass
from typing import cast
from uuid import UUID, uuid4

from conversations.turns.plan import Plan

MOST_REMEMBERED = 500

_made: dict[UUID, Plan] = {}


@dataclass(frozen=True, slots=True)
class Sealed:
    """A plan as it travels between two processes of ours."""

    id: UUID
    written: bytes


def seal(plan: Plan) -> Sealed:
    """Write the plan down, and remember it until it is asked for."""
    sealed = Sealed(uuid4(), pickle.dumps(plan, protocol=pickle.HIGHEST_PROTOCOL))
    if len(_made) >= MOST_REMEMBERED:
        del _made[next(iter(_made))]
    _made[sealed.id] = plan
    return sealed


def unseal(sealed: Sealed) -> Plan:
    """Return the plan: as it was made if that was here, else as it was written down."""
    if sealed.id in _made:
        return _made.pop(sealed.id)
    return cast(Plan, pickle.loads(sealed.written))  # noqa: S301 -- both processes are ours alone
