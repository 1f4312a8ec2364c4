"""Messages over the API: asked and waited for, read along as events, resumed, and answered once for each key."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from accounts import people
from accounts.models import User
from accounts.tests.api_caller import Api, as_program, key_of
from accounts.tests.cast import Cast
from coaching.providers.ports import ProviderUnavailable
from coaching.providers.scripted import Reply, ScriptedChat
from coaching.tests.factories import PersonaFactory
from conversations import following, live
from conversations.database import close_threads
from conversations.models import Conversation, Interaction, Message
from conversations.tests.doubles import stage
from conversations.tests.factories import begin, spoken
from conversations.turns.run import turns

pytestmark = pytest.mark.django_db(transaction=True)
PATHS = "conversations.tests.doubles"
QUESTION = "How do we begin a meeting well?"


@pytest.fixture(autouse=True)
def _scripted(settings: Any) -> Iterator[None]:
    settings.CHAT_MODEL = f"{PATHS}.chat"
    settings.EMBEDDING_MODEL = f"{PATHS}.embeddings"
    stage.chat = ScriptedChat("Begin with one question.")
    yield
    close_threads()


@pytest.fixture
def conversation(cast: Cast) -> Conversation:
    """Return a conversation of the owner, whose coach is never called for low confidence."""
    PersonaFactory.create(coach=cast.home.coach, low_confidence_below=0.0)
    return begin(cast.home.owner)


@pytest.fixture
def ada(owner: User) -> Api:
    """Return a program with Ada's key."""
    return as_program(owner)


def messages(conversation: Conversation) -> str:
    """Return the address of a conversation's messages."""
    return f"conversations/{conversation.pk}/messages"


class TestAskedAndWaitedFor:
    def test_is_answered_with_the_whole_answer(self, ada: Api, conversation: Conversation) -> None:
        reply = ada("POST", messages(conversation), {"content": QUESTION})
        assert (reply.status, reply.data["role"], reply.data["state"]) == (201, "assistant", "complete")
        assert reply.data["content"] == "Begin with one question."
        assert spoken(conversation) == [("client", QUESTION), ("ai", "Begin with one question.")]
        question = Message.objects.get(conversation=conversation, sequence=1)
        assert reply.meta["in_reply_to"] == str(question.pk)
