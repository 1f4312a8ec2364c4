"""What Google may answer that is of no use: there is a page for it, and it is not an error of ours."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization, User
from accounts.tests.cast import Cast
from accounts.tests.fake_google import FakeGoogle
from accounts.tests.sign_in import assert_refused, depart, events, parameters, sign_in

pytestmark = [
    pytest.mark.urls("accounts.tests.urls"),
    pytest.mark.django_db,
    pytest.mark.usefixtures("generated_menu", "fresh_limits"),
]

UNCLEAR = "Google could not tell who you are"


class TestAnswersOfNoUse:
    @pytest.mark.parametrize(
        ("status", "body", "title"),
        [
            (500, b"", "Google does not answer"),
            (503, b"<html>", "Google does not answer"),
            (429, b"{}", "Google does not answer"),
            (302, b"", UNCLEAR),
            (401, b"{}", UNCLEAR),
            (200, b"<html>", UNCLEAR),
            (200, b"[]", UNCLEAR),
            (200, b'"access_token"', UNCLEAR),
            (200, b"{}", UNCLEAR),
            (200, b'{"access_token": 7}', UNCLEAR),
            (200, b'{"access_token": "a b\\n"}', UNCLEAR),
            (200, b'{"access_token": "a"}', UNCLEAR),
            (200, b'{"access_token": "a", "id_token": "a.b.c"}', UNCLEAR),
            (200, b'{"access_token": "a", "id_token": "\\ud800"}', UNCLEAR),
            (200, b"\xff\xfe", UNCLEAR),
            (200, b"[" * 100_000, UNCLEAR),
            (200, b" " * 300_000, UNCLEAR),
        ],
    )
    def test_at_the_token_endpoint(  # noqa: PLR0917 -- fixtures and parameters
        self,
        client: Client,
        google: FakeGoogle,
        riverside: Organization,
        status: int,
        body: bytes,
        title: str,
    ) -> None:
        google.instead["/token"] = (status, body)
        assert_refused(client, sign_in(client, google), title, status=400)

    @pytest.mark.parametrize(
        "body",
        [b"{}", b'{"keys": 7}', b'{"keys": [7, {}]}', b'{"keys": [{"kid": "the key of today"}]}', b"x"],
    )
    def test_at_the_keys(
        self, client: Client, google: FakeGoogle, riverside: Organization, body: bytes
    ) -> None:
        google.instead["/keys"] = (200, body)
        assert_refused(client, sign_in(client, google), UNCLEAR, status=400)

    @pytest.mark.parametrize(
        "claims",
        [
            {"sub": None},
            {"sub": ""},
            {"sub": 7},
            {"sub": "9" * 192},
            {"sub": "a b"},
            {"iat": None},
            {"exp": None},
        ],
    )
    def test_in_the_token(
        self, client: Client, google: FakeGoogle, riverside: Organization, claims: dict[str, object]
    ) -> None:
        google.claims = claims
        assert_refused(client, sign_in(client, google), UNCLEAR, status=400)

    @pytest.mark.parametrize(
        "email", [None, 7, "", "nobody", "a\x00@riverside.example", "\ud800@riverside.example"]
    )
    def test_as_an_address(
        self, client: Client, google: FakeGoogle, riverside: Organization, email: object
    ) -> None:
        google.claims = {"email": email}
        title = "Your email address is not verified"
        assert_refused(client, sign_in(client, google), title)

    @pytest.mark.parametrize(
        ("name", "kept"),
        [
            (None, "ines"),
            (7, "ines"),
            ("", "ines"),
            ("  Ines\n\x00 Park \ud800", "Ines Park"),
            ("<b>Ines</b>", "<b>Ines</b>"),
            ("I" * 300, "I" * 200),
        ],
    )
    def test_as_a_name(
        self, client: Client, google: FakeGoogle, riverside: Organization, name: object, kept: str
    ) -> None:
        google.claims = {"name": name}
        sign_in(client, google)
        assert User.objects.get(email="ines@riverside.example").name == kept

    def test_a_silent_google_is_not_waited_for(
        self, client: Client, google: FakeGoogle, riverside: Organization, settings: Any
    ) -> None:
        settings.SOCIALACCOUNT_REQUESTS_TIMEOUT = 0.2
        google.never.add("/token")
        answer = sign_in(client, google)
        assert_refused(client, answer, "Google does not answer", status=400)
        assert events() == [("sign_in_failed", "person:unknown", "google: silent")]

    def test_somebody_who_changes_their_mind(self, client: Client, google: FakeGoogle, cast: Cast) -> None:
        state = parameters(depart(client, "google"))["state"]
        answer = client.get("/accounts/google/login/callback/", {"error": "access_denied", "state": state})
        assert_refused(client, answer, "You are not signed in", status=200)

    def test_an_error_that_google_names_is_not_shown(
        self, client: Client, google: FakeGoogle, cast: Cast
    ) -> None:
        state = parameters(depart(client, "google"))["state"]
        answer = client.get(
            "/accounts/google/login/callback/",
            {"error": "<script>", "error_description": "call 555 0199", "state": state},
        )
        assert_refused(client, answer, UNCLEAR, status=400)
        assert "555 0199" not in answer.content.decode()
