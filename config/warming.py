"""Load what the first question would otherwise wait for: the embedding model and the provider's client."""

import asyncio
import logging
import threading

from coaching.providers import registry
from coaching.providers.ports import ProviderError

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 60.0


def warm() -> None:
    """Build the models and embed one word; a provider that is away now is asked again with a question."""
    registry.chat()
    try:
        asyncio.run(_embed_one_word())
    except ProviderError:
        logger.warning("embedding_not_warm")


async def _embed_one_word() -> None:
    await registry.embeddings().embed(["ready"], deadline_s=PATIENCE_SECONDS)


def warm_in_background() -> None:
    """Warm up beside the start of the server, which does not wait for it."""
    threading.Thread(target=warm, name="warming", daemon=True).start()
