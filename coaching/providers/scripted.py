"""Doubles that answer from a script and remember what they were asked."""

import asyncio
import re
import zlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

import numpy as np
from pydantic import TypeAdapter, ValidationError

from coaching.providers.ports import (
    ChatRequest,
    Embedded,
    Piece,
    ProviderError,
    ProviderGarbled,
    ProviderRefused,
    ProviderTimeout,
    Schema,
    Structured,
    Usage,
)
from coaching.providers.tokens import estimate_input

WORD_WITH_SPACE = re.compile(r"\S+\s*|\s+")
WORD = re.compile(r"\w+")


@dataclass(slots=True)
class Reply:
    """One scripted answer: `text` word by word, then `error` if there is one.

    With `until` the answer stops after `wait_after` words, sets `reached`, and goes on when `until` is set.
    """

    text: str = ""
    error: ProviderError | None = None
    until: asyncio.Event | None = None
    wait_after: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)


class ScriptedChat:
    """Gives `replies` in turn, then `otherwise` for ever; without it an exhausted script is refused.

    `asked` are the requests so far, `finished` how many answers were read to their end and `abandoned`
    how many streams were closed before it.
    """

    def __init__(
        self,
        *replies: str | ProviderError | Reply,
        otherwise: str | None = None,
        provider: str = "scripted",
        model: str = "scripted",
    ) -> None:
        self.provider = provider
        self.model = model
        self.replies = list(replies)
        self.otherwise = otherwise
        self.asked: list[ChatRequest] = []
        self.finished = 0
        self.abandoned = 0

    async def stream(self, request: ChatRequest, *, deadline_s: float) -> AsyncGenerator[Piece, None]:
        """Stream the next reply word by word; the joined words are exactly its text."""
        reply = self._next(request)
        words = WORD_WITH_SPACE.findall(reply.text)
        ends_at = asyncio.get_running_loop().time() + deadline_s
        complete = False
        try:
            for said, word in enumerate([*words, ""]):
                await _pause(reply, words_said=said, ends_at=ends_at)
                if word:
                    yield Piece(text=word)
            if reply.error:
                raise reply.error
            complete = True
            self.finished += 1
            yield Piece(usage=_usage(request, words), finish_reason="stop")
        except (GeneratorExit, asyncio.CancelledError):
            self.abandoned += not complete
            raise

    async def structured(
        self, request: ChatRequest, *, schema: type[Schema], deadline_s: float
    ) -> Structured[Schema]:
        """Read the next reply as JSON of `schema`."""
        reply = self._next(request)
        await _pause(
            reply, words_said=reply.wait_after, ends_at=asyncio.get_running_loop().time() + deadline_s
        )
        if reply.error:
            raise reply.error
        try:
            value = TypeAdapter(schema).validate_json(reply.text)
        except ValidationError:
            raise ProviderGarbled("the scripted reply does not fit the schema") from None
        self.finished += 1
        return Structured(value=value, usage=_usage(request, WORD_WITH_SPACE.findall(reply.text)))

    def _next(self, request: ChatRequest) -> Reply:
        self.asked.append(request)
        if not self.replies:
            if self.otherwise is None:
                raise ProviderRefused("the script has no reply left")
            return Reply(self.otherwise)
        reply = self.replies.pop(0)
        if isinstance(reply, Reply):
            return reply
        return Reply(reply) if isinstance(reply, str) else Reply(error=reply)


class ScriptedEmbedding:
    """Hashed bags of words as unit vectors: texts that share words are near, and every run agrees."""

    def __init__(self, *, dimensions: int = 384, error: ProviderError | None = None) -> None:
        self.provider = "scripted"
        self.model = "scripted-embedding"
        self.dimensions = dimensions
        self.error = error
        self.asked: list[tuple[str, ...]] = []

    async def embed(self, texts: Sequence[str], *, deadline_s: float) -> Embedded:
        """Embed `texts` in order; raise `error` instead where one is set."""
        self.asked.append(tuple(texts))
        if self.error:
            raise self.error
        if deadline_s <= 0:
            raise ProviderTimeout("no time was left")
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        words = 0
        for row, text in enumerate(texts):
            found = WORD.findall(text.casefold())
            words += len(found)
            for word in found:
                vectors[row, zlib.crc32(word.encode()) % self.dimensions] += 1.0
            if not found:
                vectors[row, 0] = 1.0
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return Embedded(vectors=vectors, usage=Usage(input_tokens=words))


async def _pause(reply: Reply, *, words_said: int, ends_at: float) -> None:
    if asyncio.get_running_loop().time() >= ends_at:
        raise ProviderTimeout("the deadline has passed")
    if reply.until is None or words_said != reply.wait_after:
        return
    reply.reached.set()
    try:
        async with asyncio.timeout_at(ends_at):
            await reply.until.wait()
    except TimeoutError:
        raise ProviderTimeout("the deadline has passed") from None


def _usage(request: ChatRequest, words: Sequence[str]) -> Usage:
    return Usage(input_tokens=estimate_input(request), output_tokens=len(words))


def from_settings() -> ScriptedChat:
    """Build a double that always answers, for settings that name one."""
    return ScriptedChat(otherwise="A scripted answer [1].")


def embedding_from_settings() -> ScriptedEmbedding:
    """Build the embedding double, for settings that name one."""
    return ScriptedEmbedding()
