"""What tests of share links stand on: a conversation worth sharing, and the browser of a stranger."""

import re
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.models import User
from conversations import sharing
from conversations.models import Conversation
from conversations.tests.factories import add, begin, citation

TOKEN = re.compile(r"/s/([A-Za-z0-9_-]{43})/")


def told_conversation(owner: User) -> Conversation:
    """Return Ada's conversation: two questions, two cited answers, and a notice in between."""
    conversation = begin(owner, visibility="private")
    add(conversation, "How often do we review norms?", by="client", sender=owner)
    add(conversation, "Every six weeks [1].", citations=[citation()])
    add(conversation, "SECRET-NOTICE", by="system", metadata={"kind": "crisis", "help_lines": []})
    add(conversation, "And who leads?", by="client", sender=owner)
    add(conversation, "The team lead [2].", citations=[citation(2, title="The agenda")])
    return conversation


def make(owner: User, conversation: Conversation, **values: Any) -> str:
    """Make a link and return its token."""
    return sharing.make(
        member=owner, conversation_id=conversation.pk, **{"now": timezone.now(), **values}
    ).token


def holder() -> Client:
    """Return the browser of somebody who has never been here."""
    return Client()


def words(response: Any) -> str:
    """Return a page as text."""
    return str(response.content.decode())


def fragment(response: Any) -> str:
    """Return what is shown of the conversation, without the page around it."""
    found = re.search(r'<div class="shared" data-shared>.*?\n</div>\n', words(response), flags=re.DOTALL)
    assert found is not None
    return found.group()


def seen(token: str) -> Any:
    """Open a link as somebody who has never been here."""
    return holder().get(f"/s/{token}/")
