"""Asking again over the API, where an answer was stopped or failed."""

from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.utils import timezone

from accounts.models import SavedReply, User
from accounts.tests.api_caller import Api, as_program, key_of
from accounts.tests.cast import Cast
from coaching.providers.scripted import ScriptedChat
from conversations import allowance, asking, handoff, organizing
from conversations.models import Conversation, Interaction, Message
from conversations.tests.api_reading import QUESTION, Reading, text_of
from conversations.tests.doubles import stage
from conversations.tests.factories import begin, say, spoken

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("scripted")]

ANSWER = "Begin with one question."
STOPPED = [("client", QUESTION), ("ai", "It be")]


@pytest.fixture
def stopped(owner: User, conversation: Conversation) -> Message:
    """Return an answer that its owner has stopped after a few letters."""
    reply = say(owner, conversation, QUESTION).reply
    assert reply is not None
    Interaction.objects.update(state="stopped")
    Message.objects.filter(pk=reply.pk).update(state="stopped", content="It be")
    return reply


def retry(reply: Message) -> str:
    """Return the address at which an answer is asked for again."""
    return f"messages/{reply.pk}/retry"


class TestAskingAgain:
    @pytest.mark.parametrize("state", ["stopped", "failed"])
    def test_gets_another_answer_to_the_same_question(
        self, ada: Api, conversation: Conversation, stopped: Message, state: str
    ) -> None:
        Message.objects.filter(pk=stopped.pk).update(state=state)
        reply = ada("POST", retry(stopped))
        assert (reply.status, reply.data["state"], reply.data["content"]) == (201, "complete", ANSWER)
        assert spoken(conversation) == [*STOPPED, ("ai", ANSWER)]
        question = Message.objects.get(conversation=conversation, sequence=1)
        assert reply.meta["in_reply_to"] == str(question.pk)

    def test_spends_as_a_question_does(
        self, ada: Api, owner: User, stopped: Message, five_an_hour: None
    ) -> None:
        ada("POST", retry(stopped))
        assert allowance.left(owner).remaining == 4

    def test_beyond_the_quota_is_refused(
        self, ada: Api, conversation: Conversation, stopped: Message, settings: Any
    ) -> None:
        settings.QUOTAS_URL = "redis://127.0.0.1:1/0"
        refused = ada("POST", retry(stopped))
        assert refused.status == 503
        assert refused.error is not None
        assert refused.error["details"] == {"reason": "quota_unavailable"}
        assert spoken(conversation) == STOPPED

    def test_under_a_key_asks_once(self, ada: Api, conversation: Conversation, stopped: Message) -> None:
        first, second = (ada("POST", retry(stopped), idempotency_key="one") for _ in "ab")
        assert (first.status, first.data, first.meta) == (second.status, second.data, second.meta)
        assert second.headers["Idempotency-Replayed"] == "true"
        assert spoken(conversation) == [*STOPPED, ("ai", ANSWER)]

    def test_a_kept_reply_is_known_to_tell_of_the_conversation(
        self, ada: Api, conversation: Conversation, stopped: Message
    ) -> None:
        ada("POST", retry(stopped), idempotency_key="one")
        assert SavedReply.objects.get().about == conversation.pk

    async def test_is_read_along(self, owner: User, conversation: Conversation, stopped: Message) -> None:
        reading = Reading(await sync_to_async(key_of)(owner))
        await reading.ask_again(stopped.pk)
        events = await reading.all()
        assert [events[0].name, events[-1].name] == ["message_start", "message_complete"]
        assert text_of(events) == events[-1].data["content"] == ANSWER
        assert events[0].data["id"] != str(stopped.pk)

    async def test_read_along_under_the_same_key_again_finds_the_same_answer(
        self, owner: User, conversation: Conversation, stopped: Message
    ) -> None:
        reading = Reading(await sync_to_async(key_of)(owner))
        await reading.ask_again(stopped.pk, **{"Idempotency-Key": "one"})
        first = await reading.all()
        await reading.ask_again(stopped.pk, **{"Idempotency-Key": "one", "Last-Event-ID": first[1].id})
        again = await reading.all()
        assert again[-1].data == first[-1].data
        assert "".join(e.data.get("delta", "") for e in [first[1], *again]) == ANSWER
        assert await sync_to_async(spoken)(conversation) == [*STOPPED, ("ai", ANSWER)]
        assert len(stage.chat.asked) == 1

    async def test_under_its_key_finds_that_answer_though_another_was_asked_for_since(
        self, owner: User, conversation: Conversation, stopped: Message
    ) -> None:
        stage.chat = ScriptedChat()
        reading = Reading(await sync_to_async(key_of)(owner))
        await reading.ask_again(stopped.pk, **{"Idempotency-Key": "one"})
        failed = (await reading.all())[0].data
        stage.chat = ScriptedChat(otherwise=ANSWER)
        await reading.ask_again(failed["id"], **{"Idempotency-Key": "one"})
        newest = (await reading.all())[0].data
        await reading.ask_again(stopped.pk, **{"Idempotency-Key": "one"})
        assert (await reading.all())[0].data == failed
        assert newest["id"] != failed["id"]

    async def test_read_along_under_another_key_is_refused_once_it_was_done(
        self, owner: User, conversation: Conversation, stopped: Message
    ) -> None:
        reading = Reading(await sync_to_async(key_of)(owner))
        await reading.ask_again(stopped.pk, **{"Idempotency-Key": "one"})
        await reading.all()
        await reading.ask_again(stopped.pk, **{"Idempotency-Key": "two"})
        assert reading.response.status_code == 409

    def test_repeated_spends_nothing_and_needs_nothing_left(
        self, owner: User, conversation: Conversation, stopped: Message, five_an_hour: None, settings: Any
    ) -> None:
        def again() -> Message:
            asked = async_to_sync(asking.ask_again)(member=owner, reply_id=stopped.pk, client_id=key)
            assert asked.reply is not None
            return asked.reply

        key = uuid4()
        first = again()
        assert (again().pk, allowance.left(owner).remaining) == (first.pk, 4)
        settings.QUOTAS_URL = "redis://127.0.0.1:1/0"
        assert again().pk == first.pk

    def test_for_an_answer_that_is_whole_is_refused(
        self, ada: Api, conversation: Conversation, stopped: Message
    ) -> None:
        Message.objects.filter(pk=stopped.pk).update(state="complete")
        refused = ada("POST", retry(stopped))
        assert (refused.status, refused.code) == (409, "CONFLICT")
        assert refused.error is not None
        assert refused.error["details"] == {"reason": "not_retryable"}
        assert spoken(conversation) == STOPPED

    def test_when_the_conversation_has_gone_on_is_refused(
        self, ada: Api, conversation: Conversation, stopped: Message
    ) -> None:
        ada("POST", retry(stopped))
        assert ada("POST", retry(stopped)).status == 409
        assert spoken(conversation) == [*STOPPED, ("ai", ANSWER)]

    def test_when_a_person_has_it_is_refused(
        self, ada: Api, coach: User, conversation: Conversation, stopped: Message
    ) -> None:
        handoff.take_over(coach=coach, conversation_id=conversation.pk, now=timezone.now())
        assert ada("POST", retry(stopped)).status == 409
        assert Interaction.objects.count() == 1

    def test_in_an_archived_conversation_is_refused(
        self, ada: Api, owner: User, conversation: Conversation, stopped: Message
    ) -> None:
        now = timezone.now()
        organizing.set_status(member=owner, conversation_id=conversation.pk, status="archived", now=now)
        refused = ada("POST", retry(stopped))
        assert refused.error is not None
        assert (refused.status, refused.error["details"]) == (409, {"reason": "archived"})

    def test_for_the_own_question_finds_nothing(self, ada: Api, conversation: Conversation) -> None:
        said = say(conversation.owner, conversation, QUESTION).message
        assert ada("POST", retry(said)).status == 404

    def test_that_fails_again_is_told(self, ada: Api, conversation: Conversation, stopped: Message) -> None:
        stage.chat = ScriptedChat()
        reply = ada("POST", retry(stopped))
        assert (reply.status, reply.data["state"]) == (201, "failed")


