"""What every adapter and every wrapper around one promises. Add a case for each new one.

A case is a context that yields the model. Those in `CHATS` can answer any question about `SOURCES`;
those in `STRUCTURED_CHATS` can also answer as JSON. `EMBEDDINGS` turn any texts into unit vectors.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager

import numpy as np
import pytest
from pydantic import BaseModel

from coaching.providers.breaker import CircuitBreaker
from coaching.providers.extractive import Extractive
from coaching.providers.metered import MemorySink, MeteredChat, MeteredEmbedding
from coaching.providers.minilm import from_settings as embedded_embeddings
from coaching.providers.openai_adapter import OpenAIChat, OpenAIEmbedding
from coaching.providers.ports import (
    ChatMessage,
    ChatModel,
    ChatRequest,
    EmbeddingModel,
    Piece,
    ProviderError,
    ProviderGarbled,
    SourceText,
)
from coaching.providers.resilient import Leg, ResilientChat, ResilientEmbedding
from coaching.providers.scripted import ScriptedChat, ScriptedEmbedding
from coaching.providers.streams import closing
from coaching.tests.loopback import Loopback, Script

ChatCase = Callable[[], AbstractAsyncContextManager[ChatModel]]
EmbeddingCase = Callable[[], AbstractAsyncContextManager[EmbeddingModel]]

ANSWER = "Teams meet every week and look at student work together [1]. What would yours look at first?"
SOURCES = (
    SourceText(
        number=1, title="Handbook", text="Teams meet every week. They look at student work.", score=0.9
    ),
    SourceText(number=2, title="Handbook", text="The agenda is sent out two days before.", score=0.4),
)
REQUEST = ChatRequest(
    purpose="answer",
    messages=(ChatMessage("system", "Be brief."), ChatMessage("user", "How often do teams meet?")),
    question="How often do teams meet?",
    sources=SOURCES,
)


class Verdict(BaseModel):
    """A small structured answer."""

    title: str
    score: int


VERDICT = '{"title": "Weekly", "score": 7}'


@asynccontextmanager
async def scripted_chat() -> AsyncGenerator[ChatModel, None]:
    yield ScriptedChat(otherwise=ANSWER)


@asynccontextmanager
async def openai_chat() -> AsyncGenerator[ChatModel, None]:
    async with Loopback(script=Script(reply=ANSWER)).running() as server:
        yield OpenAIChat(model="loopback", api_key="sk-test", base_url=server.base_url)


@asynccontextmanager
async def metered_chat() -> AsyncGenerator[ChatModel, None]:
    async with scripted_chat() as model:
        yield MeteredChat(model, MemorySink())


@asynccontextmanager
async def resilient_chat() -> AsyncGenerator[ChatModel, None]:
    async with openai_chat() as model:
        yield ResilientChat([Leg(model=MeteredChat(model, MemorySink()), breaker=CircuitBreaker())])


@asynccontextmanager
async def extractive_chat() -> AsyncGenerator[ChatModel, None]:
    yield Extractive(embedded_embeddings())


CHATS: list[ChatCase] = [scripted_chat, openai_chat, extractive_chat, metered_chat, resilient_chat]


@asynccontextmanager
async def scripted_structured(*replies: str) -> AsyncGenerator[ChatModel, None]:
    yield ScriptedChat(*replies)


@asynccontextmanager
async def openai_structured(*replies: str) -> AsyncGenerator[ChatModel, None]:
    async with Loopback().running() as server:
        server.replies.extend(replies)
        yield OpenAIChat(model="loopback", api_key="sk-test", base_url=server.base_url)


@asynccontextmanager
async def resilient_structured(*replies: str) -> AsyncGenerator[ChatModel, None]:
    async with openai_structured(*replies) as model:
        yield ResilientChat([Leg(model=MeteredChat(model, MemorySink()), breaker=CircuitBreaker())])


STRUCTURED_CHATS: list[Callable[..., AbstractAsyncContextManager[ChatModel]]] = [
    scripted_structured,
    openai_structured,
    resilient_structured,
]


@asynccontextmanager
async def scripted_embedding() -> AsyncGenerator[EmbeddingModel, None]:
    yield ScriptedEmbedding()


@asynccontextmanager
async def openai_embedding() -> AsyncGenerator[EmbeddingModel, None]:
    async with Loopback().running() as server:
        yield OpenAIEmbedding(model="loopback", dimensions=384, api_key="sk-test", base_url=server.base_url)


@asynccontextmanager
async def wrapped_embedding() -> AsyncGenerator[EmbeddingModel, None]:
    metered = MeteredEmbedding(ScriptedEmbedding(), MemorySink())
    yield ResilientEmbedding(Leg(model=metered, breaker=CircuitBreaker()))


@asynccontextmanager
async def minilm_embedding() -> AsyncGenerator[EmbeddingModel, None]:
    yield embedded_embeddings()


EMBEDDINGS: list[EmbeddingCase] = [scripted_embedding, openai_embedding, minilm_embedding, wrapped_embedding]


def name_of(case: Callable[..., object]) -> str:
    return case.__name__


async def pieces_of(model: ChatModel, *, deadline_s: float = 10) -> list[Piece]:
    async with closing(model.stream(REQUEST, deadline_s=deadline_s)) as pieces:
        return [piece async for piece in pieces]


@pytest.mark.parametrize("case", CHATS, ids=name_of)
class TestChat:
    async def test_it_has_a_provider_and_a_model_id(self, case: ChatCase) -> None:
        async with case() as model:
            assert 0 < len(model.provider) <= 40
            assert 0 < len(model.model) <= 120

    async def test_only_the_last_piece_carries_counts_and_the_reason(self, case: ChatCase) -> None:
        async with case() as model:
            *others, last = await pieces_of(model)
        assert "".join(piece.text for piece in others).strip() != ""
        assert [piece for piece in others if piece.usage or piece.finish_reason or not piece.text] == []
        assert last.finish_reason == "stop"
        assert last.usage is not None
        assert last.usage.output_tokens > 0

    async def test_it_answers_again(self, case: ChatCase) -> None:
        async with case() as model:
            first, second = await pieces_of(model), await pieces_of(model)
        assert "".join(piece.text for piece in first) == "".join(piece.text for piece in second)

    async def test_a_stream_can_be_closed_after_any_piece(self, case: ChatCase) -> None:
        async with case() as model:
            for read in range(3):
                async with closing(model.stream(REQUEST, deadline_s=10)) as pieces:
                    for _ in range(read):
                        await anext(pieces)
            assert "".join(piece.text for piece in await pieces_of(model)) != ""

    async def test_no_time_left_is_an_error_of_ours(self, case: ChatCase) -> None:
        async with case() as model:
            with pytest.raises(ProviderError):
                await pieces_of(model, deadline_s=0)

    async def test_its_stream_is_one_that_closes(self, case: ChatCase) -> None:
        async with case() as model:
            stream = model.stream(REQUEST, deadline_s=10)
            assert isinstance(stream, AsyncGenerator)
            async with aclosing(stream):
                pass


@pytest.mark.parametrize("case", STRUCTURED_CHATS, ids=name_of)
class TestStructured:
    async def test_an_answer_is_an_instance_of_the_schema(
        self, case: Callable[..., AbstractAsyncContextManager[ChatModel]]
    ) -> None:
        async with case(VERDICT) as model:
            answer = await model.structured(REQUEST, schema=Verdict, deadline_s=10)
        assert answer.value == Verdict(title="Weekly", score=7)
        assert answer.usage.output_tokens > 0

    @pytest.mark.parametrize(
        "garbled", ["", "no JSON", '{"title": 1}', '{"title": "x", "score": "high"}', "[]"]
    )
    async def test_one_that_never_fits_is_garbled(
        self, case: Callable[..., AbstractAsyncContextManager[ChatModel]], garbled: str
    ) -> None:
        async with case(garbled, garbled) as model:
            with pytest.raises(ProviderGarbled):
                await model.structured(REQUEST, schema=Verdict, deadline_s=10)


@pytest.mark.parametrize("case", EMBEDDINGS, ids=name_of)
class TestEmbedding:
    async def test_vectors_are_units_one_a_text_in_order(self, case: EmbeddingCase) -> None:
        texts = ["student work", "a parents' evening", "", "ünïcödé 🙂"]
        async with case() as model:
            together = await model.embed(texts, deadline_s=30)
            alone = await model.embed(["a parents' evening"], deadline_s=30)
        assert together.vectors.shape == (4, model.dimensions)
        assert together.vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(together.vectors, axis=1), 1, atol=1e-5)
        assert float(together.vectors[1] @ alone.vectors[0]) > 0.99

    async def test_no_texts_are_no_vectors(self, case: EmbeddingCase) -> None:
        async with case() as model:
            embedded = await model.embed([], deadline_s=30)
        assert embedded.vectors.shape == (0, model.dimensions)

    async def test_the_end_of_a_long_text_counts(self, case: EmbeddingCase) -> None:
        beginning = "The timetable of the school day. " * 400
        async with case() as model:
            vectors = (await model.embed([beginning, beginning + "volcano " * 3000], deadline_s=60)).vectors
        assert float(vectors[0] @ vectors[1]) < 0.98
