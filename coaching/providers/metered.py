"""Wrappers that report every call to a provider: what for, how long, how many tokens, at what cost."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, Protocol
from uuid import UUID

from uuid_utils.compat import uuid7

from coaching.providers.breaker import Clock
from coaching.providers.ports import (
    ChatModel,
    ChatRequest,
    Embedded,
    EmbeddingModel,
    Piece,
    ProviderError,
    Schema,
    Structured,
    Usage,
)
from coaching.providers.prices import cost_usd
from coaching.providers.streams import closing
from coaching.providers.tokens import estimate_input, estimate_tokens

logger = logging.getLogger(__name__)

Status = Literal["ok", "error", "cancelled"]


@dataclass(frozen=True, slots=True)
class PromptIdentity:
    """Which text of ours a request was made from: name, version and sha256 in hexadecimal."""

    name: str = ""
    version: str = ""
    hash: str = ""


PromptOf = Callable[[str], PromptIdentity]
"""Finds the prompt behind the `purpose` of a request."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One call to a provider. `estimated` tells tokens that we guessed from those the provider counted.

    `cost_usd` is exact, not rounded, and zero where the price is unknown. Times are milliseconds.
    """

    purpose: str
    provider: str
    model: str
    prompt: PromptIdentity
    input_tokens: int
    output_tokens: int
    estimated: bool
    cost_usd: Decimal
    latency_ms: int
    first_token_ms: int | None
    status: Status
    error: str = ""
    id: UUID = field(default_factory=uuid7, compare=False)
    """Of this one call: its record is kept once, however often that is tried."""


class MeterSink(Protocol):
    """Keeps the records."""

    async def record(self, run: RunRecord) -> None:
        """Keep `run`; an exception is logged and does not reach the answer."""
        ...


@dataclass(slots=True)
class MemorySink:
    """Keeps the records in a list, for tests."""

    runs: list[RunRecord] = field(default_factory=list)

    async def record(self, run: RunRecord) -> None:
        """Append `run`."""
        self.runs.append(run)


def no_prompt(_purpose: str) -> PromptIdentity:
    """Say that no versioned prompt stands behind the request."""
    return PromptIdentity()


class _Meter:
    """Measures one call and hands its record to the sink."""

    def __init__(
        self, *, purpose: str, provider: str, model: str, prompt: PromptIdentity, clock: Clock
    ) -> None:
        self._purpose = purpose
        self._provider = provider
        self._model = model
        self._prompt = prompt
        self._clock = clock
        self._started = clock()
        self._first_token: float | None = None
        self._said: list[str] = []
        self.usage: Usage | None = None
        self.status: Status = "cancelled"  # until the call is seen to end in another way
        self.error = ""

    def heard(self, piece: Piece) -> None:
        if piece.text:
            if self._first_token is None:
                self._first_token = self._clock()
            self._said.append(piece.text)
        if piece.usage is not None:
            self.usage = piece.usage

    def failed(self, error: ProviderError) -> None:
        self.status = "error"
        self.error = type(error).__name__

    def record(self, *, estimated_input: Callable[[], int]) -> RunRecord:
        usage = self.usage
        if usage is None and (self._said or self.status == "cancelled"):
            usage = Usage(estimated_input(), estimate_tokens("".join(self._said)))
        counted = usage or Usage()
        return RunRecord(
            purpose=self._purpose,
            provider=self._provider,
            model=self._model,
            prompt=self._prompt,
            input_tokens=counted.input_tokens,
            output_tokens=counted.output_tokens,
            estimated=self.usage is None and usage is not None,
            cost_usd=cost_usd(provider=self._provider, model=self._model, usage=counted),
            latency_ms=self._milliseconds(self._clock()),
            first_token_ms=None if self._first_token is None else self._milliseconds(self._first_token),
            status=self.status,
            error=self.error,
        )

    def _milliseconds(self, at: float) -> int:
        return round((at - self._started) * 1000)


class MeteredChat:
    """Reports each call of the wrapped model after its last piece, so that no token waits for the sink.

    Put it directly around an adapter, inside the retries: then every attempt has its own record.
    """

    def __init__(
        self,
        inner: ChatModel,
        sink: MeterSink,
        *,
        prompt_of: PromptOf = no_prompt,
        clock: Clock = time.monotonic,
    ) -> None:
        self._inner = inner
        self._sink = sink
        self._prompt_of = prompt_of
        self._clock = clock

    @property
    def provider(self) -> str:
        """Provider of the wrapped model."""
        return self._inner.provider

    @property
    def model(self) -> str:
        """The wrapped model."""
        return self._inner.model

    async def stream(self, request: ChatRequest, *, deadline_s: float) -> AsyncGenerator[Piece, None]:
        """Stream the wrapped model's answer; one that is closed early counts as cancelled."""
        meter = self._meter(request)
        try:
            async with closing(self._inner.stream(request, deadline_s=deadline_s)) as pieces:
                async for piece in pieces:
                    meter.heard(piece)
                    yield piece
            meter.status = "ok"
        except ProviderError as error:
            meter.failed(error)
            raise
        finally:
            await _keep(self._sink, meter.record(estimated_input=lambda: estimate_input(request)))

    async def structured(
        self, request: ChatRequest, *, schema: type[Schema], deadline_s: float
    ) -> Structured[Schema]:
        """Pass on the wrapped model's structured answer."""
        meter = self._meter(request)
        try:
            answer = await self._inner.structured(request, schema=schema, deadline_s=deadline_s)
            meter.usage = answer.usage
            meter.status = "ok"
        except ProviderError as error:
            meter.failed(error)
            raise
        else:
            return answer
        finally:
            await _keep(self._sink, meter.record(estimated_input=lambda: estimate_input(request)))

    def _meter(self, request: ChatRequest) -> _Meter:
        return _Meter(
            purpose=request.purpose,
            provider=self.provider,
            model=self.model,
            prompt=self._prompt_of(request.purpose),
            clock=self._clock,
        )


