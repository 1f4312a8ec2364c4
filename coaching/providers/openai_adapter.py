"""Models of OpenAI, and of every provider that speaks its protocol, through the SDK of OpenAI.

A stream is read as bytes, because an SDK object per token costs several times what the rest of a turn does.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from typing import Any

import httpx2
import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from pydantic import ValidationError
from typing_extensions import override

from coaching.providers.crowd import crowd
from coaching.providers.json_schema import adapter_of, problems, strict_schema
from coaching.providers.openai_account import (
    OFFICIAL_BASE_URL,
    Account,
    UnknownOption,
    our_error,
    rest,
    translated,
)
from coaching.providers.openai_protocol import (
    AnswerReader,
    read_finish_reason,
    read_json,
    read_usage,
    read_vector,
    repair,
)
from coaching.providers.pace import Deadlines, Pace
from coaching.providers.ports import (
    ChatMessage,
    ChatRequest,
    Embedded,
    Piece,
    ProviderCut,
    ProviderError,
    ProviderGarbled,
    ProviderRefused,
    ProviderUnavailable,
    Schema,
    Structured,
    Usage,
)
from coaching.providers.windows import batches, windows

DRAIN_S = 0.1


class OpenAIChat:
    """A chat model behind the chat completions endpoint."""

    def __init__(
        self,
        *,
        model: str,
        api_key: str,
        base_url: str = OFFICIAL_BASE_URL,
        deadlines: Deadlines | None = None,
    ) -> None:
        self.model = model
        self._account = Account(api_key=api_key, base_url=base_url, deadlines=deadlines or Deadlines())
        self._counts_on_request = True

    @property
    def provider(self) -> str:
        """``openai``, or the host of a compatible provider."""
        return self._account.provider

    @override
    def __repr__(self) -> str:
        return f"<OpenAIChat {self.provider} {self.model}>"

    async def stream(self, request: ChatRequest, *, deadline_s: float) -> AsyncGenerator[Piece, None]:
        """Stream the answer; each piece is the text that arrived together."""
        pace = Pace(self._account.deadlines, deadline_s=deadline_s)
        answer = AnswerReader(request)
        async with AsyncExitStack() as stack:
            stack.callback(pace.close)
            response = await self._open(request, pace=pace, stack=stack)
            chunks = await stack.enter_async_context(aclosing(response.aiter_bytes()))
            while not answer.ended and (chunk := await _next_chunk(chunks, pace=pace, answer=answer)):
                text = answer.feed(chunk)
                if text:
                    pace.spoke()
                    yield Piece(text=text)
                if answer.trouble:
                    raise answer.trouble
                if answer.finish_reason:
                    pace.finished()
                elif text and (seconds := crowd.patience_seconds()):
                    await rest(response, seconds)
            yield Piece(usage=answer.usage, finish_reason=answer.close())
            await _drain(chunks)

    async def structured(
        self, request: ChatRequest, *, schema: type[Schema], deadline_s: float
    ) -> Structured[Schema]:
        """Answer as JSON of `schema`; one that does not fit is sent back once to be repaired."""
        ends_at = asyncio.get_running_loop().time() + deadline_s
        text, usage = await self._whole(request.messages, request, schema=schema, ends_at=ends_at)
        try:
            return Structured(value=adapter_of(schema).validate_json(text), usage=usage)
        except ValidationError as error:
            wrong = problems(error)
        try:
            messages = (*request.messages, *repair(text, wrong))
            text, more = await self._whole(messages, request, schema=schema, ends_at=ends_at)
            value = adapter_of(schema).validate_json(text)
        except (ValidationError, ProviderError):
            garbled = ProviderGarbled("an answer that does not fit its schema, twice")
        else:
            return Structured(
                value=value,
                usage=Usage(usage.input_tokens + more.input_tokens, usage.output_tokens + more.output_tokens),
            )
        raise garbled

    async def _open(self, request: ChatRequest, *, pace: Pace, stack: AsyncExitStack) -> httpx2.Response:
        """Send the request, without asking for token counts where the server does not know that."""
        try:
            return await self._enter(request, pace=pace, stack=stack)
        except UnknownOption:
            self._counts_on_request = False
        return await self._enter(request, pace=pace, stack=stack)

    async def _enter(self, request: ChatRequest, *, pace: Pace, stack: AsyncExitStack) -> httpx2.Response:
        options = {"stream_options": {"include_usage": True}} if self._counts_on_request else {}
        opening = self._post(request.messages, request.max_output_tokens, stream=True, **options)
        response = await translated(opening, due=pace.due(), may_drop=bool(options))
        stack.push_async_callback(response.aclose)
        return response

    async def _whole(
        self, messages: Sequence[ChatMessage], request: ChatRequest, *, schema: type[Any], ends_at: float
    ) -> tuple[str, Usage]:
        form = {"name": "answer", "strict": True, "schema": strict_schema(schema)}
        response = await translated(
            self._post(
                messages,
                request.max_output_tokens,
                response_format={"type": "json_schema", "json_schema": form},
            ),
            due=ends_at,
        )
        body = read_json(response.content)
        try:
            choice = body["choices"][0]
            text, refusal = choice["message"].get("content") or "", choice["message"].get("refusal")
            usage = read_usage(body.get("usage") or {})
            filtered = read_finish_reason(choice.get("finish_reason")) == "filtered"
        except (KeyError, IndexError, TypeError, AttributeError, ValueError):
            raise ProviderGarbled("a body that is not of the protocol") from None
        if refusal or filtered:
            raise ProviderRefused("the model declined to answer")
        return text, usage

    async def _post(
        self, messages: Sequence[ChatMessage], max_output_tokens: int, *, stream: bool = False, **more: Any
    ) -> httpx2.Response:
        limit = "max_completion_tokens" if self._account.is_official else "max_tokens"
        written = [{"role": message.role, "content": message.content} for message in messages]
        body = {"model": self.model, "messages": written, limit: max_output_tokens, **more}
        if stream:
            body["stream"] = True
        return await self._account.post("/chat/completions", body, stream=stream)


class OpenAIEmbedding:
    """An embedding model behind the embeddings endpoint."""

    def __init__(
        self,
        *,
        model: str,
        dimensions: int,
        api_key: str,
        base_url: str = OFFICIAL_BASE_URL,
        deadlines: Deadlines | None = None,
    ) -> None:
        self.model = model
        self.dimensions = dimensions
        self._account = Account(api_key=api_key, base_url=base_url, deadlines=deadlines or Deadlines())

    @property
    def provider(self) -> str:
        """``openai``, or the host of a compatible provider."""
        return self._account.provider

    @override
    def __repr__(self) -> str:
        return f"<OpenAIEmbedding {self.provider} {self.model}>"

    async def embed(self, texts: Sequence[str], *, deadline_s: float) -> Embedded:
        """Embed `texts`; one longer than the endpoint takes is the weighted mean of its windows."""
        ends_at = asyncio.get_running_loop().time() + deadline_s
        cut = [windows(text or " ") for text in texts]
        rows: list[NDArray[np.float32]] = []
        tokens = 0
        for batch in batches([window for pieces in cut for window in pieces]):
            found, usage = await self._request(batch, ends_at=ends_at)
            rows.extend(found)
            tokens += usage.input_tokens
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        following = iter(rows)
        for number, pieces in enumerate(cut):
            for piece in pieces:
                vectors[number] += next(following) * len(piece)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.all(lengths > 0):
            raise ProviderGarbled("a vector without direction")
        return Embedded(vectors=vectors / lengths, usage=Usage(input_tokens=tokens))

    async def _request(self, texts: list[str], *, ends_at: float) -> tuple[list[NDArray[np.float32]], Usage]:
        body: dict[str, Any] = {"model": self.model, "input": texts, "encoding_format": "base64"}
        if self.model.startswith("text-embedding-3"):
            body["dimensions"] = self.dimensions
        response = await translated(self._account.post("/embeddings", body, stream=False), due=ends_at)
        answer = read_json(response.content)
        try:
            by_index = {item["index"]: read_vector(item["embedding"]) for item in answer["data"]}
            vectors = [by_index[index] for index in range(len(texts))]
            usage = read_usage(answer.get("usage") or {})
        except (KeyError, TypeError, AttributeError, ValueError):
            raise ProviderGarbled("a body that is not of the protocol") from None
        if any(vector.shape != (self.dimensions,) or not np.all(np.isfinite(vector)) for vector in vectors):
            raise ProviderGarbled(f"vectors that are not of {self.dimensions} dimensions")
        return vectors, usage


def from_settings() -> OpenAIChat:
    """Build the chat model that the settings name."""
    return _chat(settings.OPENAI_CHAT_MODEL)


def cheaper_from_settings() -> OpenAIChat:
    """Build the cheaper model that stands in when the first cannot answer."""
    return _chat(settings.OPENAI_CHEAPER_MODEL)


def embedding_from_settings() -> OpenAIEmbedding:
    """Build the embedding model that the settings name."""
    return OpenAIEmbedding(
        model=getattr(settings, "OPENAI_EMBEDDING_MODEL", "text-embedding-3-small"),
        dimensions=int(getattr(settings, "OPENAI_EMBEDDING_DIMENSIONS", 1536)),
        api_key=settings.OPENAI_API_KEY,
        base_url=settings.OPENAI_BASE_URL,
    )


def _chat(model: str) -> OpenAIChat:
    return OpenAIChat(model=model, api_key=settings.OPENAI_API_KEY, base_url=settings.OPENAI_BASE_URL)


async def _next_chunk(chunks: AsyncIterator[bytes], *, pace: Pace, answer: AnswerReader) -> bytes:
    """Return the next bytes, or none at the end. What goes wrong after the answer is whole is no error."""
    raised: ProviderError
    try:
        return await pace.wait(anext(chunks, b""))
    except Exception as error:  # noqa: BLE001 (see `translated`)
        if answer.finish_reason:
            return b""
        raised = our_error(error)
        if isinstance(raised, ProviderUnavailable) and answer.has_spoken:
            raised = ProviderCut("the connection was lost half way")
    raise raised


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read the end of the body, so that the connection can serve the next request."""
    with suppress(Exception):
        async with asyncio.timeout(DRAIN_S):
            await anext(chunks, b"")
