"""A model that does what a question asks of it, so that a browser test can stop the world mid-sentence.

It lives in the web process; the test speaks to it through the question's words and one file, the gate:
"wait" holds the answer after its first words until the gate is open, "break" ends it with an error.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Never

from accounts.tests.waiting import eventually
from coaching.providers.ports import ChatRequest, Piece, ProviderCut, ProviderUnsupported, Schema, Usage

GATE = "TALKING_GATE"
ANSWER = """Start with **one question** that matters to all of you, and decide it together [1]. Then:

1. Agree on norms that you can *see* in a meeting [2]
2. Give each meeting a purpose, and a person who keeps the time
3. Look at real student work, not only at results [1]

A team that writes its norms down returns to them when it gets hard [2]."""
HOSTILE = '<img src="x" onerror="document.title = \'owned\'"> & <b>bold</b> [9] '
_WORDS = re.compile(r"\S+\s*|\s+")
_BEFORE_THE_GATE = 12


class Talking:
    """The `ChatModel` of browser tests."""

    provider = "talking"
    model = "talking-1"

    async def stream(self, request: ChatRequest, *, deadline_s: float) -> AsyncIterator[Piece]:
        """Stream `ANSWER` word by word, as the question wishes."""
        asked = request.question
        words = _WORDS.findall((HOSTILE if "hostile" in asked else "") + ANSWER)
        async with asyncio.timeout(deadline_s):
            for number, word in enumerate(words):
                if number == _BEFORE_THE_GATE and "wait" in asked:
                    await _gate_opens()
                if number == _BEFORE_THE_GATE and "break" in asked:
                    raise ProviderCut
                yield Piece(text=word)
                await asyncio.sleep(0)
        yield Piece(usage=Usage(), finish_reason="stop", confidence=0.9)

    async def structured(self, request: ChatRequest, *, schema: type[Schema], deadline_s: float) -> Never:
        """Refuse; browser tests ask for talk alone."""
        raise ProviderUnsupported


async def _gate_opens() -> None:
    gate = Path(os.environ[GATE])
    await eventually(lambda: asyncio.to_thread(gate.exists), "the open gate")


def from_settings() -> Talking:
    """Build the model, for settings that name it."""
    return Talking()