class MeteredEmbedding:
    """Reports each call of the wrapped embedding model."""

    def __init__(
        self,
        inner: EmbeddingModel,
        sink: MeterSink,
        *,
        purpose: str = "embedding",
        clock: Clock = time.monotonic,
    ) -> None:
        self._inner = inner
        self._sink = sink
        self._purpose = purpose
        self._clock = clock

    @property
    def provider(self) -> str:
        """Provider of the wrapped model."""
        return self._inner.provider

    @property
    def model(self) -> str:
        """The wrapped model."""
        return self._inner.model

    @property
    def dimensions(self) -> int:
        """Length of each vector."""
        return self._inner.dimensions

    async def embed(self, texts: Sequence[str], *, deadline_s: float) -> Embedded:
        """Embed `texts` with the wrapped model."""
        meter = _Meter(
            purpose=self._purpose,
            provider=self.provider,
            model=self.model,
            prompt=PromptIdentity(),
            clock=self._clock,
        )
        try:
            embedded = await self._inner.embed(texts, deadline_s=deadline_s)
            meter.usage = embedded.usage
            meter.status = "ok"
        except ProviderError as error:
            meter.failed(error)
            raise
        else:
            return embedded
        finally:
            await _keep(self._sink, meter.record(estimated_input=lambda: sum(map(estimate_tokens, texts))))


_being_kept: set[asyncio.Task[None]] = set()
"""The loop holds tasks only weakly; without this a record could vanish half way."""


async def _keep(sink: MeterSink, run: RunRecord) -> None:
    """Record `run` even when the caller is cancelled meanwhile."""
    task = asyncio.create_task(_record_or_log(sink, run))
    _being_kept.add(task)
    task.add_done_callback(_being_kept.discard)
    await asyncio.shield(task)


async def _record_or_log(sink: MeterSink, run: RunRecord) -> None:
    try:
        await sink.record(run)
    except Exception:
        logger.exception("A provider call could not be recorded")
