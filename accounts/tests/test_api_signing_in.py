"""Beginning to sign in with a provider over the API, and renewing a session."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.models import Organization, User
from accounts.tests.api_caller import Api, Reply, as_program, read
from accounts.tests.fake_clever import FakeClever
from accounts.tests.fake_google import FakeGoogle
from accounts.tests.fake_provider import FakeProvider
from accounts.tests.sign_in import back_at, parameters, signed_in_as

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("accounts_alone", "generated_menu", "fresh_limits"),
]


@pytest.fixture(params=["google", "clever"])
def fake(request: pytest.FixtureRequest, riverside: Organization) -> Any:
    """Run each of the providers."""
    return request.getfixturevalue(request.param)


def begin(client: Client, fake: FakeProvider, body: dict[str, Any] | None = None) -> Reply:
    """Ask for the way to a provider."""
    return Api(client=client)("POST", f"auth/{fake.called}", {} if body is None else body)


class TestTheWay:
    def test_leads_to_the_provider_and_back_into_a_session(self, client: Client, fake: FakeProvider) -> None:
        begun = begin(client, fake)
        assert (begun.status, set(begun.data)) == (200, {"auth_url"})
        asked = parameters(begun.data["auth_url"])
        assert asked["redirect_uri"] == f"http://testserver/accounts/{fake.called}/login/callback/"
        assert asked["code_challenge_method"] == "S256"
        back = back_at(client, fake.agree(begun.data["auth_url"]))
        assert (back.status_code, back["Location"]) == (302, "/")
        person = User.objects.get(socialaccount__provider=fake.called)
        assert (signed_in_as(client), person.role) == (str(person.pk), "educator")

    @pytest.mark.parametrize("wanted", ["/conversations/?status=archived", "http://testserver/settings/"])
    def test_goes_on_where_the_page_wants(self, client: Client, fake: FakeProvider, wanted: str) -> None:
        begun = begin(client, fake, {"redirect_uri": wanted})
        assert back_at(client, fake.agree(begun.data["auth_url"]))["Location"] == wanted

    @pytest.mark.parametrize(
        "wanted",
        [
            "https://evil.example/",
            "//evil.example",
            "javascript:alert(1)",
            "http://testserver@evil.example/",
            "",
        ],
    )
    def test_leads_to_no_other_site(self, client: Client, google: FakeGoogle, wanted: str) -> None:
        refused = begin(client, google, {"redirect_uri": wanted})
        assert (refused.status, refused.code) == (400, "INVALID_INPUT")
        assert refused.error is not None
        assert list(refused.error["details"]) == ["redirect_uri"]
        assert "socialaccount_states" not in client.session

    def test_takes_nothing_else_from_the_page(self, client: Client, google: FakeGoogle) -> None:
        assert begin(client, google, {"scope": "drive"}).status == 400

    def test_is_open_to_pages_of_this_site_alone(self, google: FakeGoogle) -> None:
        strict = Client(enforce_csrf_checks=True)
        assert begin(strict, google).code == "FORBIDDEN"
        assert not strict.cookies
        strict.get("/accounts/login/")
        token = strict.cookies["csrftoken"].value
        begun = Api(client=strict)("POST", "auth/google", {}, x_csrftoken=token)
        assert begun.data["auth_url"].startswith(google.places["AUTHORIZE_URL"])

    def test_does_not_exist_for_a_provider_that_is_not_set_up(
        self, client: Client, google: FakeGoogle
    ) -> None:
        assert Api(client=client)("POST", "auth/clever", {}).status == 404

    def test_is_begun_so_often_from_one_address_and_no_more(
        self, client: Client, google: FakeGoogle, settings: Any
    ) -> None:
        settings.ACCOUNT_RATE_LIMITS = {"sign_in_with_provider": "2/m/ip"}
        assert begin(client, google).status == 200
        assert client.post("/accounts/google/login/").status_code == 302
        kept = Session.objects.count()
        refused = begin(Client(), google)
        assert (refused.status, refused.code, refused.headers["Retry-After"]) == (429, "RATE_LIMITED", "60")
        page = Client().post("/accounts/google/login/")
        assert (page.status_code, Session.objects.count()) == (429, kept)
        assert page["Retry-After"] == "60"
        assert "<h1>Many people are signing in</h1>" in page.content.decode()
        assert "Back to sign in" in page.content.decode()
        other = Client(REMOTE_ADDR="192.0.2.7")
        assert begin(other, google).status == 200

    def test_counts_what_clevers_portal_begins(
        self, client: Client, clever: FakeClever, settings: Any
    ) -> None:
        settings.ACCOUNT_RATE_LIMITS = {"sign_in_with_provider": "2/m/ip"}
        opened = [Client().get("/accounts/clever/login/callback/?code=unasked") for _ in range(3)]
        assert [answer.status_code for answer in opened] == [302, 302, 429]
        assert Session.objects.count() == 2
        assert begin(client, clever).status == 429

    def test_belongs_to_the_browser_that_began(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        begun = begin(client, google)
        other = Client()
        assert back_at(other, google.agree(begun.data["auth_url"])).status_code == 400
        assert signed_in_as(other) is None

    def test_is_another_one_each_time(self, client: Client, clever: FakeClever) -> None:
        key = {"idempotency_key": "once"}
        first, second = (Api(client=client)("POST", "auth/clever", {}, **key).data["auth_url"] for _ in "ab")
        assert parameters(first)["state"] != parameters(second)["state"]


NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Stop the clock; it is put forward by calling this."""
    times = [NOW]
    monkeypatch.setattr(timezone, "now", lambda: times[0])

    def put_forward(time: timedelta) -> None:
        times[0] += time

    return put_forward


class TestRefreshing:
    def test_lets_a_session_last_for_another_day(
        self, client: Client, owner: User, clock: Callable[[timedelta], None]
    ) -> None:
        client.force_login(owner)
        client.get("/api/v1/auth/me")
        clock(timedelta(minutes=9))
        found = read(client.post("/api/v1/auth/refresh"))
        assert (found.status, found.data) == (200, {"expires_in": 86400})
        assert Session.objects.get().expire_date == NOW + timedelta(days=1, minutes=9)

    def test_says_what_is_left_of_the_longest_life(
        self, client: Client, owner: User, clock: Callable[[timedelta], None]
    ) -> None:
        client.force_login(owner)
        client.get("/api/v1/auth/me")
        for _ in range(8):
            clock(timedelta(hours=20))
            assert read(client.post("/api/v1/auth/refresh")).status == 200
        assert read(client.post("/api/v1/auth/refresh")).data == {"expires_in": 8 * 3600}
        clock(timedelta(hours=8, seconds=1))
        assert read(client.post("/api/v1/auth/refresh")).status == 401

    def test_renews_no_key(self, owner: User) -> None:
        refused = as_program(owner)("POST", "auth/refresh")
        assert refused.status == 403
        assert refused.error is not None
        assert refused.error["details"] == {"reason": "only_in_browser"}

    def test_is_nothing_without_a_session(self, client: Client) -> None:
        assert read(client.post("/api/v1/auth/refresh")).status == 401
        assert not Session.objects.exists()
