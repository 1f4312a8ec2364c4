"""What tests of several floors stand on: processes with a talking model, a small library, runners of a race."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import DEFAULT_DB_ALIAS, connections
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from accounts.models import User
from accounts.tests.cast import House, build_cast
from coaching.models import Persona
from config.embedded_redis import Redis
from config.tests.one_connection import Here
from config.tests.racing import Racers
from config.tests.stack import Stack, running_stack
from config.tests.talking import GATE
from conversations import database, organizing
from conversations.models import Conversation
from knowledge.models import Document, DocumentVersion, Passage

CHAPTERS = {
    "Beginning a team": "Choose one question that matters to all of you and decide it together at the start. "
    "A team begins well when everybody can say what it is for.",
    "Norms that hold": "Agree on norms that you can see in a meeting. A team that writes its norms down returns to "
    "them when it gets hard. Start each meeting by reading them aloud.",
    "Looking at student work": "Look at real student work, not only at results. Start with what you see before you "
    "say what it means.",
    "How to close a meeting": "Start the last five minutes with the decisions. Say who does what, and by when.",
}


@dataclass
class Talk:
    """A browser test's hands: people, their conversations, windows and the gate of the talking model."""

    stack: Stack
    browser: Browser
    house: House
    gate: Path
    complaints: list[str] = field(default_factory=list)

    def open_gate(self) -> None:
        """Let the model go on."""
        self.gate.touch()

    def window(self, person: User, **options: Any) -> Page:
        """Return a page of a browser in which a person is signed in; what it complains of is kept."""
        context = self.browser.new_context(
            **{
                "viewport": {"width": 1280, "height": 800},
                "locale": "en-GB",
                "timezone_id": "UTC",
                "reduced_motion": "reduce",
                "base_url": self.stack.url,
                **options,
            }
        )
        self.sign_in(context, person)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._note)
        return page

    def _note(self, said: ConsoleMessage) -> None:
        """Keep what a page complains of."""
        if said.type == "error":
            self.complaints.append(said.text)

    def sign_in(self, context: BrowserContext, person: User) -> None:
        """Give a browser the session of a person."""
        client = Client()
        client.force_login(person)
        session = client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": self.stack.url}])

    def conversation(self, **options: Any) -> Conversation:
        """Begin a conversation of the owner."""
        return organizing.begin(member=self.house.owner, now=timezone.now(), **options)

    def chat(self, conversation_id: UUID | None = None, **options: Any) -> Page:
        """Return the owner's page of a conversation, connected."""
        page = self.window(self.house.owner, **options)
        page.goto(f"/conversations/{conversation_id or self.conversation().pk}/")
        return page

    def as_coach(self, conversation_id: UUID, act: str, **form: str) -> None:
        """Do something as the coach over HTTP, as the console's forms do."""
        context = self.browser.new_context(base_url=self.stack.url)
        self.sign_in(context, self.house.coach)
        token = "a" * 32
        context.add_cookies([{"name": "csrftoken", "value": token, "url": self.stack.url}])
        answer = context.request.post(
            f"/admin/queue/{conversation_id}/{act}/",
            form={"csrfmiddlewaretoken": token, **form},
            headers={"Referer": self.stack.url},
            max_redirects=0,
        )
        assert answer.status == 302, answer.status
        context.close()


@pytest.fixture(scope="session")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file that lets the talking model go on."""
    return tmp_path_factory.mktemp("talking") / "gate"


@pytest.fixture(scope="session")
def chat_stack(
    database_url: str, redis_server: Redis, gate: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Run the processes once for all tests; tables are emptied between the tests."""
    folder = tmp_path_factory.mktemp("chat")
    redis_server.start(redis_server.port)
    extra = {"CHAT_MODEL": "config.tests.talking.from_settings", GATE: str(gate)}
    with running_stack(
        database_url=database_url,
        redis_url=redis_server.url,
        media=folder / "media",
        logs=folder / "logs",
        extra=extra,
    ) as stack:
        yield stack


@pytest.fixture
def talk(
    transactional_db: None, redis_server: Redis, chat_stack: Stack, browser: Browser, gate: Path
) -> Iterator[Talk]:
    """Return the hands of a browser test; afterwards its windows are closed."""
    gate.unlink(missing_ok=True)
    redis_server.start(redis_server.port)
    chat_stack.ensure_running()
    house = build_cast().home
    Persona.objects.create(coach=house.coach, name="Ben's companion", low_confidence_below=0.0)
    add_library(house)
    yield Talk(chat_stack, browser, house, gate)
    gate.touch()
    for context in browser.contexts:
        context.close()


def add_library(house: House) -> None:
    """Give an organization a book with one passage a chapter."""
    shared = {"organization": house.organization, "coach": None}
    document = Document.objects.create(
        **shared, title="The Team Handbook", authors=["R. Moss"], year=2024, created_at=timezone.now()
    )
    version = DocumentVersion.objects.create(
        **shared,
        document=document,
        filename="handbook.pdf",
        file="handbook.pdf",
        sha256="0" * 64,
        size=1,
        file_format="pdf",
        state=DocumentVersion.State.READY,
        live=True,
        page_count=len(CHAPTERS),
    )
    Passage.objects.bulk_create(
        Passage(
            **shared,
            version=version,
            ordinal=number,
            live=True,
            chapter_number=number + 1,
            chapter_title=title,
            heading_path=title,
            page_index=number,
            page_label=str(number + 1),
            start=number * 1000,
            end=number * 1000 + len(text),
            text=text,
            token_count=40,
            domains=["collaboration"],
        )
        for number, (title, text) in enumerate(CHAPTERS.items())
    )


@pytest.fixture
def two() -> Iterator[Racers]:
    """Return a pair of runners."""
    with Racers(2) as racers:
        yield racers


@pytest.fixture
def one_connection(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have requests use the test's own connection only, and leave it open.

    Slices for asynchronous code have threads with connections of their own otherwise, which do not see what the
    test has not committed; and some doors close the connection before they wait for something slow.
    """
    shared = connections[DEFAULT_DB_ALIAS]
    shared.inc_thread_sharing()
    monkeypatch.setattr(database, "_threads", Here(shared))
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    for name in ("close", "close_if_unusable_or_obsolete"):
        monkeypatch.setattr(shared, name, lambda: None)
    yield
    shared.dec_thread_sharing()
