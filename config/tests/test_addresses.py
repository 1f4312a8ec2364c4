"""Addresses that people type and programs look at, without a page that led there."""

import pytest
from django.test import Client

from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast
from accounts.tests.factories import UserFactory
from conversations.models import Feedback
from conversations.tests.factories import add, begin

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

    def test_is_not_possible_where_each_look_is_a_reading_or_an_export(self, cast: Cast) -> None:
        shared = begin(cast.home.owner, visibility="coached")
        answer = add(shared, "Yours.", by="ai")
        rated = Feedback.objects.create(message=answer, author=cast.home.owner, score=-1)
        readers = (
            (cast.home.coach, f"/admin/queue/{shared.pk}/"),
            (cast.home.coach, f"/admin/feedback/{rated.pk}/"),
        )
        for member, address in (*readers, (cast.home.owner, f"/conversations/{shared.pk}/markdown/")):
            client, acts = browser(member), AuditEvent.objects.count()
            assert (client.head(address).status_code, AuditEvent.objects.count()) == (405, acts), address
            assert (client.get(address).status_code, AuditEvent.objects.count()) == (200, acts + 1), address
