"""Addresses that people type and programs look at, without a page that led there."""

import pytest
from django.test import Client

from accounts.models import User
from accounts.tests.cast import Cast
from accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def browser(member: User) -> Client:
    """Return a browser in which a person is signed in."""
    client = Client()
    client.force_login(member)
    return client


class TestTheDashboardsOwnAddress:
    def test_leads_coaches_and_administrators_to_the_queue(self, cast: Cast) -> None:
        for member in (cast.home.coach, cast.home.admin):
            response = browser(member).get("/admin/")
            assert (response.status_code, response["Location"]) == (302, "/admin/queue/")

    def test_shows_staff_without_an_organization_what_there_is(self) -> None:
        response = browser(UserFactory.create(staff=True)).get("/admin/")
        assert response.status_code == 200
        assert "/admin/service/" in response.content.decode()

    def test_is_nothing_to_an_educator_and_asks_strangers_to_sign_in(self, cast: Cast) -> None:
        assert browser(cast.home.owner).get("/admin/", follow=True).status_code == 404
        assert Client().get("/admin/")["Location"] == "/admin/login/?next=/admin/"


class TestLookingWithoutReading:
    def test_answers_as_to_a_reader_without_the_words(self, cast: Cast) -> None:
        client = browser(cast.home.coach)
        pages = ("/", "/diary/", "/links/", "/exports/")
        desk = ("/admin/queue/", "/admin/feedback/", "/admin/knowledge/document/", "/admin/persona/")
        for address in (*pages, *desk):
            read, looked = client.get(address), client.head(address)
            assert (read.status_code, looked.status_code, looked.content) == (200, 200, b""), address
