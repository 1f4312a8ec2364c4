"""Everything that a turn needs before a model is asked: read, embed, look up, write the prompt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from coaching.providers.metered import RunRecord
from coaching.providers.ports import ChatRequest
from conversations.apart import apart
from conversations.database import in_db
from conversations.metering import Collector
from conversations.turns.plan import Loaded, Plan, load, look_up, prompt
from conversations.turns.sealing import Sealed, seal
from conversations.turns.understand import Understood, understand


@dataclass(frozen=True, slots=True)
class Prepared:
    """What it takes to have a turn answered, and the plan by which the answer will be settled."""

    reply_id: UUID
    reply_sequence: int
    persona_name: str
    request: ChatRequest
    markers: tuple[int, ...]
    """The numbers that stand for a passage."""
    search_trace: Mapping[str, object]
    runs: Sequence[RunRecord]
    """What the provider was asked on the way."""
    plan: Sealed


async def prepare(turn_id: UUID, collector: Collector) -> Prepared | None:
    """Prepare a turn in the thinking process if there is one; None when it no longer runs.

    Raises:
        WorkFailed: it could not be done there; see the log.
    """
    prepared, elsewhere = await apart.call(prepare_here, turn_id)
    if prepared is not None:
        collector.take(prepared.runs, counted=not elsewhere)
    return prepared


async def prepare_here(turn_id: UUID) -> Prepared | None:
    """Prepare a turn in this process."""
    loaded = await in_db(load)(turn_id)
    if loaded is None:
        return None
    collector = Collector()
    understood = await understand(loaded.search_text, collector)
    return await in_db(_looked_up)(loaded, understood, collector.runs)


def _looked_up(loaded: Loaded, understood: Understood, runs: Sequence[RunRecord]) -> Prepared:
    return handed_on(look_up(loaded, understood), runs)


def handed_on(plan: Plan, runs: Sequence[RunRecord] = (), *, comes_back: bool = True) -> Prepared:
    """Return a plan with its prompt as the process of its turn needs them; it comes back to this process or not."""
    return Prepared(
        reply_id=plan.loaded.reply_id,
        reply_sequence=plan.loaded.reply_sequence,
        persona_name=plan.loaded.voice.persona.name,
        request=prompt(plan),
        markers=tuple(plan.passages),
        search_trace=plan.retrieval.trace,
        runs=runs,
        plan=seal(plan, remember=comes_back),
    )
