"""A person's own settings."""

import pytest
from django.test import Client

from accounts.models import AuditEvent, User

pytestmark = [pytest.mark.usefixtures("accounts_alone"), pytest.mark.django_db]

ADDRESS = "/settings/"


def test_strangers_sign_in_first(client: Client) -> None:
    assert client.get(ADDRESS)["Location"] == "/accounts/login/?next=/settings/"


def test_the_name_is_saved_and_nothing_else(as_owner: Client, owner: User) -> None:
    before = User.objects.filter(pk=owner.pk).values().get()
    form = {
        "name": " Ada Moor ",
        "theme": "system",
        "role": "admin",
        "is_superuser": "on",
        "email": "x@y.example",
    }
    assert as_owner.post(ADDRESS, form)["Location"] == ADDRESS
    assert User.objects.filter(pk=owner.pk).values().get() == {**before, "name": "Ada Moor"}
    assert "Your settings are saved." in as_owner.get(ADDRESS).content.decode()


def test_a_new_name_is_on_record_and_the_same_is_not(as_owner: Client, owner: User) -> None:
    for name in (owner.name, "Ada Moor", "Ada Moor"):
        as_owner.post(ADDRESS, {"name": name, "theme": "system"})
    event = AuditEvent.objects.get(action="person_name_changed")
    assert (event.actor_id, event.resource, event.reason) == (owner.pk, f"person:{owner.pk}", "")
    assert event.organization_id == owner.organization_id


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "A\x00da"])
def test_an_impossible_name_is_explained(as_owner: Client, owner: User, name: str) -> None:
    page = as_owner.post(ADDRESS, {"name": name, "theme": "system"})
    assert page.status_code == 200
    assert 'id="id_name_error"' in page.content.decode()
    owner.refresh_from_db()
    assert owner.name == "Ada Moss"


def test_a_name_is_shown_as_text(as_owner: Client) -> None:
    as_owner.post(ADDRESS, {"name": "<img src=x onerror=alert(1)>", "theme": "system"})
    page = as_owner.get(ADDRESS).content.decode()
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_look_is_kept_in_a_cookie_and_drawn_by_the_server(as_owner: Client, theme: str) -> None:
    as_owner.post(ADDRESS, {"name": "Ada Moss", "theme": theme})
    assert (as_owner.cookies["theme"].value, as_owner.cookies["theme"]["samesite"]) == (theme, "Lax")
    assert f'<html lang="en-GB" data-theme="{theme}">' in as_owner.get(ADDRESS).content.decode()
    as_owner.post(ADDRESS, {"name": "Ada Moss", "theme": "system"})
    assert '<html lang="en-GB">' in as_owner.get(ADDRESS).content.decode()


def test_an_unknown_look_is_refused_and_a_forged_cookie_ignored(as_owner: Client) -> None:
    assert as_owner.post(ADDRESS, {"name": "Ada Moss", "theme": "neon"}).status_code == 200
    as_owner.cookies["theme"] = '"><script>'
    page = as_owner.get(ADDRESS)
    assert '<html lang="en-GB">' in page.content.decode()
    assert b'"><script>' not in page.content


def test_the_page_of_a_bug_shows_the_number_to_ask_about(as_owner: Client) -> None:
    as_owner.raise_request_exception = False
    page = as_owner.get("/fail/")
    assert page.status_code == 500
    assert b"Something went wrong" in page.content
