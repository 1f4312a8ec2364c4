"""Keeps the text and the lease of every turn at work in this process, all of them in one statement a second."""

import asyncio
import logging
from typing import Protocol
from uuid import UUID

from django.utils import timezone

from conversations import live
from conversations.database import AWAY, in_db
from conversations.turns.record import save_partials

logger = logging.getLogger(__name__)

KEEP_SECONDS = 1.0
"""How often the texts so far are kept and the leases renewed."""


class Turn(Protocol):
    """What is needed of a turn at work."""

    turn_id: UUID

    @property
    def text(self) -> str:
        """What has been said so far."""
        ...

    def stop(self) -> None:
        """End the turn where it is."""
        ...


class Keeper:
    """The turns of this process, and the round that keeps them."""

    def __init__(self) -> None:
        self._turns: dict[UUID, Turn] = {}
        self._rounds: asyncio.Task[None] | None = None

    def add(self, turn: Turn) -> None:
        """Keep this turn from now on; it is stopped when it was taken away."""
        self._turns[turn.turn_id] = turn
        if self._rounds is None or self._rounds.done():
            self._rounds = asyncio.create_task(self._go_round())

    def remove(self, turn: Turn) -> None:
        """Keep it no longer."""
        self._turns.pop(turn.turn_id, None)

    async def _go_round(self) -> None:
        while self._turns:
            await asyncio.sleep(KEEP_SECONDS)
            turns = list(self._turns.values())
            try:
                await self._keep(turns)
            except AWAY:
                # The answers go on; the next round keeps all of them.
                logger.warning("texts_not_kept")
            except Exception:
                # One round that fails must not be the last for all turns of the process.
                logger.exception("keeping_failed")

    async def _keep(self, turns: list[Turn]) -> None:
        if not turns:
            return
        texts = {turn.turn_id: turn.text for turn in turns}
        ours = await in_db(save_partials)(texts, worker=live.PROCESS, now=timezone.now())
        for turn in turns:
            if turn.turn_id not in ours and self._turns.get(turn.turn_id) is turn:
                turn.stop()


keeper = Keeper()
