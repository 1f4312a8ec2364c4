"""Messages over the API: asked and waited for, read along as events, resumed, and answered once for each key."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts import access, people, tokens
from accounts.models import User
from accounts.tests.api_caller import Api, as_program, key_of
from accounts.tests.cast import Cast
from coaching.models import PromptRun
from coaching.providers.ports import ProviderUnavailable
from coaching.providers.scripted import Reply as SlowReply
from coaching.providers.scripted import ScriptedChat
from conversations import asking, handoff, live, organizing
from conversations.api import event_stream
from conversations.models import Conversation, Interaction, Message
from conversations.tests.api_reading import QUESTION, Event, Reading, messages, text_of
from conversations.tests.doubles import stage
from conversations.tests.factories import say, spoken
from conversations.turns.run import turns
from knowledge.models import Passage
from knowledge.tests.shelf import put

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("scripted")]


class TestAskedAndWaitedFor:
    def test_is_answered_with_the_whole_answer(self, ada: Api, conversation: Conversation) -> None:
        reply = ada("POST", messages(conversation), {"content": QUESTION})
        assert (reply.status, reply.data["role"], reply.data["state"]) == (201, "assistant", "complete")
        assert reply.data["content"] == "Begin with one question."
        assert spoken(conversation) == [("client", QUESTION), ("ai", "Begin with one question.")]
        question = Message.objects.get(conversation=conversation, sequence=1)
        assert reply.meta["in_reply_to"] == str(question.pk)

    def test_is_answered_under_the_id_of_the_request(self, ada: Api, conversation: Conversation) -> None:
        reply = ada("POST", messages(conversation), {"content": QUESTION})
        causes = set(PromptRun.objects.values_list("purpose", "request_id"))
        assert causes == {(purpose, reply.meta["request_id"]) for purpose in ("embedding", "answer")}

    def test_shows_its_sources_as_the_source_document_asks(
        self, ada: Api, conversation: Conversation
    ) -> None:
        (passage,) = put(conversation.organization, f"{QUESTION} With one question that matters.")
        Passage.objects.filter(pk=passage.pk).update(chapter_number=2, chapter_title="Beginning")
        stage.chat = ScriptedChat("Begin with one question that matters [1].")
        reply = ada("POST", messages(conversation), {"content": QUESTION})
        (citation,) = reply.data["citations"]
        assert citation["book_title"] == "Handbook"
        assert citation["authors"] == ["A. Writer"]
        assert (citation["chapter"], citation["chapter_title"], citation["pages"]) == (2, "Beginning", ["1"])
        assert citation["url"].startswith(f"http://testserver/library/{passage.version.document_id}/v/")

    def test_that_fails_is_kept_and_says_what_to_do(self, ada: Api, conversation: Conversation) -> None:
        stage.chat = ScriptedChat(*[SlowReply("It begins", error=ProviderUnavailable("down"))] * 5)
        reply = ada("POST", messages(conversation), {"content": QUESTION})
        assert (reply.status, reply.data["state"], reply.data["content"]) == (201, "failed", "It begins")
        assert reply.data["problem"] == "The AI could not be reached. Try again in a minute."

    def test_in_a_crisis_the_help_lines_answer(self, ada: Api, conversation: Conversation) -> None:
        reply = ada("POST", messages(conversation), {"content": "I want to kill myself"})
        assert (reply.status, reply.data["role"]) == (202, "system")
        assert reply.data["help_lines"] == [
            {"name": "Listening line", "contact": "555 0100", "hours": "day and night"}
        ]
        assert not Interaction.objects.exists()

    def test_with_a_coach_at_it_nobody_else_answers(
        self, ada: Api, coach: User, conversation: Conversation
    ) -> None:
        handoff.take_over(coach=coach, conversation_id=conversation.pk, now=timezone.now())
        reply = ada("POST", messages(conversation), {"content": QUESTION})
        assert (reply.status, reply.data["role"], reply.data["content"]) == (202, "user", QUESTION)
        assert not Interaction.objects.exists()

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "content"),
            ({"content": ""}, "content"),
            ({"content": "   "}, "reason"),
            ({"content": "a\x00b"}, "content"),
            ({"content": "x" * 20_001}, "content"),
            ({"content": QUESTION, "sender_type": "ai"}, "sender_type"),
            ({"content": QUESTION, "sequence": 1, "role": "assistant"}, "role"),
        ],
    )
    def test_nonsense_is_refused_and_nothing_is_said(
        self, ada: Api, conversation: Conversation, body: dict[str, Any], field: str
    ) -> None:
        reply = ada("POST", messages(conversation), body)
        assert (reply.status, reply.code) == (400, "INVALID_INPUT")
        assert reply.error is not None
        assert field in reply.error["details"]
        assert spoken(conversation) == []

    def test_in_an_archived_conversation_is_refused(self, ada: Api, conversation: Conversation) -> None:
        organizing.set_status(
            member=conversation.owner, conversation_id=conversation.pk, status="archived", now=timezone.now()
        )
        reply = ada("POST", messages(conversation), {"content": QUESTION})
        assert (reply.status, reply.code) == (409, "CONFLICT")
        assert reply.error is not None
        assert reply.error["details"] == {"reason": "archived"}


class TestUnderAKey:
    def test_sent_again_gets_the_same_bytes(self, ada: Api, conversation: Conversation) -> None:
        first, second = (
            ada("POST", messages(conversation), {"content": QUESTION}, idempotency_key="one") for _ in "ab"
        )
        assert (first.status, first.data, first.meta) == (second.status, second.data, second.meta)
        assert second.headers["Idempotency-Replayed"] == "true"
        assert len(stage.chat.asked) == 1
        assert len(spoken(conversation)) == 2

    def test_with_another_body_is_refused(self, ada: Api, conversation: Conversation) -> None:
        ada("POST", messages(conversation), {"content": QUESTION}, idempotency_key="one")
        reply = ada("POST", messages(conversation), {"content": "Another"}, idempotency_key="one")
        assert (reply.status, reply.code) == (422, "KEY_REUSED")
        assert len(spoken(conversation)) == 2

    def test_that_a_socket_has_used_finds_the_same_message(
        self, ada: Api, owner: User, conversation: Conversation
    ) -> None:
        key = uuid4()
        said = say(owner, conversation, QUESTION, client_id=key, worker=live.PROCESS)
        Message.objects.filter(sequence=said.message.sequence + 1).update(state="complete", content="Yes.")
        reply = ada("POST", messages(conversation), {"content": QUESTION}, idempotency_key=str(key))
        assert (reply.status, reply.data["content"]) == (201, "Yes.")
        assert len(spoken(conversation)) == 2


@pytest.fixture
def reading(owner: User) -> Reading:
    """Return a program with Ada's key that reads events."""
    return Reading(key_of(owner))


