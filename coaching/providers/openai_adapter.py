"""Models of OpenAI, and of every provider that speaks its protocol, through the SDK of OpenAI.

The only module that imports the SDK. Of it we take the request, the connections and the errors; the
stream is read as bytes, because an SDK object per token costs several times what the rest of a turn does.
Retries and timeouts of the SDK are off: ours decide.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, aclosing
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2
import numpy as np
import openai
import openai.resources.embeddings  # the SDK would import it inside the first turn
import orjson
from django.conf import settings
from numpy.typing import NDArray
from openai import AsyncOpenAI, DefaultAioHttpClient
from pydantic import ValidationError
from typing_extensions import override

from coaching.providers.json_schema import adapter_of, problems, strict_schema
from coaching.providers.openai_protocol import (
    AnswerReader,
    read_finish_reason,
    read_json,
    read_usage,
    read_vector,
    repair,
    status_error,
)
from coaching.providers.pace import Deadlines, Pace
from coaching.providers.per_loop import PerLoop
from coaching.providers.ports import (
    ChatMessage,
    ChatRequest,
    Embedded,
    Piece,
    ProviderCut,
    ProviderError,
    ProviderGarbled,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
    Schema,
    Structured,
    Usage,
)
from coaching.providers.windows import batches, windows

OFFICIAL_BASE_URL = "https://api.openai.com/v1"
OFFICIAL_HOST = "api.openai.com"
DRAIN_S = 0.1

Result = TypeVar("Result")


class _Account:
    """A base URL with a key: the connections that go with them, and nothing that prints the key."""

    def __init__(self, *, api_key: str, base_url: str, deadlines: Deadlines) -> None:
        self.base_url = base_url or OFFICIAL_BASE_URL
        self.is_official = urlsplit(self.base_url).hostname == OFFICIAL_HOST
        self.deadlines = deadlines
        self._clients = _clients(self.base_url, _Secret(api_key), deadlines.connect_s)

    @property
    def provider(self) -> str:
        """Who is asked, as prices and breakers know them."""
        return "openai" if self.is_official else f"compatible:{urlsplit(self.base_url).hostname or ''}"[:40]

    async def client(self) -> AsyncOpenAI:
        """Return the SDK's client of the running loop."""
        return await self._clients.get()


class _Secret:
    """A key that is compared by its hash and prints as nothing."""

    def __init__(self, value: str) -> None:
        self.value = value
        self._digest = hashlib.sha256(value.encode()).digest()

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Secret) and other._digest == self._digest

    @override
    def __hash__(self) -> int:
        return hash(self._digest)

    @override
    def __repr__(self) -> str:
        return "<key>"


