"""The database side of a running turn: keep what was said so far, and settle how it ended.

Every write is conditional on the reply still being `streaming`. A takeover, a stop or another process
changes that under the lock of the conversation, and from then on nothing of the turn is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.db import transaction
from django.db.models import Min, QuerySet

from coaching import spending
from coaching.policies import escalation
from coaching.providers.metered import RunRecord
from conversations import episodes
from conversations.metering import keep_runs
from conversations.models import Conversation, Handoff, Interaction, Message
from conversations.turns import ledger
from conversations.turns.accept import LEASE
from conversations.turns.plan import Plan
from knowledge.citations import resolve


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the stream of a turn ended, with all that it said."""

    ended: Literal["complete", "stopped", "failed"]
    text: str
    error: str = ""
    confidence: float | None = None
    first_token_at: datetime | None = None
    runs: Sequence[RunRecord] = field(default=())


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was settled: the reply as committed, whether a coach was called, and the next turn that waits."""

    reply: Message
    called: bool = False
    next_turn_id: UUID | None = None
    is_news: bool = False
    """Whether this settled it; else it had been ended by somebody else, or was settled before."""


def save_partials(texts: Mapping[UUID, str], *, worker: str, now: datetime) -> set[UUID]:
    """Keep the texts of turns so far and renew their leases, in one statement; return those that go on."""
    return ledger.keep(texts, worker=worker, lease_until=now + LEASE)


@transaction.atomic(durable=True)
def record(*, plan: Plan, outcome: Outcome, worker: str, now: datetime) -> Recorded:
    """Settle a turn: commit the reply with its citations, the cost, and what follows from it."""
    loaded = plan.loaded
    conversation = ledger.lock(loaded.conversation_id)
    kept = keep_runs(
        outcome.runs,
        organization_id=loaded.organization_id,
        user_id=loaded.client_id,
        subject_id=loaded.turn_id,
        now=now,
    )
    spending.settle(user_id=loaded.client_id, subject_id=loaded.turn_id, runs=kept, now=now)
    reply = _reply(plan, outcome, now=now)
    settled = ledger.settle(_closed(plan, outcome, worker=worker, now=now), reply)
    if settled is None:
        return _ended_before(conversation, plan, worker=worker, now=now)
    reply.created_at, reply.metadata = settled.created_at, settled.metadata
    called = _call_coach_if_unsure(conversation, reply, plan, outcome, now=now)
    following = claim_next(conversation, worker=worker, now=now) if settled.others else None
    return Recorded(reply, called, following, is_news=True)


def _ended_before(conversation: Conversation, plan: Plan, *, worker: str, now: datetime) -> Recorded:
    """Return how a turn of the locked conversation had ended: by others, or here by a call that was not heard.

    What that one claimed for `worker` nobody has begun.
    """
    reply = Message.objects.get(pk=plan.loaded.reply_id)
    called = Handoff.objects.filter(trigger=reply).exists()
    claimed = Interaction.objects.filter(
        conversation=conversation, state=Interaction.State.RUNNING, worker=worker
    ).exclude(pk=plan.loaded.turn_id)
    following = claimed.values_list("pk", flat=True).first()
    return Recorded(reply, called, following or claim_next(conversation, worker=worker, now=now))


def _reply(plan: Plan, outcome: Outcome, *, now: datetime) -> Message:
    """Return the reply as it ended, with what it stands on."""
    reply = Message(
        id=plan.loaded.reply_id,
        conversation_id=plan.loaded.conversation_id,
        sequence=plan.loaded.reply_sequence,
        sender_type=Message.Sender.AI,
        content=outcome.text,
        state=outcome.ended,
        completed_at=now,
        citations=[citation.as_dict() for citation in resolve(outcome.text, plan.passages)],
        metadata={"error": outcome.error} if outcome.error else {},
    )
    if plan.asks_back and outcome.ended == "complete":
        reply.metadata["asks_back"] = True
    reply.domains = cited_domains(reply, plan)
    reply.retrieval = {
        "passages": [str(passage.passage_id) for passage in plan.passages.values()],
        "scores": [round(passage.score, 4) for passage in plan.passages.values()],
        "confidence": round(_confidence(plan, outcome), 4),
    }
    return reply


def _closed(plan: Plan, outcome: Outcome, *, worker: str, now: datetime) -> Interaction:
    """Return the turn as it ended, as far as that is written."""
    return Interaction(
        id=plan.loaded.turn_id,
        conversation_id=plan.loaded.conversation_id,
        state={"complete": "done", "stopped": "stopped", "failed": "failed"}[outcome.ended],
        worker=worker,
        error=outcome.error,
        first_token_at=outcome.first_token_at,
        finished_at=now,
    )


def cited_domains(reply: Message, plan: Plan) -> list[str]:
    """Return the domains of the passages that the reply cites; where it cites none, those of the question."""
    numbers = {citation["number"] for citation in reply.citations}
    if not numbers:
        return sorted(plan.domains)
    return sorted({domain for number in numbers for domain in plan.passages[number].domains})


def _confidence(plan: Plan, outcome: Outcome) -> float:
    return plan.retrieval.confidence if outcome.confidence is None else outcome.confidence


def _call_coach_if_unsure(
    conversation: Conversation, reply: Message, plan: Plan, outcome: Outcome, *, now: datetime
) -> bool:
    """Ask for the coach where the sources do not carry the answer, unless the coach has just been there."""
    confidence = _confidence(plan, outcome)
    unsure = confidence < plan.loaded.voice.low_confidence_below
    asks_something = escalation.is_substantial(plan.loaded.question) and not plan.loaded.handback
    coached = conversation.visibility == Conversation.Visibility.COACHED and conversation.coach_id is not None
    if not (outcome.ended == "complete" and unsure and asks_something and coached):
        return False
    finding = escalation.Finding(escalation.LOW_CONFIDENCE, "the sources do not support an answer", "")
    return episodes.request_within(
        conversation, findings=[finding], trigger=reply, now=now, confidence=confidence
    )


def claim_next(conversation: Conversation, *, worker: str, now: datetime) -> UUID | None:
    """Claim the oldest turn that waits in the locked conversation, unless one is running."""
    unfinished = Interaction.objects.filter(
        conversation=conversation, state__in=[Interaction.State.RUNNING, Interaction.State.WAITING]
    )
    turns = list(unfinished.order_by("accepted_at", "pk"))
    if not turns or any(turn.state == Interaction.State.RUNNING for turn in turns):
        return None
    claim(turns[0], worker=worker, now=now)
    return turns[0].pk


def lock_turn() -> QuerySet[Interaction]:
    """Return turns with their replies, locked: a process that is still writing finishes first."""
    return Interaction.objects.select_for_update(of=("self",)).select_related("reply")


def claim(turn: Interaction, *, worker: str, now: datetime) -> None:
    """Make `worker` the one who runs the turn of a locked conversation; the attempt is counted first."""
    turn.state = Interaction.State.RUNNING
    turn.worker = worker
    turn.attempts += 1
    turn.lease_until = now + LEASE
    turn.save(update_fields=["state", "worker", "attempts", "lease_until"])


@transaction.atomic(durable=True)
def request_stop(*, conversation_id: UUID, now: datetime) -> list[UUID]:
    """End the turns of a conversation that wait, and note that the running one must end; return that one."""
    conversation = episodes.lock(conversation_id)
    turns = Interaction.objects.filter(conversation=conversation)
    waiting = turns.filter(state=Interaction.State.WAITING)
    Message.objects.filter(interaction__in=waiting, state=Message.State.STREAMING).update(
        state=Message.State.STOPPED, completed_at=now
    )
    waiting.update(state=Interaction.State.STOPPED, finished_at=now, lease_until=None)
    running = turns.filter(state=Interaction.State.RUNNING)
    turn_ids = list(running.values_list("pk", flat=True))
    running.update(stop_requested=True)
    return turn_ids


def first_stopped(*, conversation_id: UUID, at: datetime) -> int | None:
    """Return the sequence number of the first reply of a conversation that was stopped at that very moment."""
    stopped = Message.objects.filter(
        conversation_id=conversation_id, sender_type=Message.Sender.AI, state=Message.State.STOPPED
    )
    first: int | None = stopped.filter(completed_at=at).aggregate(first=Min("sequence"))["first"]
    return first
