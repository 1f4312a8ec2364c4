"""The same request many times at once has one effect and one reply."""

import json

import pytest

from accounts.tests.api_caller import Api, Reply, key_of
from accounts.tests.cast import Cast
from coaching.tests.factories import PersonaFactory
from config.tests.racing import Racers
from conversations.models import Conversation
from conversations.tests.doubles import stage
from conversations.tests.factories import begin, spoken

pytestmark = [
    pytest.mark.races,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("scripted"),
]
MODELS = "conversations.tests.doubles"
AT_ONCE = 50


def all_at_once(key: str, path: str, body: dict[str, str]) -> list[Reply]:
    """Return the replies to one request, sent by as many threads under one key."""

    def send() -> Reply:
        return Api(key)("POST", path, body, idempotency_key="one")

    with Racers(AT_ONCE) as racers:
        return racers.race(*[send] * AT_ONCE)


def different(replies: list[Reply]) -> set[str]:
    """Return the distinct replies, status and envelope."""
    return {json.dumps([each.status, each.data, each.error, each.meta], sort_keys=True) for each in replies}


def test_a_question_is_one_message_one_call_and_one_reply(cast: Cast) -> None:
    PersonaFactory.create(coach=cast.home.coach, low_confidence_below=0.0)
    conversation = begin(cast.home.owner)
    replies = all_at_once(
        key_of(cast.home.owner), f"conversations/{conversation.pk}/messages", {"content": "How do we begin?"}
    )
    assert len(different(replies)) == 1
    assert (replies[0].status, replies[0].data["content"]) == (201, "Begin with one question.")
    assert spoken(conversation) == [("client", "How do we begin?"), ("ai", "Begin with one question.")]
    assert len(stage.chat.asked) == 1


def test_a_conversation_is_begun_once(cast: Cast) -> None:
    replies = all_at_once(key_of(cast.home.owner), "conversations", {"title": "Beginning"})
    assert len(different(replies)) == 1
    assert replies[0].status == 201
    assert [row.title for row in Conversation.objects.all()] == ["Beginning"]


def test_the_same_key_of_two_people_is_two_keys(cast: Cast) -> None:
    for person in (cast.home.owner, cast.away.owner):
        reply = Api(key_of(person))("POST", "conversations", {"title": person.name}, idempotency_key="one")
        assert (reply.status, reply.data["title"]) == (201, person.name)
    assert Conversation.objects.count() == 2