@lru_cache(maxsize=256)
def _clients(base_url: str, key: _Secret, connect_s: float) -> PerLoop[AsyncOpenAI]:
    def make() -> AsyncOpenAI:
        timeout = openai.Timeout(None, connect=connect_s)
        return AsyncOpenAI(
            api_key=key.value or "none",  # compatible servers without keys; the SDK insists on one
            base_url=base_url,
            max_retries=0,
            timeout=timeout,
            http_client=DefaultAioHttpClient(timeout=timeout, follow_redirects=False),
        )

    return PerLoop(make, AsyncOpenAI.close)


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
        self._account = _Account(api_key=api_key, base_url=base_url, deadlines=deadlines or Deadlines())
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
            chunks = await self._open(request, pace=pace, stack=stack)
            while not answer.ended and (chunk := await _next_chunk(chunks, pace=pace, answer=answer)):
                text = answer.feed(chunk)
                if text:
                    pace.spoke()
                    yield Piece(text=text)
                if answer.trouble:
                    raise answer.trouble
                if answer.finish_reason:
                    pace.finished()
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

    async def _open(self, request: ChatRequest, *, pace: Pace, stack: AsyncExitStack) -> AsyncIterator[bytes]:
        """Send the request, without asking for token counts where the server does not know that."""
        try:
            return await self._enter(request, pace=pace, stack=stack)
        except _UnknownOption:
            self._counts_on_request = False
        return await self._enter(request, pace=pace, stack=stack)

    async def _enter(
        self, request: ChatRequest, *, pace: Pace, stack: AsyncExitStack
    ) -> AsyncIterator[bytes]:
        options = {"stream_options": {"include_usage": True}} if self._counts_on_request else {}
        opening = self._post(request.messages, request.max_output_tokens, stream=True, **options)
        response = await _translated(opening, due=pace.due(), may_drop=bool(options))
        stack.push_async_callback(response.aclose)
        return await stack.enter_async_context(aclosing(response.aiter_bytes()))

    async def _whole(
        self, messages: Sequence[ChatMessage], request: ChatRequest, *, schema: type[Any], ends_at: float
    ) -> tuple[str, Usage]:
        form = {"name": "answer", "strict": True, "schema": strict_schema(schema)}
        response = await _translated(
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
        """Send the request as it is: the SDK's walk through the types of one costs as much as sending it."""
        limit = "max_completion_tokens" if self._account.is_official else "max_tokens"
        written = [{"role": message.role, "content": message.content} for message in messages]
        body = {"model": self.model, "messages": written, limit: max_output_tokens, **more}
        if stream:
            body["stream"] = True
        client: Any = await self._account.client()  # its overloads know of streams of objects only
        answer: httpx2.Response = await client.post(
            "/chat/completions", cast_to=httpx2.Response, content=orjson.dumps(body), stream=stream
        )
        return answer


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
        self._account = _Account(api_key=api_key, base_url=base_url, deadlines=deadlines or Deadlines())

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
        client = await self._account.client()
        size: dict[str, Any] = (
            {"dimensions": self.dimensions} if self.model.startswith("text-embedding-3") else {}
        )
        response = await _translated(
            client.embeddings.with_raw_response.create(
                model=self.model, input=texts, encoding_format="base64", **size
            ),
            due=ends_at,
        )
        body = read_json(response.content)
        try:
            by_index = {item["index"]: read_vector(item["embedding"]) for item in body["data"]}
            vectors = [by_index[index] for index in range(len(texts))]
            usage = read_usage(body.get("usage") or {})
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


class _UnknownOption(Exception):
    """A compatible server does not know `stream_options`."""


async def _translated(call: Awaitable[Result], *, due: float, may_drop: bool = False) -> Result:
    """Await `call` until `due` and turn whatever the SDK and its transport raise into our errors.

    The new error is raised outside the handler: it carries neither cause nor context, in which a
    request with its key could hide.
    """
    raised: Exception
    try:
        async with asyncio.timeout_at(due):
            return await call
    except Exception as error:  # noqa: BLE001 (the transports raise more kinds than the SDK admits to)
        raised = _UnknownOption() if may_drop and _names_the_option(error) else _our_error(error)
    raise raised


def _names_the_option(error: Exception) -> bool:
    refused = isinstance(error, openai.BadRequestError | openai.UnprocessableEntityError)
    return refused and "stream_options" in str(error)


def _our_error(error: Exception) -> ProviderError:
    if isinstance(error, ProviderError):
        return error
    if isinstance(error, openai.APIStatusError):
        return status_error(error.status_code, body=error.body, headers=error.response.headers)
    if isinstance(error, openai.APIResponseValidationError):
        return ProviderGarbled("a body that is not of the protocol")
    if _ran_out_of_time(error):
        return ProviderTimeout("nothing came in time")
    if isinstance(error, UnicodeError | TypeError):
        return ProviderRefused("the request could not be written")
    return ProviderUnavailable("the connection failed")


def _ran_out_of_time(error: BaseException | None) -> bool:
    """Look for the timeout itself: the SDK's transport calls a refused or reset connection one too."""
    while error is not None:
        if isinstance(error, TimeoutError):
            return True
        error = error.__cause__ or error.__context__
    return False


async def _next_chunk(chunks: AsyncIterator[bytes], *, pace: Pace, answer: AnswerReader) -> bytes:
    """Return the next bytes, or none at the end. What goes wrong after the answer is whole is no error."""
    raised: ProviderError
    try:
        return await pace.wait(anext(chunks, b""))
    except Exception as error:  # noqa: BLE001 (see `_translated`)
        if answer.finish_reason:
            return b""
        raised = _our_error(error)
        if isinstance(raised, ProviderUnavailable) and answer.has_spoken:
            raised = ProviderCut("the connection was lost half way")
    raise raised


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read the end of the body, so that the connection can serve the next request."""
    try:
        await _translated(anext(chunks, b""), due=asyncio.get_running_loop().time() + DRAIN_S)
    except ProviderError:
        return
