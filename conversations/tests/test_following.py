"""An educator gets another coach: what was shared with the one is not read by the other."""

from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import audit, invitations, teams
from accounts.access import NotVisible
from accounts.models import AuditEvent, Team, TeamMembership, User
from accounts.tests.cast import Cast
from accounts.tests.factories import TeamFactory
from conversations import access, following, handoff, organizing
from conversations.consumers import ConversationConsumer
from conversations.models import Conversation, Handoff
from conversations.tasks import find_astray
from conversations.tests.factories import begin, say, spoken

NOTICE = (
    "Cleo Vale is your coach now. Ben Hart can no longer read this conversation, "
    "and Cleo Vale reads it only if you share it."
)


def shared(cast: Cast) -> Conversation:
    """Return a conversation in which the owner has told her coach something."""
    conversation = begin(cast.home.owner)
    say(cast.home.owner, conversation, "I told Ben this")
    return conversation


def moves(cast: Cast, *, told: bool = True) -> None:
    """Put the owner into the team of the other coach."""
    TeamMembership.objects.filter(member=cast.home.owner).update(
        team=Team.objects.get(coach=cast.home.other_coach)
    )
    if told:
        teams.coaching_changed(educators=[cast.home.owner.pk], now=timezone.now())


def reads(member: User, conversation: Conversation) -> bool:
    """Whether a coach may open a conversation."""
    try:
        access.readable_conversation(member, conversation.pk)
    except NotVisible:
        return False
    return True


