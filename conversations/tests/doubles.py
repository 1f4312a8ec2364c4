"""The scripted model that the settings of a test name, exchanged for each test."""

from typing_extensions import override

from coaching.providers.ports import ChatRequest, Schema, Structured
from coaching.providers.scripted import ScriptedChat, ScriptedEmbedding

DOUBLES = "conversations.tests.doubles"
"""Where the settings of a test find them."""

_embedding = ScriptedEmbedding()
_priced_embedding = ScriptedEmbedding()
_priced_embedding.provider, _priced_embedding.model = "openai", "text-embedding-3-small"


class Stage:
    """Holds the script of the running test."""

    def __init__(self) -> None:
        self.chat = ScriptedChat()


stage = Stage()


class StagedChat(ScriptedChat):
    """Passes every call on to the script of the running test."""

    def __init__(self, **named: str) -> None:
        super().__init__(**named)
        self.stream = lambda request, *, deadline_s: stage.chat.stream(request, deadline_s=deadline_s)  # type: ignore[method-assign]

    @override
    async def structured(
        self, request: ChatRequest, *, schema: type[Schema], deadline_s: float
    ) -> Structured[Schema]:
        """Read the next reply on the stage as JSON of `schema`."""
        return await stage.chat.structured(request, schema=schema, deadline_s=deadline_s)


def chat() -> StagedChat:
    """Return the model that `CHAT_MODEL` names."""
    return StagedChat()


def priced_chat() -> StagedChat:
    """Return the same under the name of a model that costs something."""
    return StagedChat(provider="openai", model="gpt-4o")


def embeddings() -> ScriptedEmbedding:
    """Return the model that `EMBEDDING_MODEL` names."""
    return _embedding


def priced_embeddings() -> ScriptedEmbedding:
    """Return the same under the name of a model that costs something."""
    return _priced_embedding
