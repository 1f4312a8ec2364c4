"""Signing in and out, and what a session is worth afterwards."""

import re
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.test import Client

from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.mailing import delivered

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("accounts_alone", "generated_menu", "fresh_limits"),
]

LOGIN = "/accounts/login/"
WRONG = "The email address and/or password you specified are not correct."


def sign_in(client: Client, email: str | None, password: str = PASSWORD, **more: str) -> Any:
    """Send the form of the sign-in page."""
    return client.post(LOGIN, {"login": email, "password": password, **more})


def events() -> list[tuple[str, str, str]]:
    """Return what is on record: action, resource, reason."""
    return list(AuditEvent.objects.order_by("sequence").values_list("action", "resource", "reason"))


class TestSigningIn:
    def test_takes_the_address_in_any_case_and_goes_home(self, client: Client, owner: User) -> None:
        response = sign_in(client, "ADA@Riverside.example")
        assert (response.status_code, response["Location"]) == (302, "/")
        assert client.session[SESSION_KEY] == str(owner.pk)
        assert client.get("/").status_code == 200

    def test_gives_the_session_a_new_id(self, client: Client, owner: User) -> None:
        session = client.session
        session["before"] = True
        session.save()
        known = session.session_key
        client.cookies["sessionid"] = known or ""
        sign_in(client, owner.email)
        assert client.cookies["sessionid"].value not in {known, ""}
        fixed = Client()
        fixed.cookies["sessionid"] = known or ""
        assert fixed.get("/").status_code == 302

    def test_is_on_record(self, client: Client, owner: User) -> None:
        sign_in(client, owner.email)
        client.post("/accounts/logout/")
        me = f"person:{owner.pk}"
        assert events() == [("signed_in", me, ""), ("signed_out", me, "")]
        assert set(AuditEvent.objects.values_list("actor_id", "address")) == {(owner.pk, "127.0.0.1")}

    def test_lasts_a_day(self, client: Client, owner: User) -> None:
        sign_in(client, owner.email)
        assert client.session.get_expiry_age() == 24 * 3600

    def test_says_nothing_in_a_message(self, client: Client, owner: User) -> None:
        sign_in(client, owner.email)
        assert b'class="toast"' not in client.get("/").content


class TestRefusal:
    def test_is_the_same_for_a_wrong_password_and_an_unknown_person(
        self, client: Client, owner: User
    ) -> None:
        pages = []
        for email in (owner.email, "ana@riverside.example"):
            page = Client().post(LOGIN, {"login": email, "password": "not this one"})
            text = page.content.decode().replace(str(email), "")
            pages.append(
                (page.status_code, re.sub(r'(csrfmiddlewaretoken" value=|X-CSRFToken": )"[^"]*"', "", text))
            )
        assert pages[0] == pages[1]
        assert WRONG in pages[0][1]

    def test_is_on_record_without_address_or_password(self, client: Client, owner: User) -> None:
        sign_in(client, owner.email, "my secret words")
        sign_in(client, "ana@riverside.example", "my secret words")
        assert events() == [
            ("sign_in_failed", f"person:{owner.pk}", ""),
            ("sign_in_failed", "person:unknown", ""),
        ]
        assert list(AuditEvent.objects.order_by("sequence").values_list("organization_id", "actor_id")) == [
            (owner.organization_id, None),
            (None, None),
        ]

    def test_waits_after_five_wrong_passwords_even_for_the_right_one(
        self, client: Client, owner: User
    ) -> None:
        for _attempt in range(5):
            sign_in(client, owner.email, "not this one")
        page = sign_in(client, owner.email)
        assert b"Too many failed login attempts" in page.content
        assert SESSION_KEY not in client.session

    def test_a_deactivated_account_opens_nothing(self, client: Client, owner: User) -> None:
        User.objects.filter(pk=owner.pk).update(is_active=False)
        response = sign_in(client, owner.email)
        assert response["Location"] == "/accounts/inactive/"
        assert SESSION_KEY not in client.session
        assert b"This account is closed" in client.get("/accounts/inactive/").content
        assert events() == [("sign_in_refused", f"person:{owner.pk}", "deactivated")]

    def test_nobody_signs_up_or_changes_an_address(self, client: Client, owner: User) -> None:
        form = {"email": "new@riverside.example", "password1": PASSWORD, "action_add": "1"}
        client.force_login(owner)
        for address in ("/accounts/signup/", "/accounts/email/"):
            assert client.get(address).status_code == 404
            assert client.post(address, form).status_code == 404
        assert not User.objects.filter(email="new@riverside.example").exists()

    def test_a_form_from_another_site_is_refused(self, owner: User) -> None:
        client = Client(enforce_csrf_checks=True)
        assert sign_in(client, owner.email).status_code == 403
        assert SESSION_KEY not in client.session


