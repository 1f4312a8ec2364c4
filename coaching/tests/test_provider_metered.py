"""Every call to a provider leaves a record, and no token waits for it."""

import asyncio
import logging
from decimal import Decimal

import pytest

from coaching.providers.metered import (
    MemorySink,
    MeteredChat,
    MeteredEmbedding,
    PromptIdentity,
    RunRecord,
)
from coaching.providers.ports import ChatMessage, ChatModel, ChatRequest, ProviderCut, ProviderRefused, Usage
from coaching.providers.prices import cost_usd
from coaching.providers.scripted import Reply, ScriptedChat, ScriptedEmbedding
from coaching.providers.streams import closing

REQUEST = ChatRequest(purpose="answer", messages=(ChatMessage("user", "x" * 40),))
INPUT_TOKENS = 14  # 4 around the message, 40 characters by 4
IDENTITY = PromptIdentity(name="answer", version="1", hash="f" * 64)


class Ticking:
    """Each look at the clock finds it 10 ms later."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.01
        return self.now


def metered(inner: ChatModel, sink: MemorySink) -> MeteredChat:
    return MeteredChat(inner, sink, prompt_of=lambda purpose: IDENTITY, clock=Ticking())


async def read(model: ChatModel) -> str:
    async with closing(model.stream(REQUEST, deadline_s=5)) as pieces:
        return "".join([piece.text async for piece in pieces])


async def test_an_answer_is_recorded_with_the_providers_own_count() -> None:
    sink = MemorySink()
    model = metered(ScriptedChat("One two three", provider="openai", model="gpt-4o-mini"), sink)
    assert await read(model) == "One two three"
    assert sink.runs == [
        RunRecord(
            purpose="answer",
            provider="openai",
            model="gpt-4o-mini",
            prompt=IDENTITY,
            input_tokens=INPUT_TOKENS,
            output_tokens=3,
            estimated=False,
            cost_usd=Decimal("0.0000039"),
            latency_ms=20,
            first_token_ms=10,
            status="ok",
        )
    ]


async def test_a_stream_closed_early_is_recorded_with_the_tokens_so_far() -> None:
    sink = MemorySink()
    async with closing(metered(ScriptedChat("One two three"), sink).stream(REQUEST, deadline_s=5)) as pieces:
        await anext(pieces)
        await anext(pieces)
        assert sink.runs == []
    (run,) = sink.runs
    assert (run.status, run.estimated, run.error) == ("cancelled", True, "")
    assert (run.input_tokens, run.output_tokens) == (INPUT_TOKENS, 2)


async def test_a_cancelled_task_is_recorded_too() -> None:
    sink = MemorySink()
    reply = Reply("One two three", until=asyncio.Event(), wait_after=1)
    task = asyncio.create_task(read(metered(ScriptedChat(reply), sink)))
    await reply.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(run.status, run.output_tokens) for run in sink.runs] == [("cancelled", 1)]


async def test_an_error_is_recorded_by_its_class_without_its_text() -> None:
    sink = MemorySink()
    with pytest.raises(ProviderRefused):
        await read(metered(ScriptedChat(ProviderRefused("something private")), sink))
    (run,) = sink.runs
    assert (run.status, run.error) == ("error", "ProviderRefused")
    assert (run.input_tokens, run.output_tokens, run.first_token_ms) == (0, 0, None)
    assert "private" not in repr(run)


async def test_half_an_answer_costs_what_it_said() -> None:
    sink = MemorySink()
    with pytest.raises(ProviderCut):
        await read(metered(ScriptedChat(Reply("Half an answer", error=ProviderCut())), sink))
    (run,) = sink.runs
    assert (run.status, run.error, run.input_tokens, run.output_tokens) == (
        "error",
        "ProviderCut",
        INPUT_TOKENS,
        4,
    )


async def test_every_token_is_out_before_the_sink_is_asked() -> None:
    class SlowSink:
        def __init__(self) -> None:
            self.go = asyncio.Event()

        async def record(self, run: RunRecord) -> None:
            await self.go.wait()

    sink = SlowSink()
    model = MeteredChat(ScriptedChat("One two"), sink)
    async with closing(model.stream(REQUEST, deadline_s=5)) as pieces:
        said = [(await anext(pieces)).text for _ in range(3)]
        assert said == ["One ", "two", ""]
        sink.go.set()


async def test_a_sink_that_fails_does_not_take_the_answer_with_it(caplog: pytest.LogCaptureFixture) -> None:
    class BrokenSink:
        async def record(self, run: RunRecord) -> None:
            raise OSError("disk full")

    with caplog.at_level(logging.ERROR):
        assert await read(MeteredChat(ScriptedChat("Still here."), BrokenSink())) == "Still here."
    assert [record.message for record in caplog.records] == ["A provider call could not be recorded"]


async def test_structured_answers_and_embeddings_are_recorded() -> None:
    sink = MemorySink()
    await metered(ScriptedChat("[1, 2]"), sink).structured(REQUEST, schema=list[int], deadline_s=5)
    await MeteredEmbedding(ScriptedEmbedding(), sink).embed(["two words", "one"], deadline_s=5)
    assert [(run.purpose, run.status, run.input_tokens, run.output_tokens) for run in sink.runs] == [
        ("answer", "ok", INPUT_TOKENS, 2),
        ("embedding", "ok", 3, 0),
    ]


class TestPrices:
    def test_a_dated_snapshot_costs_what_its_model_costs(self) -> None:
        usage = Usage(input_tokens=1_000_000, output_tokens=100_000)
        assert cost_usd(provider="openai", model="gpt-4o-2024-08-06", usage=usage) == Decimal("3.50")

    @pytest.mark.parametrize(("provider", "model"), [("openai", "unheard-of"), ("extractive", "gpt-4o")])
    def test_what_has_no_price_costs_nothing(self, provider: str, model: str) -> None:
        assert cost_usd(provider=provider, model=model, usage=Usage(1000, 1000)) == 0
