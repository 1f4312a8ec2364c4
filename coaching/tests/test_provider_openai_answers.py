"""The OpenAI adapter's structured answers and vectors, against a server that misbehaves on purpose."""

from collections.abc import AsyncGenerator
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from coaching.providers.json_schema import strict_schema
from coaching.providers.openai_adapter import OpenAIChat, OpenAIEmbedding
from coaching.providers.pace import Deadlines
from coaching.providers.ports import (
    ChatMessage,
    ChatRequest,
    ProviderBusy,
    ProviderError,
    ProviderGarbled,
    ProviderTimeout,
    ProviderUnavailable,
    Usage,
)
from coaching.providers.windows import batches, windows
from coaching.tests.loopback import Fault, Loopback, Script

KEY = "sk-canary-4f1d"
REQUEST = ChatRequest(purpose="answer", messages=(ChatMessage("user", "How often do teams meet?"),))
IMPATIENT = {Fault.nothing: Deadlines(first_token_s=1.0), Fault.stall: Deadlines(idle_s=1.0)}


@pytest.fixture
async def server() -> AsyncGenerator[Loopback, None]:
    async with Loopback(script=Script(tokens=8)).running() as running:
        yield running


def chat(server: Loopback, deadlines: Deadlines | None = None) -> OpenAIChat:
    return OpenAIChat(model="loopback", api_key=KEY, base_url=server.base_url, deadlines=deadlines)


class Level(BaseModel):
    name: str
    default: int = 3


class Verdict(BaseModel):
    """What we ask for."""

    title: str
    level: Level
    tags: list[str] = []
    note: str | None = None


class TestStructured:
    async def test_a_garbled_answer_is_repaired_once(self, server: Loopback) -> None:
        server.replies.extend(['{"title": "x"}', '{"title": "x", "level": {"name": "n", "default": 1}}'])
        answer = await chat(server).structured(REQUEST, schema=Verdict, deadline_s=5)
        assert answer.value == Verdict(title="x", level=Level(name="n", default=1))
        assert answer.usage.output_tokens == 2 + 7
        first, second = server.bodies
        assert second["messages"][: len(first["messages"])] == first["messages"]
        assert second["messages"][-2] == {"role": "assistant", "content": '{"title": "x"}'}
        assert "- level: Field required" in second["messages"][-1]["content"]

    async def test_twice_garbled_is_the_end(self, server: Loopback) -> None:
        server.replies.extend(["no", "no", '{"title": "late", "level": {"name": "n"}}'])
        with pytest.raises(ProviderGarbled):
            await chat(server).structured(REQUEST, schema=Verdict, deadline_s=5)
        assert server.seen.calls == 2

    async def test_a_repair_that_fails_is_garbled_and_not_asked_again(self, server: Loopback) -> None:
        server.replies.append("no")
        server.faults.extend([None, Fault.busy])
        with pytest.raises(ProviderGarbled):
            await chat(server).structured(REQUEST, schema=Verdict, deadline_s=5)
        assert server.seen.calls == 2

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Fault.busy, ProviderBusy),
            (Fault.garbage, ProviderGarbled),
            (Fault.reset, ProviderUnavailable),
            (Fault.nothing, ProviderTimeout),
        ],
    )
    async def test_faults(self, server: Loopback, fault: Fault, error: type[ProviderError]) -> None:
        server.always = fault
        deadline_s = 1 if fault is Fault.nothing else 5
        with pytest.raises(error) as caught:
            await chat(server).structured(REQUEST, schema=Verdict, deadline_s=deadline_s)
        assert type(caught.value) is error
        assert server.seen.calls == 1

    def test_the_schema_is_closed_and_complete(self) -> None:
        schema: dict[str, Any] = strict_schema(Verdict)
        assert schema["required"] == ["title", "level", "tags", "note"]
        assert schema["additionalProperties"] is False
        assert schema["properties"]["level"] == {"$ref": "#/$defs/Level"}
        assert schema["$defs"]["Level"]["required"] == ["name", "default"]
        assert schema["properties"]["tags"] == {"title": "Tags", "type": "array", "items": {"type": "string"}}


class TestEmbedding:
    def model(self, server: Loopback, dimensions: int = 384) -> OpenAIEmbedding:
        return OpenAIEmbedding(model="loopback", dimensions=dimensions, api_key=KEY, base_url=server.base_url)

    async def test_vectors_come_as_base64_or_as_lists(self, server: Loopback) -> None:
        texts = ["student work", "a meeting"]
        compact = await self.model(server).embed(texts, deadline_s=5)
        server.script.base64_vectors = False
        lists = await self.model(server).embed(texts, deadline_s=5)
        np.testing.assert_allclose(compact.vectors, lists.vectors, atol=1e-6)
        assert compact.usage == Usage(input_tokens=4)

    async def test_a_long_text_goes_in_windows(self, server: Loopback) -> None:
        await self.model(server).embed(["word " * 4000], deadline_s=5)
        (body,) = server.bodies
        assert [len(text) for text in body["input"]] == [8000, 8000, 4000]

    async def test_vectors_of_another_length_are_garbled(self, server: Loopback) -> None:
        with pytest.raises(ProviderGarbled, match="1536"):
            await self.model(server, dimensions=1536).embed(["x"], deadline_s=5)

    @pytest.mark.parametrize(
        ("fault", "error"),
        [(Fault.busy, ProviderBusy), (Fault.garbage, ProviderGarbled), (Fault.nothing, ProviderTimeout)],
    )
    async def test_faults(self, server: Loopback, fault: Fault, error: type[ProviderError]) -> None:
        server.always = fault
        with pytest.raises(error):
            await self.model(server).embed(["x"], deadline_s=1 if fault is Fault.nothing else 5)

    def test_windows_keep_every_character(self) -> None:
        text = "ünïcödé 🙂 " * 3000 + "x" * 20_000
        pieces = windows(text)
        assert "".join(pieces) == text
        assert max(len(piece.encode()) for piece in pieces) <= 8000

    def test_batches_keep_the_order_and_both_limits(self) -> None:
        texts = ["a" * 10, "b" * 10, "c" * 25, "d"]
        assert list(batches(texts, most_texts=2, most_bytes=25)) == [texts[:2], texts[2:3], texts[3:]]
