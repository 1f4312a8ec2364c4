"""What Sideline asks of a language or embedding model, in plain Python.

Every adapter translates the exceptions of its vendor into this tree::

    ProviderError            the model did not answer
    ├── ProviderBusy         429, overload                      retryable
    ├── ProviderUnavailable  5xx, connection refused or reset   retryable
    ├── ProviderTimeout      a deadline of ours passed
    ├── ProviderRefused      key, model or request not accepted
    ├── ProviderGarbled      an answer that is not what the protocol promises
    ├── ProviderCut          the stream ended before the answer did
    └── ProviderUnsupported  this adapter cannot do what was asked
"""

from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Answer_co = TypeVar("Answer_co", covariant=True)
Schema = TypeVar("Schema")


class ProviderError(Exception):
    """The model did not answer; `retryable` says whether asking again can help."""

    retryable = False

    def __init__(self, message: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ProviderBusy(ProviderError):
    """The provider asks us to come back later."""

    retryable = True


class ProviderUnavailable(ProviderError):
    """The provider failed or could not be reached."""

    retryable = True


class ProviderTimeout(ProviderError):
    """Nothing came within one of our deadlines."""


class ProviderRefused(ProviderError):
    """The provider does not accept the key, the model or the request."""


class ProviderGarbled(ProviderError):
    """The provider answered with something that is not an answer."""


class ProviderCut(ProviderError):
    """The stream ended before the answer was complete."""


class ProviderUnsupported(ProviderError):
    """This adapter cannot do what was asked."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class SourceText:
    """A retrieved passage as the model sees it; `number` is the marker ``[number]`` that cites it."""

    number: int
    title: str
    text: str
    score: float = 0.0
    """Calibrated relevance between 0 and 1."""
    speakers: tuple[tuple[int, str], ...] = ()
    """Of a recording: from which character of `text` on who speaks, in order; an empty name where nobody is named."""

    @property
    def voiced(self) -> str:
        """`text` with the name of each speaker before what that speaker says; after one, of others: "Somebody: "."""
        pieces: list[str] = []
        told, speaker = 0, ""
        for offset, name in self.speakers:
            if name != speaker:
                pieces += [self.text[told:offset], f"{name or 'Somebody'}: "]
                told, speaker = offset, name
        return "".join([*pieces, self.text[told:]])

    def speaker_at(self, offset: int) -> str:
        """Return who says the character at `offset`; nothing where that is not known."""
        index = bisect_right(self.speakers, offset, key=lambda each: each[0]) - 1
        return self.speakers[index][1] if index >= 0 else ""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Everything that an adapter needs for one answer.

    `messages` is the whole prompt, sources included. `question`, `sources` and `handback` repeat the parts
    that an adapter without a language model (the extractive one) works from.
    """

    purpose: str
    messages: tuple[ChatMessage, ...]
    question: str = ""
    sources: tuple[SourceText, ...] = ()
    handback: str = ""
    """What a human coach said before handing the conversation back, when this is the first answer after it."""
    max_output_tokens: int = 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens counted by the provider, or estimated by the adapter where it counts none."""

    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a streamed answer. The last piece carries the usage and the reason for the end."""

    text: str = ""
    usage: Usage | None = None
    finish_reason: Literal["stop", "length", "filtered"] | None = None
    confidence: float | None = None
    """On the last piece: the adapter's own calibrated confidence, 0 to 1, where it has one."""


@dataclass(frozen=True, slots=True)
class Structured(Generic[Answer_co]):
    """A validated structured answer."""

    value: Answer_co
    usage: Usage


@dataclass(frozen=True, slots=True)
class Embedded:
    """Unit vectors, one row a text: float32 of shape (texts, dimensions)."""

    vectors: NDArray[np.float32]
    usage: Usage


class ChatModel(Protocol):
    """A language model that answers in a stream."""

    @property
    def provider(self) -> str: ...

    @property
    def model(self) -> str: ...

    def stream(self, request: ChatRequest, *, deadline_s: float) -> AsyncIterator[Piece]:
        """Stream the answer; raise a `ProviderError` when it does not come whole within `deadline_s` seconds.

        Closing the iterator (`contextlib.aclosing`) ends the call at the provider.
        """
        ...

    async def structured(
        self, request: ChatRequest, *, schema: type[Schema], deadline_s: float
    ) -> Structured[Schema]:
        """Answer as an instance of `schema` (a pydantic model), validated."""
        ...


class EmbeddingModel(Protocol):
    """A model that turns texts into unit vectors."""

    @property
    def provider(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    async def embed(self, texts: Sequence[str], *, deadline_s: float) -> Embedded:
        """Embed `texts` in order. No part of a text is dropped, however long it is."""
        ...