class TestRevocation:
    def test_a_deactivated_person_is_signed_out_at_the_next_request(
        self, client: Client, owner: User
    ) -> None:
        sign_in(client, owner.email)
        User.objects.filter(pk=owner.pk).update(is_active=False)
        assert client.get("/").status_code == 302

    def test_a_demoted_coach_loses_the_dashboard_at_the_next_request(
        self, client: Client, coach: User
    ) -> None:
        sign_in(client, coach.email)
        assert client.get("/admin/accounts/user/").status_code == 200
        User.objects.filter(pk=coach.pk).update(role="educator")
        assert client.get("/admin/accounts/user/", follow=True).status_code == 404

    def test_a_session_does_not_outlive_signing_out(self, client: Client, owner: User) -> None:
        sign_in(client, owner.email)
        stolen = Client()
        stolen.cookies["sessionid"] = client.cookies["sessionid"].value
        assert stolen.get("/").status_code == 200
        client.post("/accounts/logout/")
        assert stolen.get("/").status_code == 302

    def test_a_new_password_ends_the_other_sessions(self, client: Client, owner: User) -> None:
        other = Client()
        sign_in(client, owner.email)
        sign_in(other, owner.email)
        words = "another walk along the shore"
        form = {"oldpassword": PASSWORD, "password1": words, "password2": words}
        assert client.post("/accounts/password/change/", form).status_code == 302
        assert other.get("/").status_code == 302
        assert client.get("/").status_code == 200
        assert events()[-1] == ("password_changed", f"person:{owner.pk}", "")

    def test_signing_out_needs_a_post(self, client: Client, owner: User) -> None:
        sign_in(client, owner.email)
        assert b"Sign out?" in client.get("/accounts/logout/").content
        assert client.get("/").status_code == 200


class TestPasswords:
    @pytest.mark.parametrize(
        "password", ["short", "password1234", "ada@riverside.example", "riverside.example"]
    )
    def test_weak_ones_are_refused(self, client: Client, owner: User, password: str) -> None:
        sign_in(client, owner.email)
        form = {"oldpassword": PASSWORD, "password1": password, "password2": password}
        assert client.post("/accounts/password/change/", form).status_code == 200
        owner.refresh_from_db()
        assert owner.check_password(PASSWORD)

    def test_a_forgotten_one_is_replaced_through_a_link(self, client: Client, owner: User) -> None:
        client.post("/accounts/password/reset/", {"email": owner.email})
        assert delivered() == [[owner.email]]
        link = re.search(r"http://localhost:8000(/accounts/password/reset/key/\S+)", str(mail.outbox[0].body))
        assert link
        page = client.get(link[1], follow=True)
        words = "another walk along the shore"
        client.post(page.request["PATH_INFO"], {"password1": words, "password2": words})
        owner.refresh_from_db()
        assert owner.check_password(words)

    def test_asking_for_a_link_tells_nobody_who_has_an_account(self, client: Client, owner: User) -> None:
        answers = [
            client.post("/accounts/password/reset/", {"email": email})
            for email in (owner.email, "ana@other.example")
        ]
        assert [(answer.status_code, answer["Location"]) for answer in answers] == [
            (302, "/accounts/password/reset/done/")
        ] * 2


