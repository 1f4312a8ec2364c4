"""A coach who no longer coaches somebody: what that takes away, and what it leaves."""

import pytest
from django.utils import timezone

from accounts.access import NotVisible
from accounts.models import TeamMembership, User
from accounts.tests.cast import House
from conversations import access, handoff, queries, waiting
from conversations.models import Conversation
from conversations.tests.factories import begin

pytestmark = pytest.mark.django_db


def leave_team(member: User) -> None:
    """Take a member out of their team."""
    TeamMembership.objects.filter(member=member).delete()


def may_read(member: User, conversation: Conversation) -> bool:
    """Whether the gate lets the member read all words of the conversation."""
    try:
        return access.readable_conversation(member, conversation.pk).visible_from == 0
    except NotVisible:
        return False


class TestAClientWhoLeftTheTeam:
    def test_is_read_by_the_former_coach_no_longer(self, home: House) -> None:
        conversation = begin(home.owner)
        assert may_read(home.coach, conversation)
        leave_team(home.owner)
        with pytest.raises(NotVisible):
            access.readable_conversation(home.coach, conversation.pk)
        assert list(queries.recent_coached(home.coach)) == []

    def test_is_not_read_by_the_next_coach_either(self, home: House) -> None:
        conversation = begin(home.owner)
        TeamMembership.objects.filter(member=home.owner).update(team=home.other_coach.coached_teams.get())
        for coach in (home.coach, home.other_coach):
            assert not may_read(coach, conversation)
        assert may_read(home.other_coach, begin(home.owner))

    def test_is_read_again_by_the_coach_to_whom_they_return(self, home: House) -> None:
        conversation = begin(home.owner)
        leave_team(home.owner)
        TeamMembership.objects.create(team=home.team, member=home.owner)
        assert may_read(home.coach, conversation)

    def test_waits_in_every_coachs_queue_without_words(self, home: House) -> None:
        conversation = begin(home.owner)
        handoff.ask_for_coach(member=home.owner, conversation_id=conversation.pk, now=timezone.now())
        assert waiting.rows(home.other_coach, now=timezone.now()) == []
        leave_team(home.owner)
        for coach in (home.coach, home.other_coach):
            assert [row.reads for row in waiting.rows(coach, now=timezone.now())] == [False]
            assert not may_read(coach, conversation)

    def test_keeps_the_coach_who_has_taken_the_conversation(self, home: House) -> None:
        conversation = begin(home.owner)
        handoff.ask_for_coach(member=home.owner, conversation_id=conversation.pk, now=timezone.now())
        handoff.take_over(coach=home.coach, conversation_id=conversation.pk, now=timezone.now())
        leave_team(home.owner)
        assert may_read(home.coach, conversation)
