"""Fixtures of conversations, registered by the root conftest for every app."""

from collections.abc import Iterator
from typing import Any

import pytest

from accounts import quotas
from accounts.models import User
from accounts.tests.api_caller import Api, as_program
from accounts.tests.cast import Cast
from coaching.providers import registry
from coaching.providers.scripted import ScriptedChat
from coaching.tests.factories import PersonaFactory
from conversations import tasks
from conversations.database import close_threads
from conversations.models import Conversation
from conversations.tests.doubles import DOUBLES, stage
from conversations.tests.factories import begin


@pytest.fixture
def conversation(cast: Cast) -> Conversation:
    """Return a conversation of the owner, whose coach is never called for low confidence."""
    PersonaFactory.create(coach=cast.home.coach, low_confidence_below=0.0)
    return begin(cast.home.owner)


@pytest.fixture
def ada(owner: User) -> Api:
    """Return a program with Ada's key."""
    return as_program(owner)


@pytest.fixture
def threads() -> Iterator[None]:
    """Close the threads in which asynchronous code has used the database."""
    yield
    close_threads()


@pytest.fixture
def scripted(settings: Any, threads: None) -> Iterator[None]:
    """Let a script answer: one sentence, unless the test puts another script on the stage."""
    settings.CHAT_MODEL = f"{DOUBLES}.chat"
    settings.EMBEDDING_MODEL = f"{DOUBLES}.embeddings"
    stage.chat = ScriptedChat(otherwise="Begin with one question.")
    # A provider that has failed in other tests may be left alone for a while.
    registry.forget()
    yield
    registry.forget()


@pytest.fixture
def five_an_hour(settings: Any, redis_url: str, scripted: None) -> None:
    """Let everybody ask the script five times an hour; the buckets are in a real Redis, empty."""
    settings.QUOTAS_URL = redis_url
    rates = {"requests": "100/hour", "ai_turns": "5/hour", "exports": "10/day"}
    settings.QUOTAS = dict.fromkeys(("educator", "coach", "admin"), rates)
    quotas.forget()


@pytest.fixture
def nudged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the exports that a worker was told of; the test does its work itself."""
    told: list[str] = []
    monkeypatch.setattr(tasks.make_export, "delay_on_commit", lambda *, export_id: told.append(export_id))
    return told
