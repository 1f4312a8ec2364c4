"""The floor of a chat process: Channels, one websocket, the model server's stream read with aiohttp, and nothing of a product.

No sign-in, no database, no retrieval, no citations: what is left is what any Channels chat pays on this machine. It is
served by the same server as the product and driven by the same clients (`benchmarks.chat`).
"""

import asyncio
import os
import time
from typing import Any

import aiohttp
import django
import orjson
from django.conf import settings

settings.configure(INSTALLED_APPS=["channels"], SECRET_KEY="bare", ALLOWED_HOSTS=["*"])
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

JOIN_SECONDS = 0.04
_http: list[aiohttp.ClientSession] = []


def http() -> aiohttp.ClientSession:
    """Return the one session of this process."""
    if not _http:
        _http.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
    return _http[0]


class BareChat(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Passes a question on and streams the answer back in joined pieces."""

    async def connect(self) -> None:
        """Let everybody in."""
        await self.accept()
        await self._tell({"type": "ready"})

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer in a task of its own."""
        frame = orjson.loads(text_data or "{}")
        self.answering = asyncio.create_task(self._answer(frame["text"]))

    async def _answer(self, text: str) -> None:
        body = {"model": "bare", "stream": True, "messages": [{"role": "user", "content": text}]}
        said: list[str] = []
        told = float("-inf")
        async with http().post(f"{os.environ['OPENAI_BASE_URL']}/chat/completions", json=body) as response:
            async for line in response.content:
                if not line.startswith(b"data: {"):
                    continue
                choices = orjson.loads(line[6:])["choices"]
                said += [choice["delta"].get("content") or "" for choice in choices]
                if said and time.monotonic() - told >= JOIN_SECONDS:
                    told = time.monotonic()
                    await self._tell({"type": "delta", "message": "1", "text": "".join(said)})
                    said.clear()
        await self._tell({"type": "delta", "message": "1", "text": "".join(said)})
        ended = {"type": "message", "sender_type": "ai", "state": "complete", "message": "1"}
        await self._tell(ended)

    async def _tell(self, event: dict[str, Any]) -> None:
        await self.send(text_data=orjson.dumps(event).decode())


application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter([path("ws/conversations/<uuid:conversation_id>/", BareChat.as_asgi())]),
    }
)
