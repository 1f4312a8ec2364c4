"""PostgreSQL stopped as by a power cut while people talk: what was acknowledged is there, and the talk goes on."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection, connections
from pytest_django import DjangoDbBlocker
from websockets.exceptions import ConnectionClosed

from accounts.tests.cast import build_cast
from coaching.models import Persona
from coaching.tests.loopback import HOST, Script
from config.embedded_postgres import Postgres
from config.embedded_redis import Redis
from config.ports import free_port
from config.tests.databases import fresh_database
from config.tests.faults import REPLY, Chat
from config.tests.socket_client import Tab
from config.tests.stack import running_stack
from conversations.models import Conversation, Interaction, Message
from conversations.tests.factories import sequences

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
QUESTION = "How do we begin a team meeting well?"
LONG = " ".join([REPLY] * 4)
TALKERS = 6
MESSAGES = 6


@pytest.fixture(scope="module")
def own_postgres(
    tmp_path_factory: pytest.TempPathFactory, database_url: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[Postgres, str]]:
    """Run a PostgreSQL of this module's own, to which Django is connected meanwhile; others go on with theirs."""
    server = Postgres(tmp_path_factory.mktemp("own"), expendable=True)
    before = dict(settings.DATABASES["default"])
    server.start()
    try:
        with django_db_blocker.unblock():
            with fresh_database(server.url(), root=ROOT, name="suite_own") as url:
                yield server, url
            connections.close_all()
    finally:
        settings.DATABASES["default"].update(before)
        connections["default"].settings_dict.update(before)
        server.stop(immediately=True)


@pytest.fixture
def own_chat(
    own_postgres: tuple[Postgres, str], redis_url: str, redis_server: Redis, tmp_path: Path
) -> Iterator[tuple[Chat, Postgres]]:
    """Return the hands of a test over that server."""
    server, url = own_postgres
    port = free_port()
    with connection.cursor() as cursor:
        cursor.execute("SELECT suite_reset()")
    cast = build_cast()
    Persona.objects.create(coach=cast.home.coach, name="Ben's companion", low_confidence_below=0.0)
    extra = {
        "CHAT_MODEL": "coaching.providers.openai_adapter.from_settings",
        "OPENAI_BASE_URL": f"http://{HOST}:{port}/v1",
    }
    with running_stack(
        database_url=url, redis_url=redis_url, media=tmp_path / "media", logs=tmp_path / "logs", extra=extra
    ) as stack:
        connection.close()
        yield Chat(stack, cast.home, cast.away, redis_server, port), server


async def in_django(work: Callable[[], Any]) -> Any:
    """Do something in the database of this test, on a connection of its own."""

    def do() -> Any:
        connections.close_all()
        try:
            return work()
        finally:
            connections.close_all()

    return await sync_to_async(do)()


@dataclass
class Outage:
    """The course of a test: enough was said, the database is back, and what was acknowledged."""

    chat: Chat
    warm: asyncio.Event = field(default_factory=asyncio.Event)
    back: asyncio.Event = field(default_factory=asyncio.Event)
    acknowledged: list[str] = field(default_factory=list)

    async def talk(self, conversation: Conversation) -> None:
        """Say what there is to say, half of it before the database is back."""
        async with self.chat.tab(conversation.pk) as page:
            for turn in range(MESSAGES):
                await self._say(page, f"{QUESTION} ({turn})")
                if len(self.acknowledged) >= TALKERS * 2:
                    self.warm.set()
                if turn == MESSAGES // 2:
                    await self.back.wait()

    async def _say(self, page: Tab, text: str) -> None:
        """Send as a browser does: the same key until it is acknowledged, over as many sockets as that takes."""
        key = uuid4()
        while True:
            try:
                await page.say(text, key)
                await page.acknowledged(key)
            except (AssertionError, ConnectionClosed):
                await self.back.wait()
                await page.open()
            else:
                self.acknowledged.append(str(key))
                return


def assert_nothing_was_lost(acknowledged: list[str], conversations: list[Conversation]) -> None:
    """Every acknowledged message is there once and was answered once, whole or as far as it was shown."""
    said = Message.objects.filter(sender_type="client").values_list("client_id", flat=True)
    assert sorted(map(str, said)) == sorted(acknowledged)
    for conversation in conversations:
        numbers = sequences(conversation)
        assert numbers == list(range(1, len(numbers) + 1))
    answers = list(Message.objects.filter(sender_type="ai").values_list("state", "content"))
    assert len(answers) == len(acknowledged)
    assert {state for state, _ in answers} <= {"complete", "failed"}
    assert all(text == LONG if state == "complete" else LONG.startswith(text) for state, text in answers)
    assert not Interaction.objects.filter(state__in=["waiting", "running"]).exists()


async def test_a_restart_while_people_talk_loses_nothing_acknowledged(
    own_chat: tuple[Chat, Postgres],
) -> None:
    chat, postgres = own_chat
    outage = Outage(chat)
    conversations = [await in_django(chat.begin) for _ in range(TALKERS)]
    async with chat.model(Script(reply=LONG, gap_s=0.01)):
        talking = asyncio.gather(*(outage.talk(conversation) for conversation in conversations))
        async with asyncio.timeout(60):
            await outage.warm.wait()
        await asyncio.to_thread(postgres.stop, immediately=True)
        await asyncio.to_thread(postgres.start, postgres.port)
        outage.back.set()
        await talking
        await in_django(lambda: None)
        await chat.settled()
    assert len(outage.acknowledged) == TALKERS * MESSAGES
    await in_django(partial(assert_nothing_was_lost, outage.acknowledged, conversations))


async def test_a_restart_in_the_middle_of_an_answer_does_not_end_it(own_chat: tuple[Chat, Postgres]) -> None:
    chat, postgres = own_chat
    conversation = await in_django(chat.begin)
    async with chat.model(Script(reply=LONG, gap_s=0.05)) as model, chat.tab(conversation.pk) as page:
        await page.acknowledged(await page.say(QUESTION))
        await page.writing(20)
        await asyncio.to_thread(postgres.stop, immediately=True)
        # Long enough for the text to be kept twice, which fails.
        await page.writing(len(LONG) - 60)
        await asyncio.to_thread(postgres.start, postgres.port)
        assert (await page.answer("complete")).text == LONG
        assert model.seen.calls == 1
    await in_django(lambda: None)
    assert await chat.replies(conversation.pk) == [("complete", LONG)]
    await in_django(lambda: None)