class TestReadAlong:
    async def test_comes_as_the_source_document_names_it(
        self, reading: Reading, conversation: Conversation
    ) -> None:
        await reading.ask(conversation)
        events = await reading.all()
        names = [event.name for event in events]
        assert (names[0], names[-1]) == ("message_start", "message_complete")
        assert set(names[1:-1]) == {"content_delta"}
        reply = await Message.objects.aget(sender_type="ai")
        assert events[0].data["id"] == events[-1].data["id"] == str(reply.pk)
        assert text_of(events) == events[-1].data["content"] == reply.content == "Begin with one question."
        assert (events[-1].data["citations"], events[-1].data["domains"]) == ([], [])

    async def test_words_come_while_the_rest_is_still_thought_of(
        self, reading: Reading, conversation: Conversation
    ) -> None:
        answer = SlowReply("One two three", until=asyncio.Event(), wait_after=1)
        stage.chat = ScriptedChat(answer)
        await reading.ask(conversation)
        stream = reading.events()
        assert (await anext(stream)).name == "message_start"
        assert (await anext(stream)).data["delta"] == "One"
        assert answer.until is not None
        answer.until.set()
        rest = [event async for event in stream]
        assert rest[-1].data["content"] == "One two three"

    async def test_a_reader_who_leaves_does_not_end_the_answer_and_finds_the_rest(
        self, reading: Reading, conversation: Conversation
    ) -> None:
        answer = SlowReply("One two three", until=asyncio.Event(), wait_after=2)
        stage.chat = ScriptedChat(answer)
        await reading.ask(conversation)
        read: list[Event] = []
        reader = asyncio.create_task(reading.read_into(read))
        await reading.heard.wait()
        reader.cancel()
        await asyncio.wait([reader])
        assert not live.hub.somebody_listens(conversation.pk)
        assert answer.until is not None
        answer.until.set()
        await turns.finished()
        await reading.come_back(read[0].data["id"], [event.id for event in read if event.id][-1])
        rest = await reading.all()
        assert text_of([*read, *rest]) == rest[-1].data["content"] == "One two three"
        assert rest[0].data["offset"] == len(text_of(read))

    async def test_the_same_key_again_goes_on_where_it_was_left(
        self, reading: Reading, conversation: Conversation
    ) -> None:
        await reading.ask(conversation, **{"Idempotency-Key": "one"})
        events = await reading.all()
        await reading.ask(conversation, **{"Idempotency-Key": "one", "Last-Event-ID": events[1].id})
        again = await reading.all()
        assert "".join(e.data.get("delta", "") for e in [events[1], *again]) == "Begin with one question."
        assert await Message.objects.acount() == 2
        assert len(stage.chat.asked) == 1

    async def test_another_body_under_the_key_is_refused_before_any_event(
        self, reading: Reading, conversation: Conversation
    ) -> None:
        await reading.ask(conversation, **{"Idempotency-Key": "one"})
        await reading.all()
        await reading.ask(conversation, "Another", **{"Idempotency-Key": "one"})
        assert reading.response.status_code == 422
        assert json.loads(reading.response.content)["error"]["code"] == "KEY_REUSED"

    async def test_a_failure_is_an_event(self, reading: Reading, conversation: Conversation) -> None:
        stage.chat = ScriptedChat(*[SlowReply("It begins", error=ProviderUnavailable("down"))] * 5)
        await reading.ask(conversation)
        last = (await reading.all())[-1]
        assert (last.name, last.data["code"]) == ("error", "ANSWER_FAILED")
        assert last.data["message"] == "The AI could not be reached. Try again in a minute."

    async def test_a_silence_has_heartbeats(
        self, reading: Reading, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(asking, "LOOK_SECONDS", 0.01)
        monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0.0)
        answer = SlowReply("One two", until=asyncio.Event(), wait_after=1)
        stage.chat = ScriptedChat(answer)
        await reading.ask(conversation)
        names = []
        async for event in reading.events():
            names.append(event.name)
            if event.name == "heartbeat" and answer.until is not None:
                answer.until.set()
        assert "heartbeat" in names
        assert names[-1] == "message_complete"

    async def test_a_person_who_has_to_answer_ends_it_with_the_notice(
        self, reading: Reading, conversation: Conversation
    ) -> None:
        await reading.ask(conversation, "I want to kill myself")
        events = await reading.all()
        assert [event.name for event in events] == ["message_start", "content_delta", "message_complete"]
        assert events[-1].data["content"].startswith("Thank you for telling me.")

    async def test_a_coach_at_it_ends_it_without_an_answer(
        self, reading: Reading, coach: User, conversation: Conversation
    ) -> None:
        await sync_to_async(handoff.take_over)(
            coach=coach, conversation_id=conversation.pk, now=timezone.now()
        )
        await reading.ask(conversation)
        events = await reading.all()
        assert [(event.name, event.data["id"]) for event in events] == [
            ("message_start", None),
            ("message_complete", None),
        ]
        assert events[-1].data["state"] == "with_coach"

    @pytest.mark.parametrize("end", ["deactivated", "revoked"])
    async def test_ends_when_its_reader_may_no_longer_read(
        self,
        owner: User,
        org_admin: User,
        conversation: Conversation,
        monkeypatch: pytest.MonkeyPatch,
        end: str,
    ) -> None:
        monkeypatch.setattr(asking, "LOOK_SECONDS", 0.01)
        answer = SlowReply("One two", until=asyncio.Event(), wait_after=1)
        stage.chat = ScriptedChat(answer)
        reading = Reading(await sync_to_async(key_of)(owner))
        await reading.ask(conversation)
        stream = reading.events()
        assert (await anext(stream)).name == "message_start"
        await sync_to_async(lock_out)(owner, org_admin, end)
        rest = [event async for event in stream]
        assert (rest[-1].name, rest[-1].data["code"]) == ("error", "NOT_FOUND")
        assert answer.until is not None
        answer.until.set()
        await turns.finished()
        assert (await Message.objects.aget(sender_type="ai")).content == "One two"


