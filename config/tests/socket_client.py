"""A browser tab for tests without a browser: it speaks the socket's protocol and puts text together."""

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID, uuid4

from asgiref.sync import sync_to_async
from django.test import Client
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from accounts.models import User
from config.tests.stack import Stack

PATIENCE_SECONDS = 30.0
_PLAIN = re.compile(r'<[a-z]+ class="plain"[^>]*>(.*?)</[a-z]+>', re.DOTALL)

T = TypeVar("T")
Frame = dict[str, Any]


@sync_to_async
def session_of(person: User) -> str:
    """Sign a person in and return the key of the session."""
    client = Client()
    client.force_login(person)
    return str(client.cookies["sessionid"].value)


@dataclass(slots=True)
class Shown:
    """A message as this tab shows it; `text` is what its deltas, or the text so far in it, make."""

    sequence: int
    sender: str
    state: str
    length: int
    html: str
    text: str = ""


@dataclass
class Tab:
    """One browser tab in one conversation. `shown` outlives a cut, as a page does."""

    stack: Stack
    conversation_id: UUID
    session: str
    origin: str | None = ""
    """From which page: this site's own where empty, and no header at all where None."""
    shown: dict[str, Shown] = field(default_factory=dict)
    heard: list[Frame] = field(default_factory=list)
    gaps: int = 0
    _socket: ClientConnection | None = None
    _reader: asyncio.Task[None] | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def socket(self) -> ClientConnection:
        """The open connection."""
        assert self._socket is not None
        return self._socket

    async def open(self) -> Frame:
        """Connect, say what this tab has, and return the server's `ready`."""
        self._socket = await connect(
            f"{self.stack.websocket_url}/ws/conversations/{self.conversation_id}/",
            additional_headers={"Cookie": f"sessionid={self.session}"},
            origin=self.stack.url if self.origin == "" else self.origin,  # type: ignore[arg-type]
            compression=None,
            proxy=None,
            open_timeout=PATIENCE_SECONDS,
        )
        before = len(self.heard)
        self._reader = asyncio.create_task(self._read(self._socket))
        ready = await self.hears("ready", after=before)
        await self.greet()
        return ready

    async def greet(self) -> None:
        """Ask for what is missing; the answer ends with a `state`."""
        writing = next(((key, one) for key, one in self.shown.items() if one.state == "streaming"), None)
        have = max((one.sequence for one in self.shown.values()), default=0)
        hello: Frame = {"type": "hello", "sequence": have}
        if writing:
            hello |= {"sequence": writing[1].sequence, "message": writing[0], "offset": len(writing[1].text)}
        await self.send(hello)

    async def send(self, frame: Frame | str) -> None:
        """Send a frame."""
        await self.socket.send(frame if isinstance(frame, str) else json.dumps(frame, ensure_ascii=False))

    async def say(self, text: str, client_id: UUID | None = None) -> UUID:
        """Send a message and return its key; `acknowledged` waits for the commit."""
        key = client_id or uuid4()
        await self.send({"type": "say", "client_id": str(key), "text": text})
        return key

    async def acknowledged(self, key: UUID) -> Frame:
        """Return the acknowledgement of a message."""
        return await self.hears("ack", lambda frame: frame["client_id"] == str(key))

    async def refused(self) -> Frame:
        """Return the next refusal that was not yet asked for."""
        frame = await self.hears("refused")
        self.heard.remove(frame)
        return frame

    async def hears(
        self, kind: str, so: Callable[[Frame], bool] = lambda _frame: True, *, after: int = 0
    ) -> Frame:
        """Return the first frame of a kind that is so, among those heard and those to come."""
        return await self.until(
            lambda: next((f for f in self.heard[after:] if f["type"] == kind and so(f)), None), f"{kind}"
        )

    async def hears_many(self, kind: str, count: int) -> list[Frame]:
        """Return the first `count` frames of a kind, once so many have come."""

        def heard() -> list[Frame] | None:
            found = [frame for frame in self.heard if frame["type"] == kind]
            return found[:count] if len(found) >= count else None

        return await self.until(heard, f"{count} of {kind}")

    async def answer(self, state: str = "", *, number: int = -1) -> Shown:
        """Return the AI's message with this number in the conversation, the last one, in an ended `state`."""

        def settled() -> Shown | None:
            replies = sorted(
                (one for one in self.shown.values() if one.sender == "ai"), key=lambda one: one.sequence
            )
            last = replies[number] if -len(replies) <= number < len(replies) else None
            ended = last is not None and (last.state == state if state else last.state != "streaming")
            return last if ended else None

        return await self.until(settled, f"an answer that is {state or 'settled'}")

    async def writing(self, letters: int = 1) -> Shown:
        """Return the message that is being written, once it has this many characters."""
        return await self.until(
            lambda: next(
                (s for s in self.shown.values() if s.state == "streaming" and len(s.text) >= letters), None
            ),
            "text that is being written",
        )

    async def until(self, found: Callable[[], T | None], what: str) -> T:
        """Wait until something is there, looking again at each frame."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while (result := found()) is None:
                    if self._reader is not None and self._reader.done():
                        raise AssertionError(f"closed with {self.socket.close_code} before {what}")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"never came: {what}; heard {[f['type'] for f in self.heard]}") from None
        return result

    async def closed(self) -> int | None:
        """Return the code with which the server closes the socket."""
        assert self._reader is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._reader
        return self.socket.close_code

    def cut(self) -> None:
        """Lose the connection as a train in a tunnel does, without a word."""
        self.socket.transport.abort()
        if self._reader is not None:
            self._reader.cancel()

    async def close(self) -> None:
        """Close the tab."""
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await asyncio.wait([self._reader])

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for data in socket:
                frame = json.loads(data)
                self.heard.append(frame)
                await self._take(frame)
                self._news.set()
        except ConnectionClosed:
            pass
        finally:
            self._news.set()

    async def _take(self, frame: Frame) -> None:
        if frame["type"] == "message":
            self._place(frame)
        elif frame["type"] == "delta":
            await self._append(frame)

    def _place(self, frame: Frame) -> None:
        """Put a message in the place of its earlier form; text that is further than its own stays."""
        before = self.shown.get(frame["message"])
        found = _PLAIN.search(frame["html"])
        so_far = html.unescape(found.group(1)) if found and frame["state"] == "streaming" else ""
        text = max(before.text if before else "", so_far, key=len)
        self.shown[frame["message"]] = Shown(
            frame["sequence"], frame["sender_type"], frame["state"], frame["length"], frame["html"], text
        )

    async def _append(self, frame: Frame) -> None:
        """Add text that fits; text beyond a gap is asked for anew."""
        shown = self.shown.get(frame["message"])
        if shown is None or frame["offset"] > len(shown.text):
            self.gaps += 1
            await self.greet()
            return
        overlap = len(shown.text) - frame["offset"]
        assert shown.text[frame["offset"] :].startswith(frame["text"][:overlap]), "the text has changed"
        shown.text += frame["text"][overlap:]


@asynccontextmanager
async def tab(stack: Stack, person: User, conversation_id: UUID, **options: Any) -> AsyncIterator[Tab]:
    """Open a tab of a person, and close it afterwards."""
    opened = Tab(stack, conversation_id, await session_of(person), **options)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()
