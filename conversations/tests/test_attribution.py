"""Whose words they were and in which episode: on every message of a coach, and on the notice that they joined."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from accounts.tests.cast import Cast
from conversations import handoff
from conversations.models import Conversation, Handoff, Message
from conversations.tests.factories import add, begin

pytestmark = pytest.mark.django_db(transaction=True)

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def attribution(reason: str, confidence: float | None, minutes: float) -> dict[str, object]:
    """Return what the source document asks for."""
    return {
        "is_handoff": True,
        "is_handback": False,
        "handoff_reason": reason,
        "ai_confidence_before": confidence,
        "human_duration_minutes": minutes,
    }


def speak(cast: Cast, conversation: Conversation, minutes: int) -> dict[str, object]:
    """Say something as the coach, so long after the start; return what is kept of it."""
    spoken = handoff.say_as_coach(
        coach=cast.home.coach,
        conversation_id=conversation.pk,
        client_id=uuid4(),
        text="I am here.",
        now=START + timedelta(minutes=minutes),
    )
    return dict(spoken.message.metadata)


def test_is_on_every_message_after_the_button_and_on_the_notice(cast: Cast) -> None:
    conversation = begin(cast.home.owner)
    add(conversation, "Perhaps.", retrieval={"confidence": 0.53})
    handoff.ask_for_coach(member=cast.home.owner, conversation_id=conversation.pk, now=START)
    handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=START)
    notice = Message.objects.get(metadata__kind="takeover")
    assert notice.metadata == {"kind": "takeover", **attribution("client_request", 0.53, 0.0)}
    for minutes in (3, 7):
        said = speak(cast, conversation, minutes)
        assert said == {"drafted_by_ai": False, **attribution("client_request", 0.53, float(minutes))}


def test_is_on_a_message_that_takes_over_by_itself(cast: Cast) -> None:
    conversation = begin(cast.home.owner)
    said = speak(cast, conversation, 0)
    assert said == {"drafted_by_ai": False, **attribution("coach_initiative", None, 0.0)}


def test_says_how_sure_the_ai_was_when_it_called_the_coach(cast: Cast) -> None:
    conversation = begin(cast.home.owner)
    handoff.ask_for_coach(member=cast.home.owner, conversation_id=conversation.pk, now=START)
    Handoff.objects.update(reason="low_confidence", confidence=0.11)
    add(conversation, "Meanwhile, perhaps.", retrieval={"confidence": 0.9})
    said = speak(cast, conversation, 0)
    assert said == {"drafted_by_ai": False, **attribution("low_confidence", 0.11, 0.0)}
