"""Load what the first question would otherwise wait for: the embedding model and the provider's client."""

import asyncio
import logging
import threading

from django.conf import settings
from django.db import DatabaseError

from coaching.providers import registry
from config import memory
from conversations.turns.understand import understand

logger = logging.getLogger(__name__)


def warm() -> None:
    """Build the models, and understand one question where that is done in this process."""
    registry.chat()
    if not settings.THINKING_PROCESS:
        asyncio.run(warm_thinking())
    memory.give_back()


async def warm_thinking() -> None:
    """Understand one question; what is away now is asked again with a real one."""
    try:
        await understand("How do we begin?")
    except DatabaseError:
        logger.warning("routing_not_warm")
    memory.give_back()


def warm_in_background() -> None:
    """Warm up beside the start of the server, which does not wait for it."""
    threading.Thread(target=warm, name="warming", daemon=True).start()
