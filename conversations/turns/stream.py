"""Read a model's answer and tell it to everybody: the first words at once, then what came within 40 ms."""

import asyncio
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from coaching.providers.ports import ChatModel, ChatRequest
from coaching.providers.streams import closing
from conversations import live
from conversations.events import Delta
from knowledge.markers import MarkerParser

JOIN_SECONDS = 0.04
"""Pieces that arrive within this time go out as one frame; nobody reads faster."""

DEADLINE_SECONDS = 60.0
"""Longest answer, from the request to its last word."""


class Teller:
    """Collects safe text and sends it as deltas with their offsets."""

    def __init__(self, conversation_id: UUID, reply_id: UUID, sequence: int, known: Collection[int]) -> None:
        self._conversation_id = conversation_id
        self._reply_id = reply_id
        self.sequence = sequence
        self._parser = MarkerParser(known)
        self._pending: list[str] = []
        self._said: list[str] = []
        self._offset = 0
        self._last_frame_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self.first_token_at: datetime | None = None

    @property
    def text(self) -> str:
        """All text so far, with its markers checked."""
        return "".join(self._said)

    @property
    def told(self) -> str:
        """The text that has gone out already; the rest follows as deltas."""
        return self.text[: self._offset]

    def hear(self, raw: str) -> None:
        """Take raw text from the model."""
        self._take(self._parser.feed(raw))

    def finish(self) -> None:
        """Send what is left, the held-back end of the text included."""
        self._take(self._parser.close())
        self._flush()

    def fall_silent(self) -> None:
        """Send nothing more: who asked for the end is not told what was on its way."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _take(self, safe: str) -> None:
        if not safe:
            return
        self._said.append(safe)
        self._pending.append(safe)
        if self.first_token_at is None:
            self.first_token_at = timezone.now()
        loop = asyncio.get_running_loop()
        passed = loop.time() - self._last_frame_at
        if passed >= JOIN_SECONDS:
            self._flush()
        elif self._timer is None:
            self._timer = loop.call_later(JOIN_SECONDS - passed, self._flush)

    def _flush(self) -> None:
        self.fall_silent()
        if not self._pending:
            return
        text = "".join(self._pending)
        self._pending.clear()
        self._last_frame_at = asyncio.get_running_loop().time()
        delta = Delta(self._reply_id, self.sequence, self._offset, text)
        self._offset += len(text)
        live.hub.send(self._conversation_id, delta)
        if live.hub.needs_layer(self._conversation_id):
            task = asyncio.create_task(live.hint_delta(self._conversation_id, delta))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)


async def read(model: ChatModel, request: ChatRequest, teller: Teller) -> float | None:
    """Stream the answer into `teller`; return the adapter's own confidence, where it has one.

    Raises:
        ProviderError: the answer did not come whole.
    """
    confidence: float | None = None
    async with closing(model.stream(request, deadline_s=DEADLINE_SECONDS)) as pieces:
        async for piece in pieces:
            if piece.text:
                teller.hear(piece.text)
            if piece.confidence is not None:
                confidence = piece.confidence
    return confidence
