"""Races of doors: two clicks, and a coach who comes back just when they are given up."""

from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast
from config.tests.racing import Racers, assert_sequences_have_no_hole
from conversations import absence, handoff
from conversations.models import Conversation, Handoff, Interaction, Message
from conversations.outward import ShareLink
from conversations.tests.factories import begin
from conversations.tests.links import TOKEN, told_conversation, words

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

TRIALS = 200


def browser(member: User) -> Client:
    """Return a browser in which somebody is signed in."""
    client = Client()
    client.force_login(member)
    return client


def test_a_first_question_pressed_twice_at_once_begins_one_conversation(cast: Cast, two: Racers) -> None:
    tabs = [browser(cast.home.owner), browser(cast.home.owner)]
    for _ in range(TRIALS):
        form = {"client_id": str(uuid4()), "text": "How do we begin?"}
        ended: list[Any] = two.race(*(partial(tab.post, "/conversations/", form) for tab in tabs))
        assert [each.status_code for each in ended] == [302, 302], ended
        assert len({each.headers["Location"] for each in ended}) == 1
    assert Conversation.objects.count() == TRIALS
    assert Message.objects.filter(sender_type="client").count() == TRIALS
    assert Interaction.objects.count() == TRIALS


def test_the_button_that_makes_a_link_pressed_twice_at_once_makes_one(cast: Cast, two: Racers) -> None:
    tabs = [browser(cast.home.owner), browser(cast.home.owner)]
    for _ in range(TRIALS):
        # One of its own each time: an answer lists every link there is.
        conversation = told_conversation(cast.home.owner)
        form = {"key": str(uuid4()), "first": 1, "last": 5, "days": 7}
        path = f"/conversations/{conversation.pk}/share/make/"
        ended: list[Any] = two.race(*(partial(tab.post, path, form) for tab in tabs))
        first, second = (TOKEN.findall(words(each)) for each in ended)
        assert first == second != []
    assert ShareLink.objects.count() == TRIALS
    assert AuditEvent.objects.filter(action="share.made").count() == TRIALS


class TestACoachWhoIsGivenUp:
    def test_and_speaks_at_that_moment_has_the_conversation_or_takes_it_again(
        self, cast: Cast, two: Racers
    ) -> None:
        ends: Counter[str] = Counter()
        for _ in range(TRIALS):
            long_ago = timezone.now() - timedelta(hours=1)
            conversation = begin(cast.home.owner)
            handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=long_ago)
            said, given_back = two.race(
                partial(
                    handoff.say_as_coach,
                    coach=cast.home.coach,
                    conversation_id=conversation.pk,
                    client_id=uuid4(),
                    text="I am back.",
                    now=timezone.now(),
                ),
                partial(absence.give_back, now=timezone.now()),
                apart=True,
            )
            assert isinstance(said, handoff.Spoken), said
            conversation.refresh_from_db()
            # Whoever came first, the coach has it: still, or by the message that took it over again.
            assert (conversation.owner_state, conversation.holder_id) == ("coach", cast.home.coach.pk)
            episodes = Handoff.objects.filter(conversation=conversation)
            assert episodes.filter(state="taken").count() == 1
            assert episodes.count() == 1 + len(given_back)
            assert conversation.epoch == 1 + 2 * len(given_back)
            ends["given back" if given_back else "kept"] += 1
        assert_sequences_have_no_hole()
        assert set(ends) == {"given back", "kept"}

    def test_by_two_sweeps_at_once_is_given_up_once(self, cast: Cast, two: Racers) -> None:
        for _ in range(TRIALS):
            conversation = begin(cast.home.owner)
            long_ago = timezone.now() - timedelta(hours=1)
            handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=long_ago)
            sweep = partial(absence.give_back, now=timezone.now())
            ended = two.race(sweep, sweep)
            assert sorted(ended, key=len) == [[], [conversation.pk]]
        assert Message.objects.filter(metadata__cause="absent").count() == TRIALS
