"""A door that stays open, as an answer read along, asks again whether what opened it still does."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client, RequestFactory
from django.utils import timezone
from rest_framework.request import Request

from accounts import sessions
from accounts.api_authentication import lasting
from accounts.models import User
from accounts.tests.factories import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_limits")]


def signed_in(member: User) -> Client:
    """Return a browser in which the member has signed in by the form."""
    client = Client()
    client.post("/accounts/login/", {"login": member.email, "password": PASSWORD})
    return client


@pytest.fixture
def lives(owner: User) -> Callable[[], bool]:
    """Return what a door asks that Ada opened with her session."""
    request = Request(RequestFactory().get("/"))
    request.user, request.auth = owner, None
    request._request.session = signed_in(owner).session
    return lasting(request)


class TestASession:
    def test_opens_it_as_long_as_it_lives(self, lives: Callable[[], bool]) -> None:
        assert lives() is True
        Session.objects.all().delete()
        assert lives() is False

    def test_that_has_run_out_does_not(self, lives: Callable[[], bool]) -> None:
        Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
        assert lives() is False

    def test_does_not_outlive_a_password_chosen_elsewhere(
        self, lives: Callable[[], bool], owner: User
    ) -> None:
        form = {
            "oldpassword": PASSWORD,
            "password1": "a quite different one",
            "password2": "a quite different one",
        }
        elsewhere = signed_in(owner)
        assert elsewhere.post("/accounts/password/change/", form).status_code == 302
        assert lives() is False
        assert sessions.person_of(elsewhere.session.session_key, now=timezone.now()) == owner

    def test_does_not_outlive_the_account(self, lives: Callable[[], bool], owner: User) -> None:
        User.objects.filter(pk=owner.pk).update(is_active=False)
        assert lives() is False

    def test_signed_under_a_secret_that_was_replaced_still_does(
        self, lives: Callable[[], bool], settings: Any
    ) -> None:
        old = settings.SECRET_KEY
        settings.SECRET_KEY = "x" * 50
        settings.SECRET_KEY_FALLBACKS = [old]
        assert lives() is True
