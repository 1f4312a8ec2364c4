"""What stands in square brackets: a marker where the AI wrote it, the words of a person everywhere else."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.tests.cast import Cast
from conversations import exports_markdown, handoff
from conversations.announcing import as_event, load_with_names
from conversations.models import Conversation, Message
from conversations.tests.factories import add, begin, citation
from conversations.tests.links import make, seen, words

pytestmark = pytest.mark.django_db(transaction=True)

SAID = "As we agreed [2]: read `rows[0]`, then list[1]."


@pytest.fixture
def conversation(cast: Cast) -> Conversation:
    """Return a conversation in which the AI has cited and the coach has numbered something."""
    conversation = begin(cast.home.owner)
    add(conversation, "Every six weeks [1], says the book [7].", citations=[citation()])
    handoff.say_as_coach(
        coach=cast.home.coach,
        conversation_id=conversation.pk,
        client_id=uuid4(),
        text=SAID,
        now=timezone.now(),
    )
    return conversation


def page(member: User, address: str) -> str:
    """Return a page as a member sees it."""
    client = Client()
    client.force_login(member)
    response: Any = client.get(address)
    return str(response.content.decode())


SHOWN = "As we agreed [2]: read <code>rows[0]</code>, then list[1]."
CITED = 'data-citation="1"'


def test_a_coachs_brackets_stay_on_the_page_and_in_the_console(
    cast: Cast, conversation: Conversation
) -> None:
    for member, address in (
        (cast.home.owner, f"/conversations/{conversation.pk}/"),
        (cast.home.coach, f"/admin/queue/{conversation.pk}/"),
    ):
        shown = page(member, address)
        assert SHOWN in shown
        assert CITED in shown
        assert "says the book ." in shown


def test_a_coachs_brackets_stay_in_what_a_socket_is_sent(conversation: Conversation) -> None:
    _, names = load_with_names(conversation.pk)
    said = Message.objects.select_related("sender").get(sender_type="human_coach")
    assert SHOWN in as_event(said, names).html


def test_a_coachs_brackets_stay_in_what_is_shared(cast: Cast, conversation: Conversation) -> None:
    shared = words(seen(make(cast.home.owner, conversation)))
    assert SHOWN in shared
    assert "says the book ." in shared


def test_a_coachs_brackets_stay_in_the_file(conversation: Conversation) -> None:
    text = "".join(exports_markdown.written(conversation.pk))
    assert SAID in text
    assert "Every six weeks [^1], says the book ." in text


def test_a_coachs_link_is_a_link(cast: Cast, conversation: Conversation) -> None:
    add(conversation, "See [3](https://norms.example).", by="human_coach", sender=cast.home.coach)
    shown = page(cast.home.owner, f"/conversations/{conversation.pk}/")
    assert '<a href="https://norms.example" rel="noopener noreferrer nofollow">3</a>' in shown
