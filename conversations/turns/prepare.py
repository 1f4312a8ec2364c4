"""Everything that a turn needs before a model is asked: read, embed, look up, write the prompt."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from coaching.providers.metered import RunRecord
from conversations.apart import apart
from conversations.database import in_db
from conversations.metering import Collector
from conversations.turns.plan import Plan, load, look_up
from conversations.turns.understand import understand


@dataclass(frozen=True, slots=True)
class Prepared:
    """The plan of a turn, and what the provider was asked for it."""

    plan: Plan
    runs: Sequence[RunRecord]


async def prepare(turn_id: UUID, collector: Collector) -> Plan | None:
    """Return the plan of a turn, made in the thinking process if there is one; None when it no longer runs.

    Raises:
        WorkFailed: it could not be made there; see the log.
    """
    prepared, elsewhere = await apart.call(prepare_here, turn_id)
    if prepared is None:
        return None
    collector.take(prepared.runs, counted=not elsewhere)
    return prepared.plan


async def prepare_here(turn_id: UUID) -> Prepared | None:
    """Make the plan in this process."""
    loaded = await in_db(load)(turn_id)
    if loaded is None:
        return None
    collector = Collector()
    plan = await in_db(look_up)(loaded, await understand(loaded.search_text, collector))
    return Prepared(plan, collector.runs)
