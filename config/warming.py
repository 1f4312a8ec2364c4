"""Have at hand what the first question would otherwise wait for: models, connections, the look of an answer."""

import asyncio
import logging
import threading

from django.conf import settings
from django.db import Error, connection
from django.utils import timezone

from coaching.providers import registry
from config import memory
from conversations.announcing import as_event
from conversations.database import in_db
from conversations.models import Message
from conversations.presenting import Names
from conversations.turns.understand import understand
from knowledge.citations import Citation, Label

logger = logging.getLogger(__name__)

NOBODY = "00000000-0000-0000-0000-000000000000"
QUESTION = "How do we begin?"


def warm() -> None:
    """Build the models, and what a turn needs of this process."""
    registry.chat()
    asyncio.run(_prepare(understands=not settings.THINKING_PROCESS))


async def warm_thinking() -> None:
    """Build what is thought with, and what a turn needs besides."""
    await _prepare(understands=True)


async def _prepare(*, understands: bool) -> None:
    """Do once, for nobody, what each turn does; what is away now is asked again with a real one."""
    write_out()
    try:
        await asyncio.gather(
            *(in_db(connection.ensure_connection)() for _ in range(settings.DATABASE_THREADS))
        )
        if understands:
            await understand(QUESTION)
    except Error:
        logger.warning("database_not_warm")
    memory.settle()
    memory.give_back()


def write_out() -> None:
    """Write out a question and an answer with a source, which loads their templates."""
    source = Citation(
        number=1,
        marker_offset=6,
        claim=QUESTION,
        claim_offset=0,
        label=Label.VERIFIED,
        passage_id=NOBODY,
        document_id=NOBODY,
        version_id=NOBODY,
        title="Handbook",
        authors=(),
        year=None,
        chapter_title="",
        page_label="1",
        page_index=0,
        quote="Begin.",
        quote_start=0,
        quote_end=6,
    )
    question = Message(sender_type=Message.Sender.CLIENT, content=QUESTION, sequence=1)
    place = Message(sender_type=Message.Sender.AI, state=Message.State.STREAMING, sequence=2)
    answer = Message(
        sender_type=Message.Sender.AI, content="Begin [1].", citations=[source.as_dict()], sequence=2
    )
    for message in (question, place, answer):
        message.created_at = timezone.now()
        as_event(message, Names(client="Ada", persona="Sideline"))


def warm_in_background() -> None:
    """Warm up beside the start of the server, which does not wait for it."""
    threading.Thread(target=warm, name="warming", daemon=True).start()