def test_it_is_asked_about_whoever_joins_a_team_by_invitation(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[UUID] = []
    monkeypatch.setattr(following, "follow", lambda *, educators, now: asked.extend(educators))
    invitation = invitations.invite(
        actor=cast.home.admin,
        organization=cast.home.organization,
        email="eve@riverside.example",
        role="educator",
        team=cast.home.team,
        now=timezone.now(),
    )
    token = invitations.token_of(invitation)
    person = invitations.accept(token=token, name="Eve", password=None, now=timezone.now())
    assert asked == [person.pk]


class TestASharedConversation:
    def test_goes_to_the_new_coach_closed_to_both(self, cast: Cast) -> None:
        conversation = shared(cast)
        before = conversation.updated_at
        moves(cast)
        conversation.refresh_from_db()
        assert (conversation.coach, conversation.visibility) == (cast.home.other_coach, "private")
        assert spoken(conversation)[-1] == ("system", NOTICE)
        assert not reads(cast.home.coach, conversation)
        assert not reads(cast.home.other_coach, conversation)
        assert conversation.updated_at < timezone.now()
        assert conversation.updated_at >= before

    def test_opens_to_the_new_coach_when_its_owner_shares_it(self, cast: Cast) -> None:
        conversation = shared(cast)
        moves(cast)
        organizing.set_visibility(
            member=cast.home.owner, conversation_id=conversation.pk, visibility="coached", now=timezone.now()
        )
        assert reads(cast.home.other_coach, conversation)
        assert not reads(cast.home.coach, conversation)

    def test_is_on_record_once_for_the_owner(self, cast: Cast) -> None:
        for _ in range(3):
            shared(cast)
        begin(cast.home.owner, visibility="private")
        moves(cast)
        event = AuditEvent.objects.get(action="coach_changed")
        assert event.resource == audit.person(cast.home.owner)
        assert event.reason == "shared conversations that are private now: 3"

    def test_is_nobody_s_when_its_owner_leaves_the_team(self, cast: Cast) -> None:
        conversation = shared(cast)
        TeamMembership.objects.all().delete()
        teams.coaching_changed(educators=[cast.home.owner.pk], now=timezone.now())
        conversation.refresh_from_db()
        assert (conversation.coach, conversation.visibility) == (None, "private")
        assert "they are not your coach any more" in spoken(conversation)[-1][1]
        assert not reads(cast.home.coach, conversation)

    @pytest.mark.parametrize("change", [{"is_active": False}, {"role": "educator"}])
    def test_is_nobody_s_when_its_coach_coaches_no_more(self, cast: Cast, change: dict[str, Any]) -> None:
        conversation = shared(cast)
        User.objects.filter(pk=cast.home.coach.pk).update(**change)
        begun = begin(cast.home.owner)
        assert begun.coach is None
        assert following.find_astray(now=timezone.now()) == [conversation.pk]
        for each in (conversation, begun):
            each.refresh_from_db()
            assert (each.coach, each.visibility) == (None, "private")
        assert "they are not your coach any more" in spoken(conversation)[-1][1]
        assert following.find_astray(now=timezone.now()) == []

    def test_comes_back_closed_to_a_coach_who_comes_back(self, cast: Cast) -> None:
        conversation = shared(cast)
        for active in (False, True):
            User.objects.filter(pk=cast.home.coach.pk).update(is_active=active)
            following.find_astray(now=timezone.now())
        conversation.refresh_from_db()
        assert (conversation.coach, conversation.visibility) == (cast.home.coach, "private")

    def test_stays_where_it_is_when_nothing_has_changed_for_its_owner(self, cast: Cast) -> None:
        conversation = shared(cast)
        said = spoken(conversation)
        teams.coaching_changed(educators=[cast.home.owner.pk, cast.away.owner.pk], now=timezone.now())
        assert following.find_astray(now=timezone.now()) == []
        conversation.refresh_from_db()
        assert (conversation.coach, conversation.visibility) == (cast.home.coach, "coached")
        assert spoken(conversation) == said
        assert not AuditEvent.objects.filter(action="coach_changed").exists()

    def test_is_left_alone_when_somebody_else_moves(self, cast: Cast) -> None:
        conversation = shared(cast)
        moves(cast, told=False)
        teams.coaching_changed(educators=[cast.away.owner.pk], now=timezone.now())
        conversation.refresh_from_db()
        assert conversation.coach == cast.home.coach

    def test_without_a_word_gets_no_notice(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        moves(cast)
        assert spoken(conversation) == []

    def test_is_found_by_the_sweep_when_nobody_said_so(self, cast: Cast) -> None:
        conversation = shared(cast)
        moves(cast, told=False)
        assert following.find_astray(now=timezone.now()) == [conversation.pk]
        assert following.find_astray(now=timezone.now()) == []
        assert not reads(cast.home.coach, conversation)

    def test_that_was_deleted_is_taken_along_when_it_comes_back(self, cast: Cast) -> None:
        conversation = shared(cast)
        organizing.delete(member=cast.home.owner, conversation_id=conversation.pk, now=timezone.now())
        moves(cast)
        organizing.restore(member=cast.home.owner, conversation_id=conversation.pk, now=timezone.now())
        assert not reads(cast.home.coach, conversation)


class TestAPrivateConversation:
    def test_changes_its_coach_without_a_word(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner, visibility="private")
        say(cast.home.owner, conversation, "Between us")
        moves(cast)
        conversation.refresh_from_db()
        assert (conversation.coach, conversation.visibility) == (cast.home.other_coach, "private")
        assert [sender for sender, _ in spoken(conversation)] == ["client", "ai"]


class TestANewConversation:
    def test_is_with_the_new_coach(self, cast: Cast) -> None:
        moves(cast)
        conversation = begin(cast.home.owner)
        assert (conversation.coach, conversation.visibility) == (cast.home.other_coach, "coached")


class TestAnEpisode:
    def test_stays_with_the_coach_who_is_in_it_until_they_hand_back(self, cast: Cast) -> None:
        conversation = shared(cast)
        handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=timezone.now())
        moves(cast)
        assert following.find_astray(now=timezone.now()) == []
        assert access.readable_conversation(cast.home.coach, conversation.pk).visible_from == 0
        handoff.hand_back(coach=cast.home.coach, conversation_id=conversation.pk, now=timezone.now())
        assert not reads(cast.home.coach, conversation)
        assert not reads(cast.home.other_coach, conversation)
        assert [text for sender, text in spoken(conversation) if sender == "system"][-2:] == [
            "Ben Hart has handed the conversation back to the AI.",
            NOTICE,
        ]

    def test_of_another_coach_goes_on_while_the_earlier_coach_reads_no_more(self, cast: Cast) -> None:
        conversation = shared(cast)
        handoff.ask_for_coach(member=cast.home.owner, conversation_id=conversation.pk, now=timezone.now())
        Handoff.objects.update(escalated_at=timezone.now())
        stand_in = cast.home.other_coach
        handoff.take_over(coach=stand_in, conversation_id=conversation.pk, now=timezone.now())
        team = TeamFactory.create(organization=cast.home.organization, coach=cast.home.admin)
        TeamMembership.objects.filter(member=cast.home.owner).update(team=team)
        teams.coaching_changed(educators=[cast.home.owner.pk], now=timezone.now())
        assert access.readable_conversation(stand_in, conversation.pk).visible_from == 0
        for member in (cast.home.coach, cast.home.admin):
            standing = access.readable_conversation(member, conversation.pk)
            assert list(access.readable_messages(standing)) == []
        handoff.hand_back(coach=stand_in, conversation_id=conversation.pk, now=timezone.now())
        conversation.refresh_from_db()
        assert (conversation.coach, conversation.visibility) == (cast.home.admin, "private")
        assert not any(reads(member, conversation) for member in (cast.home.coach, stand_in, cast.home.admin))

    def test_that_waits_is_the_new_coach_s_who_asks_for_consent_again(self, cast: Cast) -> None:
        conversation = shared(cast)
        handoff.ask_for_coach(member=cast.home.owner, conversation_id=conversation.pk, now=timezone.now())
        moves(cast)
        assert not access.queue_for(cast.home.coach).exists()
        standing = access.readable_conversation(cast.home.other_coach, conversation.pk)
        assert list(access.readable_messages(standing)) == []
        handoff.consent(member=cast.home.owner, conversation_id=conversation.pk, now=timezone.now())
        assert access.readable_conversation(cast.home.other_coach, conversation.pk).visible_from == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("threads")
class TestTheDashboard:
    def save(self, cast: Cast, team: Team, *, coach: User, remove: bool = False) -> None:
        """Save a team as its administrator."""
        client = Client()
        client.force_login(cast.home.admin)
        members = list(TeamMembership.objects.filter(team=team))
        form: dict[str, Any] = {
            "name": team.name,
            "coach": str(coach.pk),
            "memberships-TOTAL_FORMS": len(members),
            "memberships-INITIAL_FORMS": len(members),
        }
        for number, membership in enumerate(members):
            form |= {
                f"memberships-{number}-id": membership.pk,
                f"memberships-{number}-team": str(team.pk),
                f"memberships-{number}-member": str(membership.member_id),
            }
            if remove:
                form[f"memberships-{number}-DELETE"] = "on"
        answer = client.post(reverse("admin:accounts_team_change", args=[team.pk]), form)
        assert answer.status_code == 302, answer.content.decode()

    def test_gives_a_team_another_coach_and_closes_what_was_shared(self, cast: Cast) -> None:
        conversation = shared(cast)
        self.save(cast, cast.home.team, coach=cast.home.other_coach)
        assert not reads(cast.home.coach, conversation)
        assert spoken(conversation)[-1] == ("system", NOTICE)

    def test_takes_somebody_out_of_a_team_and_closes_what_was_shared(self, cast: Cast) -> None:
        conversation = shared(cast)
        self.save(cast, cast.home.team, coach=cast.home.coach, remove=True)
        assert not TeamMembership.objects.filter(member=cast.home.owner).exists()
        assert not reads(cast.home.coach, conversation)

    async def test_closes_the_open_socket_of_the_coach_who_was(self, cast: Cast, settings: Any) -> None:
        conversation = await sync_to_async(begin)(cast.home.owner)
        client = Client()
        await sync_to_async(client.force_login)(cast.home.coach)
        socket = WebsocketCommunicator(ConversationConsumer.as_asgi(), "/ws/conversations/")
        socket.scope |= {
            "user": cast.home.coach,
            "session": client.session,
            "url_route": {"kwargs": {"conversation_id": conversation.pk}},
        }
        await socket.connect()
        await sync_to_async(moves)(cast, told=False)
        await sync_to_async(find_astray)()
        while (event := await socket.receive_output(timeout=10))["type"] != "websocket.close":
            pass
        assert event["code"] == 4404
        await socket.disconnect()
