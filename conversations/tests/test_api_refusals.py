"""Messages that the API does not take, and why: a limit is used up, or a student seems to be named."""

from typing import Any

import pytest

from accounts.tests.api_caller import Api
from conversations.models import Conversation, Message
from conversations.tests.api_reading import QUESTION, messages
from conversations.tests.doubles import stage
from conversations.tests.factories import spoken
from conversations.turns.refusal import Refusal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("scripted")]


class TestBeyondAQuota:
    def test_nothing_is_taken_and_the_headers_say_when_to_come_again(
        self, ada: Api, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(**_options: Any) -> None:
            raise Refusal("monthly_limit", "Your organization has used its month.", seconds=60)

        monkeypatch.setattr("conversations.allowance.accept_within", refuse)
        found = ada("POST", messages(conversation), {"content": QUESTION}, idempotency_key="one")
        assert (found.status, found.code, found.headers["Retry-After"]) == (429, "RATE_LIMITED", "60")
        assert found.error is not None
        assert found.error["details"] == {"reason": "monthly_limit"}
        assert spoken(conversation) == []

    def test_without_redis_no_answer_is_asked_for(
        self, ada: Api, conversation: Conversation, settings: Any
    ) -> None:
        settings.QUOTAS_URL = "redis://127.0.0.1:1/0"
        found = ada("POST", messages(conversation), {"content": QUESTION})
        assert (found.status, found.code, found.headers["Retry-After"]) == (503, "UNAVAILABLE", "5")
        assert found.error is not None
        assert found.error["details"] == {"reason": "quota_unavailable"}
        assert spoken(conversation) == []
        assert ada("GET", messages(conversation)).status == 200

    def test_of_questions_the_answer_has_the_numbers(
        self, ada: Api, conversation: Conversation, settings: Any
    ) -> None:
        settings.QUOTAS = {
            **settings.QUOTAS,
            "educator": {**settings.QUOTAS["educator"], "ai_turns": "1/hour"},
        }
        assert ada("POST", messages(conversation), {"content": QUESTION}).status == 201
        found = ada("POST", messages(conversation), {"content": "And then?"})
        assert (found.status, found.code) == (429, "RATE_LIMITED")
        assert found.headers["RateLimit-Policy"] == '"ai_turns";q=1;w=3600'
        assert found.error is not None
        assert found.error["details"] == {"reason": "quota"}
        assert len(spoken(conversation)) == 2

    def test_of_requests_questions_are_taken_all_the_same_and_counted(
        self, ada: Api, conversation: Conversation, settings: Any
    ) -> None:
        settings.QUOTAS = {
            **settings.QUOTAS,
            "educator": {**settings.QUOTAS["educator"], "requests": "1/hour"},
        }
        for _ in range(2):
            taken = ada("POST", messages(conversation), {"content": QUESTION})
            assert (taken.status, "Retry-After" in taken.headers) == (201, False)
            assert taken.headers["RateLimit"].startswith('"requests";r=0;')
        assert ada("GET", messages(conversation)).status == 429


class TestAStudentsName:
    NAMED = "How do I help student Maria with her essay?"

    def test_is_questioned_with_what_was_found_and_nothing_is_taken(
        self, ada: Api, conversation: Conversation
    ) -> None:
        found = ada("POST", messages(conversation), {"content": self.NAMED}, idempotency_key="one")
        assert (found.status, found.code) == (409, "CONFLICT")
        assert found.error is not None
        details = found.error["details"]
        assert details["reason"] == "student_data"
        (finding,) = details["findings"]
        assert (finding["words"], finding["stand_in"]) == ("Maria", "Student A")
        assert self.NAMED[finding["start"] : finding["end"]] == "Maria"
        assert "Maria" not in details["suggestion"]
        assert "Student A" in details["suggestion"]
        assert spoken(conversation) == []
        assert stage.chat.asked == []

    def test_is_sent_once_the_educator_says_so_under_the_same_key(
        self, ada: Api, conversation: Conversation
    ) -> None:
        ada("POST", messages(conversation), {"content": self.NAMED}, idempotency_key="one")
        decided = {"content": self.NAMED, "student_data": "send"}
        assert ada("POST", messages(conversation), decided, idempotency_key="one").status == 201
        question = Message.objects.get(conversation=conversation, sender_type="client")
        assert question.metadata["student_data"]["decision"] == "send"

    def test_is_replaced_by_what_was_suggested(self, ada: Api, conversation: Conversation) -> None:
        found = ada("POST", messages(conversation), {"content": self.NAMED})
        assert found.error is not None
        decided = {"content": found.error["details"]["suggestion"], "student_data": "pseudonyms"}
        assert ada("POST", messages(conversation), decided).status == 201
        question = Message.objects.get(conversation=conversation, sender_type="client")
        assert "Maria" not in question.content
        assert question.metadata["student_data"] == {"decision": "pseudonyms"}

    def test_with_any_other_decision_is_nonsense(self, ada: Api, conversation: Conversation) -> None:
        reply = ada("POST", messages(conversation), {"content": self.NAMED, "student_data": "maybe"})
        assert (reply.status, reply.code) == (400, "INVALID_INPUT")
