"""A conversation that is refused leaves a line on record, which tells nobody whether it exists."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import async_to_sync
from channels.testing import WebsocketCommunicator
from django.test import Client
from django.utils import timezone

from accounts import audit, record, refusals
from accounts.access import NotVisible
from accounts.lifecycle import Records
from accounts.models import AuditEvent, User
from accounts.tests.api_caller import as_program
from accounts.tests.cast import Cast
from accounts.tests.racing import overtaken
from conversations import diary, organizing
from conversations.account_data import ConversationsData
from conversations.consumers import ConversationConsumer
from conversations.models import Conversation
from conversations.tests.factories import add, begin

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("threads")]

Ask = Callable[[User, UUID], int]


def browser_of(member: User) -> Client:
    """Return the browser of a member."""
    client = Client()
    client.force_login(member)
    return client


def by_page(member: User, conversation_id: UUID) -> int:
    """Open the page."""
    return browser_of(member).get(f"/conversations/{conversation_id}/").status_code


def by_file(member: User, conversation_id: UUID) -> int:
    """Download it as a file."""
    return browser_of(member).get(f"/conversations/{conversation_id}/markdown/").status_code


def by_saying(member: User, conversation_id: UUID) -> int:
    """Say something in it, which is refused within a transaction."""
    said = {"client_id": str(uuid4()), "text": "Hello?"}
    return browser_of(member).post(f"/conversations/{conversation_id}/say/", said).status_code


def by_program(member: User, conversation_id: UUID) -> int:
    """Read it through the API."""
    return as_program(member)("GET", f"conversations/{conversation_id}").status


def by_deleting(member: User, conversation_id: UUID) -> int:
    """Delete it through the API, which may be sent again and is refused within a transaction."""
    deleted = as_program(member)("DELETE", f"conversations/{conversation_id}", idempotency_key="once")
    return deleted.status


def by_socket(member: User, conversation_id: UUID) -> int:
    """Open a socket; it closes with 4404."""
    return async_to_sync(_closed_with)(member, conversation_id) - 4000


async def _closed_with(member: User, conversation_id: UUID) -> int:
    communicator = WebsocketCommunicator(ConversationConsumer.as_asgi(), "/ws/conversations/")
    communicator.scope |= {
        "user": member,
        "session": SimpleNamespace(session_key=str(uuid4())),
        "url_route": {"kwargs": {"conversation_id": conversation_id}},
    }
    await communicator.connect()
    closed = await communicator.receive_output(timeout=5)
    await communicator.disconnect()
    return int(closed["code"])


DOORS = [by_page, by_file, by_saying, by_program, by_deleting, by_socket]


def refused() -> list[tuple[Any, Any, str, str]]:
    """Return in whose record it says that who was refused what, and what it adds."""
    found = AuditEvent.objects.filter(action="conversation.refused").order_by("sequence")
    return list(found.values_list("organization_id", "actor_id", "resource", "reason"))


class TestARefusal:
    @pytest.mark.parametrize("ask", DOORS)
    def test_is_on_record_once_and_alike_for_the_missing_and_the_forbidden(
        self, cast: Cast, ask: Ask
    ) -> None:
        forbidden, missing, asker = begin(cast.home.owner).pk, uuid4(), cast.away.owner
        assert [ask(asker, each) for each in (forbidden, missing, forbidden)] == [404, 404, 404]
        whose = cast.away.organization.pk
        assert refused() == [(whose, asker.pk, f"conversation:{each}", "") for each in (forbidden, missing)]
        assert audit.verify().intact

    def test_of_a_message_names_the_message_and_not_its_conversation(self, cast: Cast) -> None:
        forbidden = add(begin(cast.home.owner), "Mine.", by="ai").pk
        missing, asker = uuid4(), as_program(cast.away.owner)
        for each in (forbidden, missing):
            assert asker("POST", f"messages/{each}/feedback", {"score": 1}).status == 404
        assert [resource for _, _, resource, _ in refused()] == [f"message:{forbidden}", f"message:{missing}"]

    def test_of_a_coach_who_may_not_look_is_on_record(self, cast: Cast) -> None:
        private = begin(cast.home.owner, visibility="private")
        assert browser_of(cast.home.coach).get(f"/admin/queue/{private.pk}/").status_code == 404
        whose = cast.home.organization.pk
        assert refused() == [(whose, cast.home.coach.pk, f"conversation:{private.pk}", "")]

    def test_of_what_its_owner_has_deleted_is_too(self, cast: Cast) -> None:
        owner, deleted = cast.home.owner, begin(cast.home.owner)
        organizing.delete(member=owner, conversation_id=deleted.pk, now=timezone.now())
        assert by_page(owner, deleted.pk) == 404
        assert [resource for _, _, resource, _ in refused()] == [f"conversation:{deleted.pk}"]

    def test_of_nobody_signed_in_is_not(self, cast: Cast, conversation: Conversation) -> None:
        assert Client().get(f"/conversations/{conversation.pk}/").status_code == 302
        assert Client().get(f"/api/v1/conversations/{conversation.pk}").status_code == 401
        assert refused() == []


class TestMany:
    def test_are_listed_up_to_thirty_an_hour_and_the_last_says_so(self, cast: Cast) -> None:
        now, asker = timezone.now(), cast.away.owner
        for _ in range(refusals.MOST_AN_HOUR + 2):
            refusals.note(NotVisible(asked=f"conversation:{uuid4()}"), asker=asker, now=now)
        assert [why for *_, why in refused()] == [""] * 29 + ["further ones are not listed for a while"]
        refusals.note(NotVisible(asked="conversation:x"), asker=cast.away.coach, now=now)
        assert len(refused()) == 31

    def test_are_listed_again_after_an_hour(self, cast: Cast) -> None:
        refusal, now = NotVisible(asked="conversation:x"), timezone.now()
        for minutes in (0, 59, 61):
            later = now + timedelta(minutes=minutes)
            refusals.note(refusal, asker=cast.away.owner, now=later)
        assert len(refused()) == 2

    def test_at_once_are_counted_in_turn(self, cast: Cast) -> None:
        asker, now = cast.away.owner, timezone.now()
        overtaken(
            lambda: refusals.note(NotVisible(asked="conversation:x"), asker=asker, now=now),
            rows=User.objects.filter(pk=asker.pk),
            by=lambda: audit.record(actor=asker, action="conversation.refused", resource="conversation:x"),
        )
        assert len(refused()) == 1


class TestItsOwner:
    def test_reads_in_the_diary_who_was_not_let_in(self, cast: Cast) -> None:
        private = begin(cast.home.owner, visibility="private")
        for member in (cast.home.admin, cast.away.owner):
            by_page(member, private.pk)
        assert [(each.who, each.what, each.why) for each in diary.page(cast.home.owner).entries] == [
            ("Somebody outside your organization", "asked for it and was not let in", ""),
            ("Dora Finch", "asked for it and was not let in", ""),
        ]
        assert diary.page(cast.away.owner).entries == []

    def test_takes_no_more_along_in_the_copy_of_the_own_data(self, cast: Cast) -> None:
        private = begin(cast.home.owner, visibility="private")
        for member in (cast.home.admin, cast.away.owner):
            by_page(member, private.pk)
        files = {part.name: part for part in ConversationsData().export(cast.home.owner)}
        who_read = files["who_read.jsonl"]
        assert isinstance(who_read, Records)
        assert [each["who"] for each in who_read.rows()] == [
            "Dora Finch",
            "Somebody outside your organization",
        ]


class TestTheRecord:
    def test_says_it_in_words_and_neither_which_conversation_nor_which_message(self, cast: Cast) -> None:
        conversation, message = begin(cast.home.owner).pk, uuid4()
        by_page(cast.home.admin, conversation)
        as_program(cast.home.admin)("POST", f"messages/{message}/feedback", {"score": 1})
        browser = browser_of(cast.home.admin)
        page = browser.get("/admin/accounts/auditevent/").content.decode()
        told = record.page(cast.home.admin, record.Wanted(action="conversation.refused"))
        words = "Asked for a conversation and was told that there is none"
        assert [(line.what, line.resource) for line in told.lines] == [
            (words, "a message"),
            (words, "a conversation"),
        ]
        assert f"{words}</" in page
        assert (str(conversation) in page, str(message) in page) == (False, False)
        sought = browser.get("/admin/accounts/auditevent/", {"resource": f"message:{message}"})
        assert list(sought.context["cl"].result_list) == []
