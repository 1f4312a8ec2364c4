"""Load what the first question would otherwise wait for: the embedding model and the provider's client."""

import asyncio
import logging
import threading

from django.db import DatabaseError

from coaching.providers import registry
from config import memory
from conversations.turns.understand import understand

logger = logging.getLogger(__name__)


def warm() -> None:
    """Build the models and understand one question; what is away now is asked again with a real one."""
    registry.chat()
    try:
        asyncio.run(_understand_once())
    except DatabaseError:
        logger.warning("routing_not_warm")
    memory.give_back()


async def _understand_once() -> None:
    await understand("How do we begin?")


def warm_in_background() -> None:
    """Warm up beside the start of the server, which does not wait for it."""
    threading.Thread(target=warm, name="warming", daemon=True).start()
