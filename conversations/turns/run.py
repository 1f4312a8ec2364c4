"""Run a turn to its end in this process, whoever is watching: load, look up, stream, record.

A turn belongs to the server. It goes on when the browser leaves, ends at once when it is stopped or
a coach takes over, and keeps a lease in its row while it works; when this process dies, the sweep finds
the lease expired and another process takes the turn over.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Literal
from uuid import UUID

from accounts import request_ids
from coaching.providers import registry
from coaching.providers.crowd import crowd
from coaching.providers.ports import ProviderError
from conversations import announcing, live
from conversations.database import AWAY, in_db
from conversations.events import Delta
from conversations.metering import Collector
from conversations.presenting import Names
from conversations.turns import measures
from conversations.turns.keeping import keeper
from conversations.turns.listening import ear
from conversations.turns.plan import load, unprepared
from conversations.turns.prepare import Prepared, handed_on, prepare
from conversations.turns.record import Outcome
from conversations.turns.sealing import Sealed
from conversations.turns.settle import Settled, settle
from conversations.turns.stream import Teller, read

logger = logging.getLogger(__name__)

SETTLE_PAUSES = (0.1, 0.4, 1.0, 2.0, 4.0, 4.0)
"""Seconds between attempts to settle a turn while the database is away: together less than a lease."""


class RunningTurn:
    """One turn at work in this process."""

    def __init__(self, turn_id: UUID, conversation_id: UUID) -> None:
        self.turn_id = turn_id
        self.conversation_id = conversation_id
        self.reply_id: UUID | None = None
        self.names = Names(client="", persona="")
        self.teller: Teller | None = None
        self._work: asyncio.Task[Any] | None = None
        self._stopped = False

    @property
    def text(self) -> str:
        """What has been said so far."""
        return self.teller.text if self.teller else ""

    def rest(self, offset: int) -> Delta | None:
        """Return what has been told from this offset on; None where nothing was."""
        if self.reply_id is None or self.teller is None or offset >= len(self.teller.told):
            return None
        return Delta(self.reply_id, self.teller.sequence, offset, self.teller.told[offset:])

    def stop(self) -> None:
        """End the turn where it is; the provider's call is closed and the text so far is kept."""
        self._stopped = True
        if self._work is not None:
            self._work.cancel()

    def listen(self) -> None:
        """Hear other processes, unless a socket here does."""
        if not live.hub.somebody_listens(self.conversation_id):
            ear.open(self)

    async def run(self) -> Settled | None:
        """Work the turn off; None when it was no longer this process's to run."""
        self.listen()
        try:
            keeper.add(self)
            collector = Collector()
            prepared = await self._prepare(collector)
            if prepared is None:
                return None
            measures.looked_up(prepared.search_trace)
            self.reply_id = prepared.reply_id
            self.names = Names(client="", persona=prepared.persona_name)
            if self._stopped:
                outcome = Outcome("stopped", "", runs=collector.runs)
            else:
                outcome = await self._stream(prepared, collector)
            return await self._settle(prepared.plan, outcome)
        finally:
            keeper.remove(self)
            ear.close(self)

    async def _prepare(self, collector: Collector) -> Prepared | None:
        """Prepare the turn; where it is stopped meanwhile, only as far as it takes to settle it."""
        self._work = preparing = asyncio.create_task(prepare(self.turn_id, collector))
        try:
            with crowd.waiting():
                return await preparing
        except asyncio.CancelledError:
            if not self._stopped:
                raise
        loaded = await in_db(load)(self.turn_id)
        return None if loaded is None else handed_on(unprepared(loaded), comes_back=False)

    async def _settle(self, plan: Sealed, outcome: Outcome) -> Settled:
        """Settle the turn; while the database is away, try again for as long as the lease may last."""
        names = self.names if live.hub.somebody_listens(self.conversation_id) else None
        for pause in SETTLE_PAUSES:
            try:
                return await settle(plan, outcome, names)
            except AWAY:
                logger.warning("turn_not_settled")
                await asyncio.sleep(pause)
        return await settle(plan, outcome, names)

    async def _stream(self, prepared: Prepared, collector: Collector) -> Outcome:
        teller = self.teller = Teller(
            self.conversation_id, prepared.reply_id, prepared.reply_sequence, prepared.markers
        )
        ended: Literal["complete", "stopped", "failed"] = "complete"
        error = ""
        confidence: float | None = None
        self._work = reading = asyncio.create_task(read(registry.chat(collector), prepared.request, teller))
        try:
            confidence = await reading
        except ProviderError as failure:
            ended, error = "failed", type(failure).__name__
        except asyncio.CancelledError:
            if not self._stopped:
                raise
            ended = "stopped"
        if ended == "stopped":
            teller.fall_silent()
        else:
            teller.finish()
        return Outcome(ended, teller.text, error, confidence, teller.first_token_at, collector.runs)


class Turns:
    """The turns at work in this process."""

    def __init__(self) -> None:
        self._running: dict[UUID, RunningTurn] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, turn_id: UUID, conversation_id: UUID) -> None:
        """Run a claimed turn in a task of its own."""
        self._spawn(self.work(turn_id, conversation_id))

    async def work(self, turn_id: UUID | None, conversation_id: UUID) -> None:
        """Run a claimed turn, and then those that waited for it; one that is at work here already is left alone."""
        while turn_id is not None and turn_id not in self._running:
            turn = self._running[turn_id] = RunningTurn(turn_id, conversation_id)
            try:
                settled = await turn.run()
            except Exception:
                # The lease runs out and the sweep takes the turn over; nothing acknowledged is lost.
                logger.exception("turn_broke_off")
                return
            finally:
                del self._running[turn_id]
            if settled is None:
                return
            await self._show(turn, settled)
            turn_id = settled.recorded.next_turn_id
            # Another question caused it, and nobody knows any more under which id.
            request_ids.begin()

    async def _show(self, turn: RunningTurn, settled: Settled) -> None:
        recorded = settled.recorded
        try:
            await announcing.turn_ended(
                turn.conversation_id, recorded.reply, turn.names, called=recorded.called, shown=settled.shown
            )
        except Exception:
            # The reply is kept, and found when a page looks again; the turn that waits must not wait for that.
            logger.exception("turn_not_shown")

    def stop(self, conversation_id: UUID) -> bool:
        """Stop what runs in this process for a conversation; say whether there was something."""
        running = self.of(conversation_id)
        for turn in running:
            turn.stop()
        return bool(running)

    def of(self, conversation_id: UUID) -> list[RunningTurn]:
        """Return the turns of a conversation that run in this process."""
        return [turn for turn in self._running.values() if turn.conversation_id == conversation_id]

    async def finished(self) -> None:
        """Wait until every turn of this process has ended."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


turns = Turns()
