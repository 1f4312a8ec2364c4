"""A coach who takes a conversation and vanishes does not leave its client with a silent AI."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast
from conversations import absence, access, escalating, handoff, presence
from conversations.consumers import ConversationConsumer
from conversations.models import Attendance, Conversation, Handoff, Message
from conversations.tests.factories import begin, say, spoken
from conversations.watch import Watch, Watched

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
GOODBYE = "Ben Hart could not be reached any more, so you are with the AI again. You can ask for a coach at any time."
TRIALS = 50
LATEST = timedelta(seconds=150)


def after(**length: float) -> datetime:
    """Return a time after the takeover."""
    return START + timedelta(**length)


def taken(cast: Cast, conversation: Conversation | None = None, *, now: datetime = START) -> Conversation:
    """Return a conversation that the coach has taken over."""
    conversation = conversation or begin(cast.home.owner)
    handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=now)
    return conversation


def seen(member: User, conversation: Conversation, now: datetime) -> None:
    """Note an open socket."""
    absence.attend([(conversation.pk, member.pk)], now=now)


def holder(conversation: Conversation) -> tuple[str, UUID | None]:
    """Return who has a conversation."""
    conversation.refresh_from_db()
    return conversation.owner_state, conversation.holder_id


class TestACoachWhoseSocketIsGone:
    def test_has_the_conversation_for_two_minutes_and_not_longer(self, cast: Cast) -> None:
        conversation = taken(cast)
        seen(cast.home.coach, conversation, after(seconds=60))
        assert absence.give_back(now=after(seconds=179)) == []
        assert holder(conversation) == ("coach", cast.home.coach.pk)
        assert absence.give_back(now=after(seconds=180)) == [conversation.pk]
        assert holder(conversation) == ("ai", None)
        assert absence.give_back(now=after(seconds=180)) == []

    def test_is_told_of_in_words_and_on_record(self, cast: Cast) -> None:
        conversation = taken(cast)
        seen(cast.home.coach, conversation, after(seconds=60))
        absence.give_back(now=after(seconds=190))
        assert spoken(conversation)[1:] == [("system", GOODBYE)]
        message = Message.objects.get(content=GOODBYE)
        assert message.metadata == {
            "kind": "handback",
            "is_handback": True,
            "cause": "absent",
            "human_duration_minutes": 1.0,
        }
        episode = Handoff.objects.get()
        assert (episode.state, episode.coach) == ("returned", cast.home.coach)
        assert (episode.absent_at, episode.returned_at) == (after(seconds=190), after(seconds=190))
        event = AuditEvent.objects.get(action="conversation.coach_absent")
        assert event.resource == f"conversation:{conversation.pk}"
        assert event.organization_id == cast.home.organization.pk

    def test_keeps_it_as_long_as_a_socket_lives_though_nothing_is_said(self, cast: Cast) -> None:
        conversation = taken(cast)
        for minutes in range(0, 180, 2):
            seen(cast.home.coach, conversation, after(minutes=minutes))
            assert absence.give_back(now=after(minutes=minutes, seconds=119)) == []
        assert holder(conversation) == ("coach", cast.home.coach.pk)

    def test_keeps_it_by_what_they_say_without_a_socket(self, cast: Cast) -> None:
        conversation = taken(cast)
        seen(cast.home.coach, conversation, START)
        handoff.say_as_coach(
            coach=cast.home.coach,
            conversation_id=conversation.pk,
            client_id=uuid4(),
            text="I am here.",
            now=after(seconds=110),
        )
        assert absence.give_back(now=after(seconds=229)) == []
        assert absence.give_back(now=after(seconds=230)) == [conversation.pk]

    def test_is_not_kept_by_another_coach_who_reads(self, cast: Cast) -> None:
        conversation = taken(cast)
        seen(cast.home.coach, conversation, START)
        seen(cast.home.other_coach, conversation, after(seconds=110))
        assert absence.give_back(now=after(seconds=120)) == [conversation.pk]

    def test_who_is_with_another_client_has_longer(self, cast: Cast) -> None:
        conversation, other = taken(cast), begin(cast.home.owner)
        seen(cast.home.coach, conversation, START)
        for minutes in range(14):
            seen(cast.home.coach, other, after(minutes=minutes))
            assert absence.give_back(now=after(minutes=minutes, seconds=60)) == []
        seen(cast.home.coach, other, after(minutes=15))
        assert absence.give_back(now=after(minutes=15)) == [conversation.pk]

    def test_can_take_over_again(self, cast: Cast) -> None:
        conversation = taken(cast)
        seen(cast.home.coach, conversation, START)
        absence.give_back(now=after(minutes=3))
        taken(cast, conversation, now=after(minutes=4))
        assert holder(conversation) == ("coach", cast.home.coach.pk)
        assert absence.give_back(now=after(minutes=5)) == []

    def test_in_a_crisis_leaves_it_to_the_other_coaches_and_not_to_the_ai(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner, visibility="private")
        say(cast.home.owner, conversation, "I want to die")
        taken(cast, conversation)
        seen(cast.home.coach, conversation, START)
        assert absence.give_back(now=after(minutes=2)) == [conversation.pk]
        assert holder(conversation) == ("queued", None)
        assert "Ben Hart could not be reached any more, so the other coaches" in spoken(conversation)[-1][1]
        episode = Handoff.objects.get()
        assert (episode.state, episode.coach, episode.joined_sequence) == ("queued", None, None)
        assert episode.absent_at == after(minutes=2)
        assert access.queue_for(cast.home.other_coach).count() == 1
        standing = access.readable_conversation(cast.home.other_coach, conversation.pk)
        assert list(access.readable_messages(standing)) == []


class TestACoachWithoutAScript:
    def test_has_a_quarter_of_an_hour_from_their_last_act(self, cast: Cast) -> None:
        conversation = taken(cast)
        assert absence.give_back(now=after(minutes=14, seconds=59)) == []
        assert absence.give_back(now=after(minutes=15)) == [conversation.pk]

    def test_shows_that_they_read_by_loading_the_page(self, cast: Cast) -> None:
        conversation = taken(cast, now=START - timedelta(minutes=10))
        client = Client()
        client.force_login(cast.home.coach)
        before = timezone.now()
        client.get(reverse("conversations:console", args=[conversation.pk]))
        assert absence.give_back(now=before + timedelta(minutes=14)) == []
        assert absence.give_back(now=timezone.now() + timedelta(minutes=16)) == [conversation.pk]

    def test_is_not_shown_by_another_coach_who_loads_it(self, cast: Cast) -> None:
        conversation = taken(cast)
        before = Handoff.objects.get().acted_at
        absence.note_act(coach=cast.home.other_coach, conversation_id=conversation.pk, now=after(minutes=9))
        assert Handoff.objects.get().acted_at == before

    def test_who_signs_out_is_gone_after_two_minutes(self, cast: Cast) -> None:
        conversation = taken(cast)
        client = Client()
        client.force_login(cast.home.coach)
        client.post(reverse("account_logout"))
        assert absence.give_back(now=after(seconds=119)) == []
        assert absence.give_back(now=after(seconds=120)) == [conversation.pk]

    def test_of_another_day_is_not_taken_for_one_whose_socket_broke(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        seen(cast.home.coach, conversation, START - timedelta(days=1))
        taken(cast, conversation)
        assert absence.give_back(now=after(minutes=14)) == []


def closes_the_laptop(cast: Cast, conversation: Conversation) -> None:
    """Go a minute after the last look of the server at the socket."""
    seen(cast.home.coach, conversation, after(seconds=24))


def loses_the_network(cast: Cast, conversation: Conversation) -> None:
    """Say something, and then nothing more."""
    seen(cast.home.coach, conversation, START)
    handoff.say_as_coach(
        coach=cast.home.coach,
        conversation_id=conversation.pk,
        client_id=uuid4(),
        text="Let us look at",
        now=after(seconds=20),
    )


def signs_out(cast: Cast, conversation: Conversation) -> None:
    """Sign out, with or without a socket."""
    audit.record(actor=cast.home.coach, action="signed_out", resource=audit.person(cast.home.coach))


def is_demoted(cast: Cast, conversation: Conversation) -> None:
    """Coach no more."""
    User.objects.filter(pk=cast.home.coach.pk).update(role="educator")


VANISHING: tuple[Callable[[Cast, Conversation], None], ...] = (
    closes_the_laptop,
    loses_the_network,
    signs_out,
    is_demoted,
)


def test_fifty_of_fifty_who_vanish_are_replaced_within_150_seconds_and_none_before(cast: Cast) -> None:
    """Every conversation has one owner at any time: the coach, and then nobody but the AI or the queue."""
    for number in range(TRIALS):
        User.objects.filter(pk=cast.home.coach.pk).update(role="coach")
        cast.home.coach.refresh_from_db()
        conversation = taken(cast)
        vanishes = VANISHING[number % len(VANISHING)]
        vanishes(cast, conversation)
        released = escalating.escalate(now=after(seconds=30))
        if vanishes is not is_demoted:
            assert absence.give_back(now=after(seconds=119)) == []
            assert holder(conversation) == ("coach", cast.home.coach.pk)
        gone = [*released, *absence.give_back(now=START + LATEST)]
        assert gone == [conversation.pk], vanishes.__name__
        state = "queued" if vanishes is is_demoted else "ai"
        assert holder(conversation) == (state, None)
        # Takeover, and what became of it: nobody else has had it meanwhile.
        assert conversation.epoch == 2
        Handoff.objects.filter(conversation=conversation, state="queued").update(state="cancelled")
    assert Message.objects.filter(metadata__kind="takeover").count() == TRIALS
    assert AuditEvent.objects.filter(action="conversation.taken_over").count() == TRIALS


class TestTheCoachWhoReturns:
    @pytest.fixture(autouse=True)
    def _clock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the pages be looked at soon after it happened."""
        monkeypatch.setattr(timezone, "now", lambda: after(minutes=4))

    def page(self, member: User, name: str, *arguments: UUID) -> str:
        """Return a page of the dashboard as text."""
        client = Client()
        client.force_login(member)
        return str(client.get(reverse(f"conversations:{name}", args=arguments)).content.decode())

    def away(self, cast: Cast, **how: str) -> Conversation:
        """Return a conversation that went back while its coach was away."""
        conversation = begin(cast.home.owner, **how)
        handoff.ask_for_coach(member=cast.home.owner, conversation_id=conversation.pk, now=START)
        taken(cast, conversation)
        seen(cast.home.coach, conversation, START)
        absence.give_back(now=after(minutes=2))
        return conversation

    def test_reads_it_in_the_console_until_they_are_back(self, cast: Cast) -> None:
        conversation = self.away(cast)
        assert "because you could not be reached" in self.page(cast.home.coach, "console", conversation.pk)
        taken(cast, conversation, now=after(minutes=3))
        assert "could not be reached. Take" not in self.page(cast.home.coach, "console", conversation.pk)

    def test_reads_it_in_the_queue_with_a_way_there(self, cast: Cast) -> None:
        conversation = self.away(cast)
        page = self.page(cast.home.coach, "queue")
        assert "Went back while you were away" in page
        assert page.count(reverse("conversations:console", args=[conversation.pk])) == 2
        assert "Went back" not in self.page(cast.home.other_coach, "queue")
        taken(cast, conversation, now=after(minutes=3))
        assert "Went back" not in self.page(cast.home.coach, "queue")

    def test_is_offered_no_way_into_what_is_private_again(self, cast: Cast) -> None:
        conversation = self.away(cast, visibility="private")
        page = self.page(cast.home.coach, "queue")
        assert "the conversation is private again" in page
        assert reverse("conversations:console", args=[conversation.pk]) not in page


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("threads")
class TestAnOpenSocket:
    async def opened(self, member: User, conversation: Conversation) -> WebsocketCommunicator:
        """Open a socket."""
        communicator = WebsocketCommunicator(ConversationConsumer.as_asgi(), "/ws/conversations/")
        communicator.scope |= {
            "user": member,
            "session": SimpleNamespace(session_key=str(uuid4())),
            "url_route": {"kwargs": {"conversation_id": conversation.pk}},
        }
        await communicator.connect()
        while (await communicator.receive_json_from(timeout=5))["type"] != "ready":
            pass
        return communicator

    async def test_of_a_coach_is_noted_when_it_comes_and_when_it_goes(self, cast: Cast) -> None:
        conversation = await sync_to_async(begin)(cast.home.owner)
        socket = await self.opened(cast.home.coach, conversation)
        came = await Attendance.objects.aget()
        assert (came.coach_id, came.conversation_id) == (cast.home.coach.pk, conversation.pk)
        await socket.disconnect()
        went = await Attendance.objects.aget()
        assert went.seen_at > came.seen_at

    async def test_of_the_client_is_nobody_s_attendance(self, cast: Cast) -> None:
        conversation = await sync_to_async(begin)(cast.home.owner)
        await (await self.opened(cast.home.owner, conversation)).disconnect()
        assert not await Attendance.objects.aexists()

    async def test_is_renewed_by_the_watch_without_redis(self, cast: Cast, settings: Any) -> None:
        settings.PRESENCE_URL = "redis://127.0.0.1:1/0"
        conversation = await sync_to_async(begin)(cast.home.owner)
        watch = Watch()
        for member, role in ((cast.home.coach, "coach"), (cast.home.owner, "client")):
            socket = SimpleNamespace(
                person=lambda member=member, role=role: presence.Person("s", member.pk, member.name, role)
            )
            watched: Any = Watched(socket, member.pk, "", None, conversation.pk)
            watch._sockets.add(watched)
        await watch.renew_presence()
        assert (await Attendance.objects.aget()).coach_id == cast.home.coach.pk
