"""While a new version is rolled out, the one before it writes to the same database and knows none of the new columns."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, connections
from django.db.models import CharField, Model
from django.utils import timezone

from accounts.models import User
from accounts.tests import version_before
from accounts.tests.cast import Cast
from coaching.models import PromptRun
from conversations import organizing
from conversations.database import in_db
from conversations.models import Conversation, Feedback, Handoff
from conversations.tests.factories import add, begin
from conversations.turns.accept import accept
from conversations.turns.plan import load

pytestmark = pytest.mark.django_db(transaction=True)


def insert(table: str, **values: Any) -> UUID:
    """Insert a row of version 0.1 and return its id."""
    key = uuid4()
    version_before.insert(table, id=key, **values)
    return key


def set_status(conversation_id: UUID, status: str) -> None:
    """Archive a conversation or bring it back as version 0.1 does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE conversations_conversation SET status = %s WHERE id = %s", [status, conversation_id]
        )


class TestVersion01:
    def test_begins_conversations(self, cast: Cast) -> None:
        now = timezone.now()
        key = insert(
            "conversations_conversation",
            organization_id=cast.home.organization.pk,
            owner_id=cast.home.owner.pk,
            coach_id=cast.home.coach.pk,
            title="",
            status="active",
            channel="web",
            visibility="coached",
            owner_state="ai",
            epoch=0,
            holder_id=None,
            last_sequence=0,
            deleted_at=None,
            created_at=now,
            updated_at=now,
        )
        begun = Conversation.objects.get(pk=key)
        assert (begun.pseudonyms, begun.archived_at, begun.begun_with) == ({}, None, None)

    def test_keeps_what_is_thought_of_answers(self, cast: Cast) -> None:
        now = timezone.now()
        answer = add(begin(cast.home.owner), "With a question.")
        key = insert(
            "conversations_feedback",
            message_id=answer.pk,
            author_id=cast.home.owner.pk,
            score=1,
            reasons=[],
            comment="",
            created_at=now,
            updated_at=now,
        )
        given = Feedback.objects.get(pk=key)
        assert (given.state, given.note, given.handled_by, given.handled_at) == ("new", "", None, None)

    def test_calls_coaches(self, cast: Cast) -> None:
        now = timezone.now()
        key = insert(
            "conversations_handoff",
            conversation_id=begin(cast.home.owner).pk,
            organization_id=cast.home.organization.pk,
            trigger_id=None,
            reason="client_request",
            state="taken",
            confidence=None,
            rule_trace="[]",
            coach_id=cast.home.coach.pk,
            consented=False,
            escalated_at=None,
            joined_sequence=1,
            requested_at=now,
            taken_at=now,
            returned_at=None,
            summary="{}",
        )
        episode = Handoff.objects.get(pk=key)
        assert (episode.acted_at, episode.absent_at) == (None, None)

    def test_archives_and_brings_back(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        set_status(conversation.pk, "archived")
        conversation.refresh_from_db()
        assert (conversation.status, conversation.archived_at) == ("archived", None)
        then = timezone.now() - timedelta(days=800)
        Conversation.objects.filter(pk=conversation.pk).update(archived_at=then)
        set_status(conversation.pk, "active")
        now = timezone.now()
        again = organizing.set_status(
            member=cast.home.owner, conversation_id=conversation.pk, status="archived", now=now
        )
        assert again.archived_at == now

    def test_keeps_its_calls_to_providers(self, cast: Cast) -> None:
        key = insert(
            "coaching_promptrun",
            at=timezone.now(),
            organization_id=cast.home.organization.pk,
            user_id=cast.home.owner.pk,
            subject_id=None,
            purpose="answer",
            provider="openai",
            model="gpt-4o",
            prompt="answer",
            prompt_version="2",
            prompt_hash="",
            input_tokens=10,
            output_tokens=10,
            cost_usd=0,
            latency_ms=900,
            first_token_ms=300,
            status="ok",
            error="",
        )
        assert PromptRun.objects.get(pk=key).request_id == ""


@contextmanager
def widened(model: type[Model], name: str) -> Iterator[None]:
    """Have a migration of the next version give a column room for one character more, from another process."""
    migrating = connections["default"].copy()
    field = model._meta.get_field(name)
    assert isinstance(field, CharField)
    wider = field.clone()
    wider.set_attributes_from_name(name)
    wider.model, wider.max_length = model, (field.max_length or 0) + 1
    try:
        with migrating.schema_editor() as schema:
            schema.alter_field(model, field, wider)
        yield
    finally:
        with migrating.schema_editor() as schema:
            schema.alter_field(model, wider, field)
        migrating.close()


OFTEN = 40
"""More often than each database thread has to meet a statement before the server keeps its plan."""


@pytest.mark.usefixtures("threads")
class TestThisVersion:
    def test_goes_on_while_a_migration_changes_columns_that_its_kept_plans_return(self, cast: Cast) -> None:
        said: dict[str, Any] = {
            "member": cast.home.owner,
            "conversation_id": begin(cast.home.owner).pk,
            "client_id": uuid4(),
            "text": "How do we begin a meeting well?",
            "worker": "this one",
        }
        turn_id = accept(**said, now=timezone.now()).turn_id
        assert turn_id is not None

        @async_to_sync
        async def ask_again_and_read() -> tuple[bool, str]:
            accepted = await in_db(accept)(**said, now=timezone.now())
            loaded = await in_db(load)(turn_id)
            assert loaded is not None
            return accepted.repeated, loaded.question

        usual = [(True, said["text"])] * OFTEN
        assert [ask_again_and_read() for _ in range(OFTEN)] == usual
        with widened(Conversation, "title"), widened(User, "name"):
            assert [ask_again_and_read() for _ in range(OFTEN)] == usual