class TestSomebodyElse:
    @pytest.mark.parametrize("who", ["coach", "other_coach", "admin", "stranger"])
    def test_asks_nothing_and_is_answered_as_for_nothing(
        self, cast: Cast, conversation: Conversation, stopped: Message, who: str
    ) -> None:
        api = as_program(cast.away.owner if who == "stranger" else getattr(cast.home, who))
        there, nowhere = (api("POST", f"messages/{one}/retry") for one in (stopped.pk, uuid4()))
        assert (there.status, there.error) == (nowhere.status, nowhere.error)
        assert there.status == 404
        assert spoken(conversation) == STOPPED

    def test_with_a_key_that_only_reads_asks_nothing(
        self, owner: User, conversation: Conversation, stopped: Message
    ) -> None:
        assert as_program(owner, "read")("POST", retry(stopped)).status == 403
        assert spoken(conversation) == STOPPED


class TestAReplyThatIsKept:
    def test_is_not_given_again_once_the_conversation_is_deleted(self, ada: Api, owner: User) -> None:
        path = f"conversations/{begin(owner).pk}"
        rename = {"title": "On leaving"}
        assert ada("PATCH", path, rename, idempotency_key="rename").status == 200
        gone = [ada("DELETE", path, idempotency_key="delete") for _ in "ab"]
        assert [(each.status, each.headers.get("Idempotency-Replayed")) for each in gone] == [
            (200, None),
            (200, "true"),
        ]
        again = ada("PATCH", path, rename, idempotency_key="rename")
        assert (again.status, again.error and again.error["code"]) == (404, "NOT_FOUND")
        assert not SavedReply.objects.filter(key="rename").exclude(body=b"").exists()

    def test_of_the_beginning_begins_no_second_one(self, ada: Api) -> None:
        begun = ada("POST", "conversations", {"title": "On leaving"}, idempotency_key="begin")
        ada("DELETE", f"conversations/{begun.data['id']}")
        again = ada("POST", "conversations", {"title": "On leaving"}, idempotency_key="begin")
        assert (begun.status, again.status) == (201, 404)
        assert Conversation.objects.count() == 1
