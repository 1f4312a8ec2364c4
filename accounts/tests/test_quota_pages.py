"""The quota of requests on the pages: forms count, looking does not, and a way out always stays open."""

from typing import Any

import pytest
from django.test import Client

from accounts import quotas
from accounts.models import User

pytestmark = pytest.mark.django_db
SETTINGS = "/settings/"
FORM = {"name": "Ada Moss", "theme": "dark"}


@pytest.fixture(autouse=True)
def _rates(settings: Any) -> None:
    settings.QUOTAS = {role: {"requests": "3/hour"} for role in ("educator", "coach", "admin")}
    quotas.forget()


def spend(browser: Client) -> None:
    """Use the quota up."""
    for _ in range(3):
        assert browser.post(SETTINGS, FORM).status_code == 302


class TestAForm:
    def test_too_many_is_held_back_and_says_when(self, as_owner: Client, owner: User) -> None:
        spend(as_owner)
        response = as_owner.post(SETTINGS, {**FORM, "name": "Somebody else"})
        assert response.status_code == 429
        assert int(response["Retry-After"]) in range(1170, 1201)
        assert response["RateLimit-Policy"] == '"requests";q=3;w=3600'
        assert response["RateLimit"].startswith('"requests";r=0;t=3')
        assert "It is possible again in 20 minutes" in response.content.decode()
        owner.refresh_from_db()
        assert owner.name == "Ada Moss"

    def test_too_many_for_a_fragment_is_answered_with_a_notice(self, as_owner: Client) -> None:
        spend(as_owner)
        response = as_owner.post(SETTINGS, FORM, headers={"HX-Request": "true"})
        assert response.status_code == 429
        assert response.content.decode().lstrip().startswith('<div class="toast"')

    def test_counts_for_the_person_whatever_address_is_claimed(self, as_owner: Client) -> None:
        answers = [
            as_owner.post(SETTINGS, FORM, headers={"X-Forwarded-For": f"10.0.{number // 256}.{number % 256}"})
            for number in range(1000)
        ]
        assert [answer.status_code for answer in answers] == [302] * 3 + [429] * 997

    def test_of_somebody_else_is_not_held_back(self, as_owner: Client, coach: User) -> None:
        spend(as_owner)
        other = Client()
        other.force_login(coach)
        assert other.post(SETTINGS, FORM).status_code == 302


class TestWhatDoesNotCount:
    def test_is_looking_at_pages(self, as_owner: Client) -> None:
        spend(as_owner)
        assert [as_owner.get(SETTINGS).status_code for _ in range(20)] == [200] * 20

    def test_is_signing_out(self, as_owner: Client) -> None:
        spend(as_owner)
        assert as_owner.post("/accounts/logout/").status_code == 302
        assert as_owner.get(SETTINGS).status_code == 302

    def test_is_what_nobody_signed_in_sends(self, client: Client) -> None:
        for _ in range(4):
            assert (
                client.post("/accounts/login/", {"login": "x@y.example", "password": "no"}).status_code == 200
            )
