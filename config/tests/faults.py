"""What tests of faults stand on: real processes, a model server that does what a test says, tabs, and a sweep."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts.models import User
from accounts.tests.cast import House, build_cast
from accounts.tests.waiting import eventually
from coaching.models import Persona
from coaching.tests.loopback import HOST, Fault, Loopback, Script
from config.celery import app
from config.embedded_redis import Redis
from config.ports import free_port
from config.tests.socket_client import Tab, session_of, tab
from config.tests.stack import Stack, running_stack
from conversations import organizing
from conversations.models import Conversation, Interaction, Message
from conversations.tasks import sweep_turns

REPLY = "Begin with **one** question 👩‍🏫 that everybody answers <aloud> & in turn.\n\nשלום, then write it."  # noqa: RUF001 -- Hebrew

BETWEEN_SWEEPS_S = 0.3
"""A sweep takes about so long; more of them would only queue up before the worker."""


@dataclass(frozen=True, slots=True)
class Chat:
    """The hands of a test: processes, people, and where the processes look for their model."""

    stack: Stack
    house: House
    away: House
    redis: Redis
    model_port: int

    @asynccontextmanager
    async def model(
        self, script: Script | None = None, faults: Iterable[Fault | None] = ()
    ) -> AsyncIterator[Loopback]:
        """Run the model server."""
        model = Loopback(script=script or Script(reply=REPLY))
        model.faults.extend(faults)
        async with model.running(self.model_port):
            yield model

    def begin(self) -> Conversation:
        """Begin a conversation of the owner."""
        return organizing.begin(member=self.house.owner, now=timezone.now())

    async def conversation(self) -> Conversation:
        """Begin a conversation of the owner, from a coroutine."""
        return await sync_to_async(self.begin)()

    def tab(
        self, conversation_id: UUID, person: User | None = None, **options: Any
    ) -> AbstractAsyncContextManager[Tab]:
        """Open a tab of the owner, or of somebody else."""
        return tab(self.stack, person or self.house.owner, conversation_id, **options)

    async def sweep(self) -> None:
        """Let the leases of all turns run out and the worker look for them now, not when beat says so."""
        ago = timezone.now() - timedelta(minutes=1)
        # One by one: a statement over many turns could wait for a process that waits for it.
        async for turn in Interaction.objects.exclude(lease_until=None).only("pk"):
            await Interaction.objects.filter(pk=turn.pk).exclude(lease_until=None).aupdate(lease_until=ago)
        await sync_to_async(self.sweep_now)()

    def sweep_now(self) -> None:
        """Let the worker look for turns without a process."""
        with app.connection_for_write(self.stack.environment["REDIS_URL"]) as connection:
            task: Any = sweep_turns
            task.apply_async(connection=connection, queue="default")

    async def settled(self) -> None:
        """Wait until every turn has ended, letting the worker look for lost ones again and again."""

        async def have_ended() -> bool:
            if not await Interaction.objects.filter(state__in=["waiting", "running"]).aexists():
                return True
            await self.sweep()
            return False

        await eventually(have_ended, "the end of every turn", pause_s=BETWEEN_SWEEPS_S)

    async def post(self, conversation_id: UUID, text: str) -> int:
        """Send a message as a page without scripts does, and return the status of the answer."""
        form = {"text": text, "client_id": str(uuid4())}
        return await press(self.stack, self.house.owner, f"/conversations/{conversation_id}/say/", form)

    async def replies(self, conversation_id: UUID) -> list[tuple[str, str]]:
        """Return state and text of every AI message, in order."""
        found = Message.objects.filter(conversation_id=conversation_id, sender_type="ai").order_by("sequence")
        return [row async for row in found.values_list("state", "content")]


async def press(stack: Stack, person: User, address: str, form: Mapping[str, str]) -> int:
    """Send a form to a process as a page without scripts does, and return the status of the answer."""
    return (await answer_to(stack, person, address, form)).status


async def answer_to(stack: Stack, person: User, address: str, form: Mapping[str, str]) -> HTTPResponse:
    """Send a form to a process as a page without scripts does, and return the answer."""
    session, token = await session_of(person), "a" * 32
    body = urlencode({**form, "csrfmiddlewaretoken": token})
    headers = {
        "Cookie": f"sessionid={session}; csrftoken={token}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": stack.url,
    }

    def ask() -> HTTPResponse:
        connection = HTTPConnection(HOST, stack.port, timeout=30)
        connection.request("POST", address, body, headers)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response

    return await asyncio.to_thread(ask)


@pytest.fixture(scope="session")
def faults_processes(
    database_url: str, redis_server: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stack, int]]:
    """Run a web process and a worker once, which look for their model on a port that a test may serve."""
    folder = tmp_path_factory.mktemp("faults")
    redis_server.start(redis_server.port)
    port = free_port()
    extra = {
        "CHAT_MODEL": "coaching.providers.openai_adapter.from_settings",
        "OPENAI_BASE_URL": f"http://{HOST}:{port}/v1",
    }
    with running_stack(
        database_url=database_url,
        redis_url=redis_server.url,
        media=folder / "media",
        logs=folder / "logs",
        extra=extra,
    ) as stack:
        yield stack, port


@pytest.fixture
def chat(
    transactional_db: None,
    redis_server: Redis,
    faults_processes: tuple[Stack, int],
) -> Chat:
    """Return a test's hands; whatever an earlier test killed runs again."""
    stack, port = faults_processes
    redis_server.start(redis_server.port)
    stack.ensure_running()
    cast = build_cast()
    Persona.objects.create(coach=cast.home.coach, name="Ben's companion", low_confidence_below=0.0)
    return Chat(stack, cast.home, cast.away, redis_server, port)
