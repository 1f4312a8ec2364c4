"""Which adapter answers is a matter of settings."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from coaching.providers import registry
from coaching.providers.metered import MemorySink
from coaching.providers.ports import ChatMessage, ChatModel, ChatRequest, ProviderBusy, ProviderUnavailable
from coaching.providers.scripted import ScriptedChat
from coaching.providers.streams import closing

SCRIPTED = "coaching.providers.scripted.from_settings"
SCRIPTED_EMBEDDING = "coaching.providers.scripted.embedding_from_settings"
REQUEST = ChatRequest(purpose="answer", messages=(ChatMessage("user", "Hello"),))


@pytest.fixture(autouse=True)
def afresh(settings: Settings) -> Iterator[None]:
    settings.CHAT_MODEL = SCRIPTED
    settings.CHAT_FALLBACK_MODEL = ""
    settings.EMBEDDING_MODEL = SCRIPTED_EMBEDDING
    settings.OPENAI_API_KEY = ""
    registry.forget()
    yield
    registry.forget()


def scripted(model: ChatModel) -> ScriptedChat:
    assert isinstance(model, ScriptedChat)
    return model


async def read(model: ChatModel) -> str:
    async with closing(model.stream(REQUEST, deadline_s=5)) as pieces:
        return "".join([piece.text async for piece in pieces])


async def test_the_named_model_answers() -> None:
    assert await read(registry.chat()) == "A scripted answer [1]."


def test_an_adapter_is_built_once() -> None:
    assert registry.chat_chain()[0] is registry.chat_chain()[0]


@pytest.mark.parametrize(
    ("key", "cheaper", "paths"),
    [
        ("", "", ["extractive.from_settings"]),
        ("sk-1", "", ["openai_adapter.from_settings"]),
        ("sk-1", "big", ["openai_adapter.from_settings"]),
        ("sk-1", "small", ["openai_adapter.from_settings", "openai_adapter.cheaper_from_settings"]),
    ],
)
def test_without_a_named_model_the_key_decides(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, key: str, cheaper: str, paths: list[str]
) -> None:
    settings.CHAT_MODEL = ""
    settings.OPENAI_API_KEY = key
    settings.OPENAI_CHAT_MODEL = "big"
    settings.OPENAI_CHEAPER_MODEL = cheaper
    monkeypatch.setattr(registry, "import_string", lambda path: lambda: path)
    assert [str(model) for model in registry.chat_chain()] == [f"coaching.providers.{path}" for path in paths]


def test_a_changed_key_builds_another(settings: Settings) -> None:
    before = registry.chat_chain()[0]
    settings.OPENAI_API_KEY = "sk-other"
    assert registry.chat_chain()[0] is not before


async def test_the_fallback_answers_when_the_first_cannot() -> None:
    main = scripted(registry.chat_chain()[0])
    cheaper = ScriptedChat("From the fallback.")
    main.replies = [ProviderBusy(retry_after_s=60)]
    assert await read(registry.guarded([main, cheaper])) == "From the fallback."


async def test_each_call_is_told_to_the_sink_with_its_prompt() -> None:
    sink = MemorySink()
    scripted(registry.chat_chain()[0]).replies = [ProviderBusy(retry_after_s=0)]
    await read(registry.chat(sink))
    assert [(run.status, run.error, run.prompt.name) for run in sink.runs] == [
        ("error", "ProviderBusy", "answer"),
        ("ok", "", "answer"),
    ]
    assert len(sink.runs[0].prompt.hash) == 64


async def test_embeddings_are_told_too() -> None:
    sink = MemorySink()
    model = registry.embeddings(sink)
    assert (model.provider, model.model, model.dimensions) == ("scripted", "scripted-embedding", 384)
    embedded = await model.embed(["one", "two"], deadline_s=5)
    assert embedded.vectors.shape == (2, 384)
    assert [run.purpose for run in sink.runs] == ["embedding"]


async def test_a_breaker_outlives_the_wrappers_and_belongs_to_the_key_owner() -> None:
    model = registry.chat_chain()[0]
    scripted(model).replies = [ProviderBusy(retry_after_s=60) for _ in range(5)]
    for _ in range(5):
        with pytest.raises(ProviderBusy):
            await read(registry.guarded([model], key_owner="ada"))
    asked = len(scripted(model).asked)
    with pytest.raises(ProviderUnavailable):
        await read(registry.guarded([model], key_owner="ada"))
    assert len(scripted(model).asked) == asked
    assert await read(registry.guarded([model], key_owner="ben")) == "A scripted answer [1]."
