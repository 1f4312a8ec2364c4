"""Wrappers that ask again, rest a failing provider and turn to the next model.

The deadlines of the network (connection, first token, silence) belong to the adapters, which alone
see the bytes. These wrappers decide what follows an error, and never repeat what was already said.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from coaching.providers.breaker import CircuitBreaker, Clock
from coaching.providers.ports import (
    ChatModel,
    ChatRequest,
    Embedded,
    EmbeddingModel,
    Piece,
    ProviderError,
    ProviderGarbled,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
    ProviderUnsupported,
    Schema,
    Structured,
)
from coaching.providers.streams import closing

Model = TypeVar("Model")

STREAM_ATTEMPTS = 3
STRUCTURED_ATTEMPTS = 2
"""One fewer than for a stream: an adapter may spend one more call to repair what it got."""
RETRY_WITHIN_S = 3.0
FIRST_PAUSE_S = 0.5

NOT_THE_PROVIDERS_FAULT = (ProviderRefused, ProviderUnsupported)
"""Errors about one request or its key: they say nothing about the health of the provider."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Time and chance, replaced in tests."""

    clock: Clock = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random_unit: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Leg(Generic[Model]):
    """One model of a chain and the breaker that guards it."""

    model: Model
    breaker: CircuitBreaker


class _Course(Generic[Model]):
    """The course of one request along the legs: `attempts` calls to the first, one to each other.

    The first leg is asked again only after a retryable error, and only while the next call starts
    within three seconds of the first. A pause is random between zero and twice the one before,
    or what the provider asked for.
    """

    def __init__(
        self, legs: Sequence[Leg[Model]], *, attempts: int, deadline_s: float, around: Surroundings
    ) -> None:
        self._legs = legs
        self._around = around
        self._deadline_s = deadline_s
        self._attempts = attempts
        self._position = 0
        self._made = 0
        self._started = around.clock()
        self._error: ProviderError | None = None

    async def next_leg(self) -> Leg[Model] | None:
        """Return the leg to ask now, after the pause it needs; None when there is none left."""
        if self._made and not await self._pause_for_retry():
            self._move_on()
        while self._position < len(self._legs):
            leg = self._legs[self._position]
            if leg.breaker.allow():
                self._made += 1
                return leg
            self._move_on()
        return None

    def failed(self, leg: Leg[Model], error: ProviderError) -> None:
        """Note that `leg` was asked and failed."""
        self._error = error
        if not isinstance(error, NOT_THE_PROVIDERS_FAULT):
            leg.breaker.failed()

    def remaining_s(self) -> float:
        """Return the seconds left for the whole request."""
        return self._deadline_s - self._elapsed_s()

    def verdict(self) -> ProviderError:
        """Return the error to end with: the last one, or that every model is resting."""
        if self._error is not None:
            return self._error
        rest = min(leg.breaker.rests_for_s for leg in self._legs)
        return ProviderUnavailable("every model is resting after failures", retry_after_s=rest)

    def _elapsed_s(self) -> float:
        return self._around.clock() - self._started

    def _move_on(self) -> None:
        self._position += 1
        self._made = 0
        self._attempts = 1

    async def _pause_for_retry(self) -> bool:
        error = self._error
        if error is None or not error.retryable or self._made >= self._attempts:
            return False
        pause = error.retry_after_s
        if pause is None:
            pause = self._around.random_unit() * FIRST_PAUSE_S * 2 ** (self._made - 1)
        if self._elapsed_s() + pause > min(RETRY_WITHIN_S, self._deadline_s):
            return False
        await self._around.sleep(pause)
        return True


class ResilientChat:
    """Answers from the first leg that can, with at most three calls to the first and one to each other."""

    def __init__(self, legs: Sequence[Leg[ChatModel]], *, around: Surroundings | None = None) -> None:
        if not legs:
            raise ValueError("a chain needs at least one model")
        self._legs = tuple(legs)
        self._around = around or Surroundings()

    @property
    def provider(self) -> str:
        """Provider of the model that is asked first."""
        return self._legs[0].model.provider

    @property
    def model(self) -> str:
        """Model that is asked first."""
        return self._legs[0].model.model

    async def stream(self, request: ChatRequest, *, deadline_s: float) -> AsyncGenerator[Piece, None]:
        """Stream the answer of the first model that begins one; an answer begun is never begun again."""
        course = self._course(STREAM_ATTEMPTS, deadline_s)
        while leg := await course.next_leg():
            said = False
            try:
                async with closing(leg.model.stream(request, deadline_s=_left(course))) as pieces:
                    async for piece in pieces:
                        if piece.text and not said:
                            said = True
                            leg.breaker.answering()
                        yield piece
            except ProviderError as error:
                course.failed(leg, error)
                if said:
                    raise
            else:
                leg.breaker.succeeded()
                return
        raise course.verdict()

    async def structured(
        self, request: ChatRequest, *, schema: type[Schema], deadline_s: float
    ) -> Structured[Schema]:
        """Answer from the first model that can; a garbled answer was already repaired once and ends it."""
        course = self._course(STRUCTURED_ATTEMPTS, deadline_s)
        while leg := await course.next_leg():
            try:
                answer = await leg.model.structured(request, schema=schema, deadline_s=_left(course))
            except ProviderError as error:
                course.failed(leg, error)
                if isinstance(error, ProviderGarbled):
                    raise
            else:
                leg.breaker.succeeded()
                return answer
        raise course.verdict()

    def _course(self, attempts: int, deadline_s: float) -> _Course[ChatModel]:
        return _Course(self._legs, attempts=attempts, deadline_s=deadline_s, around=self._around)


class ResilientEmbedding:
    """Asks the same embedding model again; another model's vectors would mean something else."""

    def __init__(self, leg: Leg[EmbeddingModel], *, around: Surroundings | None = None) -> None:
        self._leg = leg
        self._around = around or Surroundings()

    @property
    def provider(self) -> str:
        """Provider of the wrapped model."""
        return self._leg.model.provider

    @property
    def model(self) -> str:
        """The wrapped model."""
        return self._leg.model.model

    @property
    def dimensions(self) -> int:
        """Length of each vector."""
        return self._leg.model.dimensions

    async def embed(self, texts: Sequence[str], *, deadline_s: float) -> Embedded:
        """Embed `texts` in order, with at most three calls."""
        course = _Course([self._leg], attempts=STREAM_ATTEMPTS, deadline_s=deadline_s, around=self._around)
        while leg := await course.next_leg():
            try:
                embedded = await leg.model.embed(texts, deadline_s=_left(course))
            except ProviderError as error:
                course.failed(leg, error)
            else:
                leg.breaker.succeeded()
                return embedded
        raise course.verdict()


def _left(course: _Course[Model]) -> float:
    left = course.remaining_s()
    if left <= 0:
        raise ProviderTimeout("the deadline has passed")
    return left
