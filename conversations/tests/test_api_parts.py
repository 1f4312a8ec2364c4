"""A link to a part of a conversation over the API: chosen, previewed, and never more than that."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import User
from accounts.tests.api_caller import Api, as_program
from accounts.tests.cast import Cast
from conversations.models import Conversation
from conversations.outward import ShareLink
from conversations.tests.factories import QUOTE, add
from conversations.tests.links import told_conversation, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def conversation(owner: User) -> Conversation:
    """Return Ada's conversation: two questions, two cited answers, and a notice in between."""
    return told_conversation(owner)


def share_of(conversation: Any) -> str:
    """Return the address under which a link is made."""
    return f"conversations/{conversation.pk}/share"


class TestAPart:
    def test_is_all_that_its_link_shows(self, ada: Api, conversation: Conversation) -> None:
        part = {"first_sequence": 4, "last_sequence": 5, "with_names": True}
        made = ada("POST", share_of(conversation), part)
        assert made.status == 201
        link = ShareLink.objects.get()
        assert (link.first_sequence, link.last_sequence, link.with_names) == (4, 5, True)
        page = words(Client().get(made.data["share_url"].partition("testserver")[2]))
        assert "And who leads?" in page
        assert "Ada Moss" in page
        assert "How often do we review norms?" not in page

    def test_never_grows_although_its_end_was_beyond_what_was_said(
        self, ada: Api, conversation: Conversation
    ) -> None:
        ada("POST", share_of(conversation), {"first_sequence": 2, "last_sequence": 99})
        link = ShareLink.objects.get()
        assert (link.first_sequence, link.last_sequence) == (2, 5)

    def test_left_open_has_one_link_for_one_key_although_more_was_said(
        self, ada: Api, owner: User, conversation: Conversation
    ) -> None:
        part = {"first_sequence": 4, "with_names": True}
        first = ada("POST", share_of(conversation), part, idempotency_key="one")
        add(conversation, "More", by="client", sender=owner)
        second = ada("POST", share_of(conversation), part, idempotency_key="one")
        assert first.data == second.data
        assert (ShareLink.objects.get().first_sequence, ShareLink.objects.get().last_sequence) == (4, 5)
        other = ada("POST", share_of(conversation), {**part, "with_names": False}, idempotency_key="one")
        assert other.data["share_url"] != first.data["share_url"]

    def test_begins_and_ends_with_something_that_can_be_shown(
        self, ada: Api, conversation: Conversation
    ) -> None:
        ada("POST", share_of(conversation), {"last_sequence": 3})
        link = ShareLink.objects.get()
        assert (link.first_sequence, link.last_sequence, link.with_names) == (1, 2, False)

    def test_without_a_message_is_refused(self, ada: Api, conversation: Conversation) -> None:
        for part in ({"first_sequence": 3, "last_sequence": 3}, {"first_sequence": 6}):
            refused = ada("POST", share_of(conversation), part)
            assert (refused.status, refused.error and refused.error["details"]) == (
                409,
                {"reason": "nothing_to_share"},
            )
        assert not ShareLink.objects.exists()

    @pytest.mark.parametrize(
        "part",
        [
            {"first_sequence": 5, "last_sequence": 4},
            {"first_sequence": "all"},
            {"last_sequence": -1},
            {"with_names": "perhaps"},
        ],
    )
    def test_that_makes_no_sense_is_refused(
        self, ada: Api, conversation: Conversation, part: dict[str, object]
    ) -> None:
        assert ada("POST", share_of(conversation), part).status == 400
        assert not ShareLink.objects.exists()


class TestThePreview:
    def test_is_what_the_holder_would_see_and_makes_no_link(
        self, ada: Api, conversation: Conversation
    ) -> None:
        found = ada("GET", f"{share_of(conversation)}/preview?first_sequence=2&last_sequence=4")
        assert found.status == 200
        assert {name: found.data[name] for name in ("first_sequence", "last_sequence", "with_names")} == {
            "first_sequence": 2,
            "last_sequence": 4,
            "with_names": False,
        }
        answer, question = found.data["messages"]
        assert (answer["place"], answer["role"], answer["sender"]) == (1, "assistant", "The AI")
        assert answer["html"].startswith("<p>Every six weeks")
        (source,) = answer["citations"]
        assert (source["number"], source["label"], source["title"]) == (1, "Quoted", "The handbook")
        assert (source["page"], source["quote"]) == ("12", QUOTE)
        assert (question["role"], question["sender"], question["citations"]) == ("user", "An educator", [])
        assert "SECRET-NOTICE" not in str(found.data)
        assert str(conversation.pk) not in str(found.data)
        assert not ShareLink.objects.exists()

    def test_is_of_everything_unless_something_was_chosen(self, ada: Api, conversation: Conversation) -> None:
        found = ada("GET", f"{share_of(conversation)}/preview?with_names=true").data
        assert (found["first_sequence"], found["last_sequence"]) == (1, 5)
        assert [message["sender"] for message in found["messages"]] == [
            "Ada Moss",
            "Sideline",
            "Ada Moss",
            "Sideline",
        ]

    def test_of_what_is_not_one_s_own_is_as_of_nothing(self, cast: Cast, conversation: Conversation) -> None:
        add(conversation, "More", by="client", sender=cast.home.owner)
        for member in (cast.home.coach, cast.home.admin, cast.away.owner):
            api = as_program(member)
            for part in ("", "?first_sequence=1", "?first_sequence=99", "?with_names=true"):
                found = api("GET", f"{share_of(conversation)}/preview{part}")
                nowhere = api("GET", f"conversations/{uuid4()}/share/preview{part}")
                assert (found.status, found.error) == (404, nowhere.error)
            for body in ({}, {"first_sequence": 1}, {"first_sequence": 99}):
                refused = api("POST", share_of(conversation), body)
                nowhere = api("POST", f"conversations/{uuid4()}/share", body)
                assert (refused.status, refused.error) == (404, nowhere.error)
