"""One list of what no quota of requests holds back, for the pages and for the API, by method."""

from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from accounts import quotas
from accounts.models import User
from accounts.tests.api_caller import Api, as_program
from conversations.models import Conversation
from conversations.tests.factories import begin


def names(found: Any = None, space: str = "") -> set[str]:
    """Return the names of all addresses, with the spaces that they are in."""
    listed: set[str] = set()
    for each in (found or get_resolver()).url_patterns:
        if isinstance(each, URLPattern):
            listed.add(f"{space}{each.name}")
        elif isinstance(each, URLResolver):
            listed |= names(each, f"{space}{each.namespace}:" if each.namespace else space)
    return listed


def test_every_line_of_the_list_is_an_address(settings: Any) -> None:
    known = names()
    lines = [line.partition(" ") for line in settings.QUOTAS_NEVER_REFUSE]
    assert [name for _, _, name in lines if name not in known] == []
    assert {method for method, _, _ in lines} <= {"POST", "PATCH", "DELETE"}


def test_no_operation_keeps_a_list_of_its_own() -> None:
    views: list[Any] = [each.callback for each in get_resolver("config.api_urls").url_patterns]
    operations = [view.view_class for view in views if hasattr(view, "view_class")]
    assert len(operations) > 30
    assert [each.__name__ for each in operations if hasattr(each, "never_refused")] == []


@pytest.mark.django_db(transaction=True)
class TestOverTheApi:
    @pytest.fixture
    def spent(self, settings: Any, owner: User) -> Api:
        """Return a program of Ada's that has used up its requests."""
        settings.QUOTAS = {role: {"requests": "3/hour"} for role in ("educator", "coach", "admin")}
        quotas.forget()
        ada = as_program(owner)
        assert [ada("GET", "auth/me").status for _ in range(4)] == [200, 200, 200, 429]
        return ada

    def test_beginning_and_renaming_are_held_back(self, spent: Api, owner: User) -> None:
        conversation = begin(owner)
        statuses = [spent("POST", "conversations", {"title": "More"}).status for _ in range(12)]
        assert statuses == [429] * 12
        renamed = spent("PATCH", f"conversations/{conversation.pk}", {"title": "Another"})
        both = {"title": "Another", "visibility": "private"}
        assert (renamed.status, renamed.code) == (429, "RATE_LIMITED")
        assert spent("PATCH", f"conversations/{conversation.pk}", both).status == 429
        assert list(Conversation.objects.values_list("title", flat=True)) == [""]

    def test_closing_and_deleting_are_not(self, spent: Api, owner: User) -> None:
        conversation = begin(owner)
        closed = spent("PATCH", f"conversations/{conversation.pk}", {"visibility": "private"})
        assert (closed.status, closed.data["visibility"]) == (200, "private")
        assert spent("DELETE", f"conversations/{conversation.pk}").status == 200
        assert spent("POST", f"conversations/{conversation.pk}/restore").status == 429