def lock_out(person: User, admin: User, end: str) -> None:
    """End what lets a person read."""
    if end == "revoked":
        (token,) = access.own_tokens(person)
        tokens.revoke(owner=person, token_id=token.pk, now=timezone.now())
    else:
        person.is_active = False
        people.change_person(actor=admin, person=person, changed=["is_active"])


class TestSomebodyElse:
    @pytest.mark.parametrize("who", ["coach", "other_coach", "admin", "stranger"])
    def test_says_nothing_in_it_and_is_answered_as_for_nothing(
        self, cast: Cast, conversation: Conversation, who: str
    ) -> None:
        person = cast.away.owner if who == "stranger" else getattr(cast.home, who)
        api = as_program(person)
        there = api("POST", messages(conversation), {"content": QUESTION})
        nowhere = api("POST", f"conversations/{uuid4()}/messages", {"content": QUESTION})
        assert (there.status, there.error) == (nowhere.status, nowhere.error)
        assert there.status == 404
        assert spoken(conversation) == []

    def test_reads_no_events_of_it(self, cast: Cast, owner: User, conversation: Conversation) -> None:
        say(owner, conversation, QUESTION)
        reply = Message.objects.get(sender_type="ai")
        api = as_program(cast.away.owner)
        there, nowhere = (api("GET", f"messages/{one}/events") for one in (reply.pk, uuid4()))
        assert (there.status, there.error) == (nowhere.status, nowhere.error) == (404, there.error)
