"""Settle a turn and write out how its reply looks, in the thinking process if there is one."""

import logging
from dataclasses import dataclass

from django.db import OperationalError
from django.utils import timezone

from conversations import live
from conversations.announcing import as_event
from conversations.apart import apart
from conversations.database import AWAY, in_db
from conversations.events import MessageChanged
from conversations.models import Message
from conversations.presenting import Names
from conversations.turns import measures
from conversations.turns.record import Outcome, Recorded, record
from conversations.turns.sealing import Sealed, unseal

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """A turn that has ended, and its reply as it is shown where that was asked for."""

    recorded: Recorded
    shown: MessageChanged | None


async def settle(plan: Sealed, outcome: Outcome, names: Names | None) -> Settled:
    """Settle a turn that ran in this process; with names, the reply is also written out for those who watch.

    Raises:
        OperationalError: the database is away; the same may be tried again.
        WorkFailed: it could not be settled there; see the log.
    """
    settled, _ = await apart.call(settle_here, plan, outcome, names, live.PROCESS)
    if settled is None:
        raise OperationalError("the database is away")
    if settled.recorded.is_news:
        measures.turn_ended(settled.recorded.reply, first_token_at=outcome.first_token_at)
    return settled


async def settle_here(plan: Sealed, outcome: Outcome, names: Names | None, worker: str) -> Settled | None:
    """Settle a turn of the process `worker` in this one; None while the database is away."""
    try:
        recorded = await in_db(record)(plan=unseal(plan), outcome=outcome, worker=worker, now=timezone.now())
    except AWAY:
        return None
    return Settled(recorded, _written_out(recorded.reply, names) if names else None)


def _written_out(reply: Message, names: Names) -> MessageChanged | None:
    try:
        return as_event(reply, names)
    except Exception:
        # It is settled all the same, and the turn that waits is to be run.
        logger.exception("reply_not_written_out")
        return None
