"""Somebody opens the address of a button, as after a sign-in that came between."""

from django.test import Client
from pytest_django.asserts import assertContains, assertTemplateUsed


def test_shows_a_way_on(as_owner: Client) -> None:
    answer = as_owner.get("/conversations/")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assertTemplateUsed(answer, "405.html")
    assertContains(answer, 'href="/"', status_code=405)


def test_stays_empty_for_what_is_no_reader(as_owner: Client) -> None:
    assert as_owner.put("/conversations/").content == b""
    assert as_owner.head("/conversations/").content == b""
