"""A program that reads an answer over the API as events."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.test import AsyncClient

from conversations.models import Conversation

QUESTION = "How do we begin a meeting well?"


def messages(conversation: Conversation) -> str:
    """Return the address of a conversation's messages."""
    return f"conversations/{conversation.pk}/messages"


@dataclass
class Event:
    """One event of a stream."""

    name: str
    id: str
    data: dict[str, Any]


def parse(block: str) -> Event:
    """Return the event in a block of lines."""
    fields = dict(line.split(": ", 1) for line in block.strip().splitlines())
    return Event(fields["event"], fields.get("id", ""), json.loads(fields["data"]))


class Reading:
    """A program that reads a stream of events."""

    def __init__(self, key: str) -> None:
        self.client = AsyncClient()
        self.headers = {"Authorization": f"Bearer {key}"}
        self.response: Any = None
        self.heard = asyncio.Event()

    async def ask(self, conversation: Conversation, text: str = QUESTION, **headers: str) -> None:
        """Ask, and begin to read."""
        self.response = await self.client.post(
            f"/api/v1/{messages(conversation)}",
            data=json.dumps({"content": text}),
            content_type="application/json",
            headers={**self.headers, "Accept": "text/event-stream", **headers},
        )

    async def ask_again(self, message_id: UUID | str, **headers: str) -> None:
        """Ask for another answer, and begin to read."""
        self.response = await self.client.post(
            f"/api/v1/messages/{message_id}/retry",
            data="{}",
            content_type="application/json",
            headers={**self.headers, "Accept": "text/event-stream", **headers},
        )

    async def come_back(self, message_id: UUID | str, last_event: str = "") -> None:
        """Follow an answer from the last event on."""
        headers = {**self.headers, **({"Last-Event-ID": last_event} if last_event else {})}
        self.response = await self.client.get(f"/api/v1/messages/{message_id}/events", headers=headers)

    async def events(self) -> AsyncIterator[Event]:
        """Yield the events as they arrive."""
        assert self.response["Content-Type"] == "text/event-stream; charset=utf-8"
        assert self.response["Cache-Control"] == "private, no-store"
        async for block in self.response.streaming_content:
            if block.startswith(b"event:"):
                yield parse(block.decode())

    async def read_into(self, read: list[Event]) -> None:
        """Note every event as it arrives; cancelled, as the server cancels a reader who has gone."""
        async for event in self.events():
            read.append(event)
            if event.name == "content_delta":
                self.heard.set()

    async def all(self) -> list[Event]:
        """Return every event that is left."""
        return [event async for event in self.events()]


def text_of(events: list[Event]) -> str:
    """Return the text that the deltas put together, each where the one before ended."""
    text = ""
    for event in events:
        if event.name == "content_delta":
            assert event.data["offset"] == len(text)
            text += event.data["delta"]
            assert event.id.split(":")[1] == str(len(text))
    return text
