"""The sign-in page: which ways it offers, where it may lead, and an installation without passwords."""

from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.test import Client

from accounts.models import Organization, User
from accounts.tests.factories import PASSWORD
from accounts.tests.fake_clever import FakeClever
from accounts.tests.fake_google import FakeGoogle
from accounts.tests.sign_in import back_at, depart, sign_in, signed_in_as

pytestmark = [
    pytest.mark.urls("accounts.tests.urls"),
    pytest.mark.django_db,
    pytest.mark.usefixtures("generated_menu", "fresh_limits"),
]

LOGIN = "/accounts/login/"


def form_policy(answer: Any) -> list[str]:
    """Return where the forms of a page may lead."""
    policy = answer["Content-Security-Policy"].split(";")
    return next(part.split()[1:] for part in policy if part.split()[:1] == ["form-action"])


class TestButtons:
    def test_without_a_provider_there_is_the_form_for_a_password_alone(self, client: Client) -> None:
        page = client.get(LOGIN)
        assert b"Continue with" not in page.content
        assert b'type="password"' in page.content
        assert form_policy(page) == ["'self'"]

    def test_each_provider_that_is_configured_has_one(
        self, client: Client, google: FakeGoogle, settings: Any
    ) -> None:
        page = client.get(LOGIN).content.decode()
        assert "Continue with Google" in page
        assert "Continue with Clever" not in page
        assert "or with your password" in page

    def test_the_policy_lets_the_forms_lead_there_and_nowhere_else(
        self, client: Client, google: FakeGoogle, clever: FakeClever
    ) -> None:
        page = client.get(LOGIN)
        assert page.content.index(b"with Google") < page.content.index(b"with Clever")
        assert form_policy(page) == ["'self'", google.url, clever.url]
        assert form_policy(client.get("/gallery/")) == ["'self'"]

    def test_keep_where_somebody_wanted_to_go(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        page = client.get(f"{LOGIN}?next=/settings/").content.decode()
        assert page.count('<input type="hidden" name="next" value="/settings/">') == 2
        assert sign_in(client, google, next="/settings/")["Location"] == "/settings/"


class TestNext:
    @pytest.mark.parametrize(
        "target",
        [
            "http://evil.example",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https:evil.example",
            "https:/evil.example",
            "https:///evil.example",
            "http:\\\\evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "//evil.example/%2f..",
            "/%09/evil.example",
            "\t//evil.example",
            " //evil.example",
            "/\t/evil.example",
            "http://testserver@evil.example",
            "http://testserver.evil.example",
            "//testserver\\@evil.example",
            "https://evil\u3002example",
            "//\u2044evil.example",
            "////evil.example/..",
            "http:evil.example",
            "ftp://evil.example",
            "//evil.example:80",
            "\x00//evil.example",
            "//[::1]",
            "https://[evil.example",
            "/\u2028/evil.example",
            "%2f%2fevil.example",
        ],
    )
    def test_no_provider_sends_anybody_to_another_site(
        self, client: Client, google: FakeGoogle, riverside: Organization, target: str
    ) -> None:
        answer = sign_in(client, google, next=target)
        assert answer.status_code == 302
        arrives = urlsplit(urljoin("http://testserver/accounts/google/login/callback/", answer["Location"]))
        assert (arrives.scheme, arrives.netloc) == ("http", "testserver")

    def test_only_a_browser_that_was_sent_back_uses_up_the_sign_in(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        address = urlsplit(google.agree(depart(client, "google")))
        for method in (client.head, client.post, client.put, client.delete):
            assert method(f"{address.path}?{address.query}").status_code == 405
        assert back_at(client, address.geturl())["Location"] == "/"

    def test_what_the_callback_is_given_is_ignored(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        address = google.agree(depart(client, "google"))
        assert back_at(client, f"{address}&next=https://evil.example")["Location"] == "/"


@pytest.mark.usefixtures("no_passwords")
class TestWithoutPasswords:
    def test_the_page_has_buttons_alone(self, client: Client, google: FakeGoogle) -> None:
        page = client.get(LOGIN).content
        assert b"Continue with Google" in page
        assert b'type="password"' not in page
        assert b"or with your password" not in page

    def test_the_page_says_so_where_there_is_no_way_in(self, client: Client) -> None:
        assert b"No way to sign in is set up yet" in client.get(LOGIN).content

    def test_the_right_password_opens_nothing(self, client: Client, org_admin: User) -> None:
        form = {"login": org_admin.email, "password": PASSWORD}
        assert client.post(LOGIN, form).status_code == 403
        assert (
            client.post("/admin/login/", {"username": org_admin.email, "password": PASSWORD}).status_code
            == 405
        )
        assert client.login(username=org_admin.email, password=PASSWORD) is False
        assert client.login(email=org_admin.email, password=PASSWORD) is False
        assert signed_in_as(client) is None

    @pytest.mark.parametrize(
        "address",
        [
            "/accounts/password/reset/",
            "/accounts/password/reset/done/",
            "/accounts/password/reset/key/1-set-password/",
            "/accounts/password/reset/key/done/",
            "/accounts/password/change/",
            "/accounts/password/set/",
            "/accounts/reauthenticate/",
        ],
    )
    def test_the_pages_about_passwords_do_not_exist(self, client: Client, owner: User, address: str) -> None:
        client.force_login(owner)
        assert client.get(address).status_code == 404
        assert client.post(address, {"email": owner.email}).status_code == 404

    @pytest.mark.parametrize("page", ["/settings/", "/settings/sessions/", "/settings/your-data/"])
    def test_no_page_leads_to_them_or_asks_for_one(self, client: Client, owner: User, page: str) -> None:
        for _device in range(2):
            client.force_login(owner)
            client.get(page)
            client.cookies.clear()
        client.force_login(owner)
        shown = client.get(page).content.decode()
        assert "/accounts/password/" not in shown
        assert "/accounts/2fa/" not in shown
        assert 'type="password"' not in shown

    def test_an_administrator_enters_the_dashboard_by_a_provider(
        self, client: Client, google: FakeGoogle, agreed: Organization, org_admin: User
    ) -> None:
        google.person["email"] = org_admin.email
        assert client.get("/admin/", follow=True).redirect_chain[-1][0] == f"{LOGIN}?next=/admin/"
        assert sign_in(client, google, next="/admin/")["Location"] == "/admin/"
        assert client.get("/admin/").status_code == 200


class TestBesidePasswords:
    def test_both_ways_lead_in(
        self, client: Client, google: FakeGoogle, riverside: Organization, owner: User
    ) -> None:
        client.post(LOGIN, {"login": owner.email, "password": PASSWORD})
        assert signed_in_as(client) == str(owner.pk)
        sign_in(client, google)
        assert signed_in_as(client) == str(User.objects.get(email="ines@riverside.example").pk)
