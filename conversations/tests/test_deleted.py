"""Conversations that were deleted can be found and brought back, whatever was done since, as long as they are kept."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.access import NotVisible
from accounts.models import Organization, User
from accounts.tests.cast import Cast
from conversations import organizing, queries
from conversations.models import Conversation
from conversations.tests.factories import begin, say

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now
DELETED = {"status": "deleted"}


@pytest.fixture
def as_owner(client: Client, owner: User) -> Client:
    """Return a browser in which Ada is signed in."""
    client.force_login(owner)
    return client


def deleted(owner: User, title: str, *, days_ago: float = 0) -> Conversation:
    """Return a conversation that its owner deleted some days ago."""
    conversation = begin(owner)
    organizing.rename(member=owner, conversation_id=conversation.pk, title=title, now=NOW())
    organizing.delete(member=owner, conversation_id=conversation.pk, now=NOW() - timedelta(days=days_ago))
    return conversation


def words(response: Any) -> str:
    """Return the page as text."""
    return str(response.content.decode())


def restore_of(conversation: Conversation) -> str:
    """Return where a conversation is brought back."""
    return f"/conversations/{conversation.pk}/restore/"


def test_all_of_them_wait_in_a_list_of_their_own_however_often_it_is_loaded(
    as_owner: Client, owner: User
) -> None:
    first, second = deleted(owner, "Norms", days_ago=1), begin(owner)
    as_owner.post(f"/conversations/{second.pk}/delete/")
    for _ in range(2):
        page = words(as_owner.get("/", DELETED))
        assert page.index(restore_of(second)) < page.index(restore_of(first))
        assert f'href="/conversations/{first.pk}/"' not in page
    assert restore_of(first) not in words(as_owner.get("/"))
    for conversation in (first, second):
        as_owner.post(restore_of(conversation))
        assert as_owner.get(f"/conversations/{conversation.pk}/").status_code == 200
    assert "Nothing to bring back" in words(as_owner.get("/", DELETED))


def test_the_list_is_searched_and_comes_alone_for_htmx(as_owner: Client, owner: User) -> None:
    conversation, other = begin(owner), deleted(owner, "Norms")
    say(owner, conversation, "Exit tickets")
    organizing.delete(member=owner, conversation_id=conversation.pk, now=NOW())
    found = words(as_owner.get("/", {**DELETED, "search": "TICKETS"}, headers={"HX-Request": "true"}))
    assert found.lstrip().startswith('<div id="list">')
    assert restore_of(conversation) in found
    assert restore_of(other) not in found


def test_they_are_nobody_elses(client: Client, owner: User, cast: Cast) -> None:
    conversation = deleted(owner, "Norms")
    for stranger in (cast.home.coach, cast.home.other_coach, cast.home.admin, cast.away.owner):
        client.force_login(stranger)
        assert str(conversation.pk) not in words(client.get("/", DELETED))
        assert client.post(restore_of(conversation)).status_code == 404


def test_they_are_kept_as_long_as_the_organization_says(as_owner: Client, owner: User) -> None:
    Organization.objects.update(keep_deleted_days=7)
    kept, gone = deleted(owner, "Norms", days_ago=6.9), deleted(owner, "Results", days_ago=7.1)
    page = words(as_owner.get("/", DELETED))
    assert f"Kept until {NOW() + timedelta(days=0.1):%-d %B}" in page
    assert restore_of(kept) in page
    assert restore_of(gone) not in page
    assert as_owner.post(restore_of(gone)).status_code == 404
    with pytest.raises(NotVisible):
        organizing.restore(member=owner, conversation_id=gone.pk, now=NOW())
    assert as_owner.post(restore_of(kept))["Location"] == "/"


def test_a_long_list_goes_on_where_the_page_ended(owner: User) -> None:
    for number in range(31):
        deleted(owner, f"Talk {number:02}", days_ago=number / 2)
    page = queries.deleted_list(owner, now=NOW())
    assert [each.title for each in page.conversations] == [f"Talk {number:02}" for number in range(30)]
    rest = queries.deleted_list(owner, now=NOW(), before=page.next_before)
    assert ([each.title for each in rest.conversations], rest.next_before) == (["Talk 30"], None)
