"""The models of this installation, chosen by dotted paths in the settings.

`CHAT_MODEL`, `CHAT_FALLBACK_MODEL` and `EMBEDDING_MODEL` name functions that build an adapter. Empty,
they mean: OpenAI or a compatible provider where `OPENAI_API_KEY` is set, else the embedded defaults.
Nothing is built, and no network touched, before the first call.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from coaching.providers.breaker import Breakers
from coaching.providers.measures import Counted
from coaching.providers.metered import MeteredChat, MeteredEmbedding, MeterSink, PromptOf
from coaching.providers.ports import ChatModel, EmbeddingModel
from coaching.providers.resilient import Leg, ResilientChat, ResilientEmbedding

OPENAI_CHAT = "coaching.providers.openai_adapter.from_settings"
OPENAI_CHEAPER_CHAT = "coaching.providers.openai_adapter.cheaper_from_settings"
EXTRACTIVE_CHAT = "coaching.providers.extractive.from_settings"
MINILM_EMBEDDING = "coaching.providers.minilm.from_settings"
PROMPT_OF = "coaching.prompts.library.identify"
PLATFORM_KEY = "platform"

RELEVANT_SETTINGS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_CHAT_MODEL", "OPENAI_CHEAPER_MODEL")


def chat(sink: MeterSink | None = None) -> ChatModel:
    """Return the model that answers, with retries, breaker and fallback; each call is told to `sink`."""
    return guarded(chat_chain(), sink=sink)


def chat_chain() -> tuple[ChatModel, ...]:
    """Return the bare adapters in the order in which they are asked."""
    return tuple(cast(ChatModel, _built(path, _settings_now())) for path in _chat_paths())


def decider(sink: MeterSink | None = None) -> ChatModel | None:
    """Return the cheaper model of the chain for a small decision; None where there is only one that quotes.

    It has a breaker of its own: a decision is given little time, and one that came too late says nothing about answers.
    """
    path = _chat_paths()[-1]
    if path == EXTRACTIVE_CHAT:
        return None
    model = cast(ChatModel, _built(path, _settings_now()))
    return guarded((model,), key_owner=f"{PLATFORM_KEY}, decisions", sink=sink)


def embeddings(sink: MeterSink | None = None) -> EmbeddingModel:
    """Return the embedding model, with retries and breaker; each call is told to `sink`."""
    path = _setting("EMBEDDING_MODEL") or MINILM_EMBEDDING
    model = cast(EmbeddingModel, _built(path, _settings_now()))
    breaker = _breakers().of(provider=model.provider, model=model.model, key_owner=PLATFORM_KEY)
    return ResilientEmbedding(Leg(model=MeteredEmbedding(model, Counted(sink)), breaker=breaker))


def guarded(
    models: Sequence[ChatModel], *, key_owner: str = PLATFORM_KEY, sink: MeterSink | None = None
) -> ChatModel:
    """Put metering, breaker, retries and fallback around `models`, which share the key of `key_owner`."""
    legs: list[Leg[ChatModel]] = [
        Leg(
            model=MeteredChat(model, Counted(sink), prompt_of=_prompt_of()),
            breaker=_breakers().of(provider=model.provider, model=model.model, key_owner=key_owner),
        )
        for model in models
    ]
    return ResilientChat(legs)


def forget() -> None:
    """Forget every adapter built and every breaker's past, so that a test starts afresh."""
    _built.cache_clear()
    _breakers.cache_clear()


def _chat_paths() -> tuple[str, ...]:
    first = _setting("CHAT_MODEL")
    fallback = _setting("CHAT_FALLBACK_MODEL")
    if not first and _setting("OPENAI_API_KEY"):
        first = OPENAI_CHAT
        cheaper = _setting("OPENAI_CHEAPER_MODEL")
        if not fallback and cheaper and cheaper != _setting("OPENAI_CHAT_MODEL"):
            fallback = OPENAI_CHEAPER_CHAT
    return tuple(path for path in (first or EXTRACTIVE_CHAT, fallback) if path)


@lru_cache(maxsize=8)
def _built(path: str, _settings: tuple[str, ...]) -> object:
    """Build once per process and per value of the settings that the adapters read."""
    return import_string(path)()


def _settings_now() -> tuple[str, ...]:
    return tuple(_setting(name) for name in RELEVANT_SETTINGS)


def _setting(name: str) -> str:
    return str(getattr(settings, name, "") or "")


@cache
def _breakers() -> Breakers:
    return Breakers()


@cache
def _prompt_of() -> PromptOf:
    """The prompts live on the floor above the providers; the path points up where an import may not."""
    return cast(PromptOf, import_string(_setting("PROMPT_OF") or PROMPT_OF))
