"""What may still be asked of the AI: counted once, shown before it is used up, and never in the way of a person."""

import re
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import Client
from django.utils import timezone

from accounts import quotas
from accounts.models import MonthlyUse
from accounts.quotas import Kind
from accounts.tests.cast import Cast
from coaching.models import Budget, Reservation
from conversations import acting, handoff, refusing
from conversations.consumers import ConversationConsumer
from conversations.models import Conversation, Handoff, Interaction, Message
from conversations.tests.asking import QUESTION, refused, remaining, say
from conversations.tests.factories import begin, spoken
from conversations.turns.accept import Refusal
from conversations.turns.record import request_stop
from conversations.turns.run import turns

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("five_an_hour")]
NOWHERE = "redis://127.0.0.1:1/0"


def is_a_fifth_of_an_hour(seconds: int | None) -> bool:
    """Whether one of five an hour comes back in about so many seconds; some have passed in the test itself."""
    return seconds is not None and 690 < seconds <= 720


class TestTheHour:
    def test_ends_with_its_last_question_and_nothing_more_is_written(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        for _ in range(5):
            say(cast.home.owner, conversation)
        refusal = refused(cast.home.owner, conversation)
        assert (refusal.code, is_a_fifth_of_an_hour(refusal.seconds)) == ("quota", True)
        assert "you can send it in 12 minutes, or ask for a person" in refusal.text
        assert Message.objects.filter(sender_type="client").count() == 5
        assert Interaction.objects.count() == Reservation.objects.count() == 5

    def test_is_the_same_for_all_conversations_of_a_person(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        for _ in range(5):
            say(cast.home.owner, begin(cast.home.owner))
        codes = {refused(cast.home.owner, begin(cast.home.owner)).code for _ in range(95)}
        assert codes == {"quota"}

    def test_is_not_spent_by_a_message_that_is_repeated(self, cast: Cast, conversation: Conversation) -> None:
        key = uuid4()
        first = say(cast.home.owner, conversation, client_id=key)
        again = say(cast.home.owner, conversation, client_id=key)
        assert (first.repeated, again.repeated, remaining(cast.home.owner)) == (False, True, 4)
        for _ in range(4):
            say(cast.home.owner, conversation)
        assert say(cast.home.owner, conversation, client_id=key).repeated

    def test_is_spent_by_asking_again(self, cast: Cast, conversation: Conversation) -> None:
        reply = say(cast.home.owner, conversation).reply
        assert reply is not None
        request_stop(conversation_id=conversation.pk, now=timezone.now())
        Interaction.objects.update(state="stopped")
        Message.objects.filter(pk=reply.pk).update(state="stopped")
        retried = async_to_sync(acting.retry_here)(
            member=cast.home.owner, conversation_id=conversation.pk, reply_id=reply.pk
        )
        assert retried.reply is not None
        assert remaining(cast.home.owner) == 3

    @pytest.mark.parametrize("text", ["", "a" * 20_001])
    def test_is_not_spent_by_what_cannot_be_taken(
        self, cast: Cast, conversation: Conversation, text: str
    ) -> None:
        assert refused(cast.home.owner, conversation, text).seconds is None
        assert remaining(cast.home.owner) == 5

    def test_is_said_once_a_fifth_is_left(self, cast: Cast, conversation: Conversation) -> None:
        said = [say(cast.home.owner, conversation).left for _ in range(5)]
        assert said[:3] == ["", "", ""]
        assert said[3] == "1 question left for now; all 5 in 48 minutes."
        assert said[4] == "No question to the AI is left for now; all 5 in 60 minutes."


class TestAPersonIsReached:
    @pytest.fixture(autouse=True)
    def _used_up(self, cast: Cast, conversation: Conversation) -> None:
        for _ in range(5):
            quotas.take(member=cast.home.owner, kind=Kind.AI_TURNS)

    def test_in_a_crisis_with_nothing_left(self, cast: Cast, conversation: Conversation) -> None:
        accepted = say(cast.home.owner, conversation, "Some days I want to die.")
        assert accepted.called
        assert Handoff.objects.get().reason == "crisis"
        assert [sender for sender, _ in spoken(conversation)] == ["client", "system"]

    def test_by_whoever_asks_for_one_with_nothing_left(self, cast: Cast, conversation: Conversation) -> None:
        assert say(cast.home.owner, conversation, "Can I talk to a real person please?").called

    def test_by_a_phrase_of_the_coach_but_without_an_answer(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        persona = cast.home.coach.persona
        persona.escalation_phrases = ["formal warning"]
        persona.save()
        accepted = say(cast.home.owner, conversation, "My head gave me a formal warning today")
        assert (accepted.called, accepted.reply) == (True, None)
        assert [sender for sender, _ in spoken(conversation)] == ["client", "system"]

    def test_but_not_a_second_time_while_one_is_asked(self, cast: Cast, conversation: Conversation) -> None:
        cast.home.coach.persona.escalation_phrases = ["formal warning"]
        cast.home.coach.persona.save()
        say(cast.home.owner, conversation, "My head gave me a formal warning today")
        before = spoken(conversation)
        with pytest.raises(Refusal) as refused:
            say(cast.home.owner, conversation, "What follows from a formal warning?")
        assert refused.value.code == "quota"
        assert spoken(conversation) == before

    def test_while_the_coach_is_there(self, cast: Cast, conversation: Conversation) -> None:
        handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=timezone.now())
        assert say(cast.home.owner, conversation, "Good that you are here.").reply is None


class TestWordsToACoach:
    def test_spend_nothing(self, cast: Cast, conversation: Conversation) -> None:
        handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=timezone.now())
        say(cast.home.owner, conversation, "Good that you are here.")
        assert remaining(cast.home.owner) == 5
        assert not MonthlyUse.objects.exists()
        assert not Budget.objects.exists()


class TestWithoutRedis:
    @pytest.fixture(autouse=True)
    def _away(self, settings: Any) -> None:
        settings.QUOTAS_URL = NOWHERE

    def test_the_ai_is_not_asked_and_the_words_are_clear(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        refusal = refused(cast.home.owner, conversation)
        assert (refusal.code, refusal.seconds) == ("quota_unavailable", 5)
        assert (refusing.status(refusal), refusing.headers(refusal)) == (503, {"Retry-After": "5"})
        assert spoken(conversation) == []

    def test_a_crisis_still_calls_a_coach(self, cast: Cast, conversation: Conversation) -> None:
        assert say(cast.home.owner, conversation, "I want to kill myself").called

    def test_the_page_is_served(self, client: Client, cast: Cast, conversation: Conversation) -> None:
        client.force_login(cast.home.owner)
        assert client.get(f"/conversations/{conversation.pk}/").status_code == 200


class TestThePageWithoutAScript:
    def test_keeps_the_draft_and_says_when(
        self, client: Client, cast: Cast, conversation: Conversation
    ) -> None:
        client.force_login(cast.home.owner)
        for _ in range(5):
            quotas.take(member=cast.home.owner, kind=Kind.AI_TURNS)
        form = {"client_id": str(uuid4()), "text": "My unsent words"}
        response = client.post(f"/conversations/{conversation.pk}/say/", form)
        page = response.content.decode()
        assert response.status_code == 429
        assert is_a_fifth_of_an_hour(int(response["Retry-After"]))
        assert response["RateLimit-Policy"] == '"ai_turns";q=5;w=3600'
        assert response["RateLimit"].startswith('"ai_turns";r=0;t=3')
        assert re.search(r"<textarea[^>]*>My unsent words</textarea>", page)
        assert "you can send it in 12 minutes" in page
        assert spoken(conversation) == []

    def test_shows_what_is_left_before_it_is_used_up(
        self, client: Client, cast: Cast, conversation: Conversation
    ) -> None:
        client.force_login(cast.home.owner)
        address = f"/conversations/{conversation.pk}/"
        assert "left for now" not in client.get(address).content.decode()
        for _ in range(4):
            quotas.take(member=cast.home.owner, kind=Kind.AI_TURNS)
        assert "1 question left for now; all 5 in 48 minutes." in client.get(address).content.decode()
        quotas.take(member=cast.home.owner, kind=Kind.AI_TURNS)
        waits = re.findall(r'data-seconds="(\d+)"', client.get(address).content.decode())
        assert [is_a_fifth_of_an_hour(int(seconds)) for seconds in waits] == [True]


class TestTheSocket:
    async def test_refuses_with_the_seconds_and_shows_what_is_left(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        socket = WebsocketCommunicator(ConversationConsumer.as_asgi(), "/ws/conversations/")
        socket.scope |= {
            "user": cast.home.owner,
            "session": SimpleNamespace(session_key=str(uuid4())),
            "url_route": {"kwargs": {"conversation_id": conversation.pk}},
        }
        await socket.connect()
        for _ in range(4):
            await sync_to_async(quotas.take)(member=cast.home.owner, kind=Kind.AI_TURNS)
        key = str(uuid4())
        await socket.send_json_to({"type": "say", "client_id": key, "text": QUESTION})
        taken = await self.hears(socket, "ack")
        assert (taken["client_id"], taken["left"][:22]) == (key, "No question to the AI ")
        await turns.finished()
        await socket.send_json_to({"type": "say", "client_id": key, "text": QUESTION})
        assert (await self.hears(socket, "ack"))["repeated"]
        await socket.send_json_to({"type": "say", "client_id": str(uuid4()), "text": QUESTION})
        refusal = await self.hears(socket, "refused")
        assert (refusal["code"], is_a_fifth_of_an_hour(refusal["seconds"])) == ("quota", True)
        await socket.disconnect()

    async def hears(self, socket: WebsocketCommunicator, kind: str) -> dict[str, Any]:
        """Return the next event of a kind."""
        while True:
            heard: dict[str, Any] = await socket.receive_json_from(timeout=10)
            if heard["type"] == kind:
                return heard