class TestNext:
    def test_an_own_page_is_where_one_goes(self, client: Client, owner: User) -> None:
        response = sign_in(client, owner.email, next="/settings/?from=mail")
        assert response["Location"] == "/settings/?from=mail"

    @pytest.mark.parametrize(
        "target",
        [
            "http://evil.example",
            "https://evil.example/",
            "//evil.example",
            "///evil.example",
            "////evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "\\/evil.example",
            "https:evil.example",
            "https:/evil.example",
            "https:///evil.example",
            "http:\\\\evil.example",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,hello",
            "ftp://evil.example",
            "//evil.example/%2e%2e",
            " //evil.example",
            "\t//evil.example",
            "\n//evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "http://testserver@evil.example/",
            "http://testserver.evil.example/",
            "//testserver@evil.example",
            "//evil.example\\@testserver",
            "http://evil。example",
            "//evil%E3%80%82example",
            "%2f%2fevil.example",
            "\x00//evil.example",
            "http://[evil.example",
            "vbscript:msgbox(1)",
        ],
    )
    def test_a_foreign_page_is_not(self, client: Client, owner: User, target: str) -> None:
        response = sign_in(client, owner.email, next=target)
        location = response["Location"] if response.status_code == 302 else "/"
        assert location == "/" or location.startswith(("/%", "%2f"))
        assert "//" not in location[:2]


class TestNotFound:
    def test_is_byte_for_byte_the_same_for_missing_and_forbidden(self, client: Client, cast: Cast) -> None:
        client.force_login(cast.home.owner)
        missing = client.get("/people/01890000-0000-7000-8000-000000000000/")
        foreign = client.get(f"/people/{cast.away.owner.pk}/")
        nowhere = client.get("/there/is/nothing/")
        assert [answer.status_code for answer in (missing, foreign, nowhere)] == [404] * 3
        assert missing.content == foreign.content == nowhere.content
        named = {name: value for name, value in missing.headers.items() if name != "X-Request-ID"}
        assert named == {name: value for name, value in foreign.headers.items() if name != "X-Request-ID"}
        assert client.get(f"/people/{cast.home.coach.pk}/").content == b"Ben Hart"

    def test_the_pages_of_somebody_signed_in_are_kept_by_no_cache(self, client: Client, owner: User) -> None:
        client.force_login(owner)
        for address in ("/", "/settings/", "/nothing/"):
            assert client.get(address)["Cache-Control"] == "private, no-store"

    def test_the_dashboard_takes_no_password_of_its_own(self, client: Client, org_admin: User) -> None:
        form = {"username": org_admin.email, "password": PASSWORD}
        assert client.post("/admin/login/", form).status_code == 405
        assert client.get("/admin/")["Location"] == "/admin/login/?next=/admin/"
        assert client.get("/admin/login/?next=/admin/")["Location"] == "/accounts/login/?next=/admin/"
        assert SESSION_KEY not in client.session

    def test_signing_out_of_the_dashboard_is_on_record(self, client: Client, org_admin: User) -> None:
        client.force_login(org_admin)
        assert client.post("/admin/logout/")["Location"] == "/accounts/login/"
        assert events() == [("signed_out", f"person:{org_admin.pk}", "")]

    def test_to_an_educator_the_dashboard_does_not_exist(self, client: Client, owner: User) -> None:
        client.force_login(owner)
        assert client.get("/admin/", follow=True).status_code == 404

    def test_staff_enter_the_dashboard(self, client: Client) -> None:
        client.force_login(UserFactory.create(staff=True))
        assert client.get("/admin/login/")["Location"] == "/admin/"
        assert client.get("/admin/").status_code == 200
