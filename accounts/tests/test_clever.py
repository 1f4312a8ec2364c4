"""Signing in with Clever: staff of a district, from our button or from the portal, and never a student."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization, User
from accounts.tests.cast import CAST
from accounts.tests.fake_clever import DISTRICT, PERSON, FakeClever
from accounts.tests.fake_google import FakeGoogle
from accounts.tests.sign_in import (
    assert_refused,
    back_at,
    depart,
    events,
    identities,
    parameters,
    sign_in,
    signed_in_as,
)

pytestmark = [
    pytest.mark.urls("accounts.tests.urls"),
    pytest.mark.django_db,
    pytest.mark.usefixtures("generated_menu"),
]

UNCLEAR = "Clever could not tell who you are"
SILENT = "Clever does not answer"
CALLBACK = "/accounts/clever/login/callback/"


class TestTheWay:
    def test_makes_a_new_educator_and_goes_home(
        self, client: Client, clever: FakeClever, riverside: Organization
    ) -> None:
        answer = sign_in(client, clever)
        assert (answer.status_code, answer["Location"]) == (302, "/")
        person = User.objects.get(email="tom@riverside.example")
        assert signed_in_as(client) == str(person.pk)
        assert (person.name, person.role, person.organization) == ("Tom Weir", "educator", riverside)
        assert not person.has_usable_password()
        assert identities() == {("clever", PERSON, "tom@riverside.example")}
        me = f"person:{person.pk}"
        assert events() == [("person_joined", me, "clever"), ("signed_in", me, "")]

    def test_knows_the_person_again_by_clevers_id_alone(
        self, client: Client, clever: FakeClever, riverside: Organization
    ) -> None:
        sign_in(client, clever)
        clever.person |= {"email": "t.weir@riverside.example", "name": {"first": "Thomas", "last": "Weir"}}
        again = Client()
        sign_in(again, clever)
        assert signed_in_as(again) == signed_in_as(client)
        assert User.objects.count() == CAST + 1

    def test_asks_for_no_pupils_classes_or_schools(
        self, client: Client, clever: FakeClever, riverside: Organization
    ) -> None:
        asked = parameters(depart(client, "clever"))
        assert set(asked["scope"].split()) == {
            "read:user_id",
            "read:teachers",
            "read:school_admins",
            "read:district_admins",
        }
        assert asked["redirect_uri"] == f"http://testserver{CALLBACK}"
        assert asked["code_challenge_method"] == "S256"

    def test_reads_the_one_person_and_nothing_else(
        self, client: Client, clever: FakeClever, riverside: Organization
    ) -> None:
        sign_in(client, clever)
        paths = [asked.path for asked in clever.asked]
        assert paths == ["/approve", "/token", "/v3.0/me", f"/v3.0/users/{PERSON}"]

    def test_shows_a_wrong_secret_as_a_page(
        self, client: Client, clever: FakeClever, riverside: Organization, settings: Any
    ) -> None:
        places = settings.SOCIALACCOUNT_PROVIDERS["clever"]
        places["APPS"] = [{**places["APPS"][0], "secret": "another"}]
        assert_refused(client, sign_in(client, clever), UNCLEAR, status=400)


class TestPortal:
    """Clever sends people here without having been asked; what it sends is dropped and asked for anew."""

    def launch(self, client: Client, clever: FakeClever) -> Any:
        """Click on Sideline in Clever's portal."""
        code = "a-code-of-the-portal"
        return client.get(CALLBACK, {"code": code, "scope": "read:user_id"})

    def test_ends_signed_in(self, client: Client, clever: FakeClever, riverside: Organization) -> None:
        launched = self.launch(client, clever)
        assert launched.status_code == 302
        assert launched["Location"].startswith(f"{clever.url}/authorize?")
        assert clever.asked == []
        assert signed_in_as(client) is None
        answer = back_at(client, clever.agree(launched["Location"]))
        assert (answer.status_code, answer["Location"]) == (302, "/")
        assert signed_in_as(client) == str(User.objects.get(email="tom@riverside.example").pk)

    def test_has_a_fresh_state_each_time(
        self, client: Client, clever: FakeClever, riverside: Organization
    ) -> None:
        states = {parameters(self.launch(client, clever)["Location"])["state"] for _launch in range(3)}
        assert len(states) == 3

    def test_ends_the_session_of_whoever_used_the_device_before(
        self, client: Client, clever: FakeClever, riverside: Organization, owner: User
    ) -> None:
        client.force_login(owner)
        before = client.cookies["sessionid"].value
        back_at(client, clever.agree(self.launch(client, clever)["Location"]))
        assert signed_in_as(client) == str(User.objects.get(email="tom@riverside.example").pk)
        old = Client()
        old.cookies["sessionid"] = before
        assert old.get("/").status_code == 302

    def test_of_a_student_ends_that_session_too(
        self, client: Client, clever: FakeClever, riverside: Organization, owner: User
    ) -> None:
        client.force_login(owner)
        clever.person["roles"] = {"student": {}}
        answer = back_at(client, clever.agree(self.launch(client, clever)["Location"]))
        assert_refused(client, answer, "Sideline is for educators")

    def test_with_a_state_that_is_not_ours_is_refused(
        self, client: Client, clever: FakeClever, riverside: Organization
    ) -> None:
        answer = client.get(CALLBACK, {"code": "a", "state": "not-ours"})
        title = "This sign-in cannot be used any more"
        assert_refused(client, answer, title, status=400)
        assert clever.asked == []


class TestHostile:
    """The twelve payloads: no student, no error of ours."""

    @pytest.mark.parametrize(
        "roles",
        [
            {"student": {}},
            {"contact": {}},
            {"teacher": {}, "student": {}},
            {"district_admin": {}, "contact": {}},
            {"student": {}, "teacher": {}, "staff": {}},
        ],
    )
    def test_students_and_families_stay_out_whatever_else_they_are(
        self, client: Client, clever: FakeClever, riverside: Organization, roles: dict[str, object]
    ) -> None:
        clever.person["roles"] = roles
        answer = sign_in(client, clever)
        assert_refused(client, answer, "Sideline is for educators")
        assert identities() == set()
        assert events() == [("sign_in_refused", "person:unknown", "clever: student")]

    def test_a_student_who_was_a_teacher_stays_out(
        self, client: Client, clever: FakeClever, riverside: Organization
    ) -> None:
        sign_in(Client(), clever)
        clever.person["roles"] = {"student": {}}
        answer = sign_in(client, clever)
        assert_refused(client, answer, "Sideline is for educators", newcomers=1)

    @pytest.mark.parametrize(
        "roles",
        [{"teacher": {}, "district_admin": {}}, {"staff": {}}, {"district_admin": {}}, {"school_admin": {}}],
    )
    def test_nobody_becomes_more_than_an_educator(
        self, client: Client, clever: FakeClever, riverside: Organization, roles: dict[str, object]
    ) -> None:
        clever.person["roles"] = roles
        sign_in(client, clever)
        person = User.objects.get(email="tom@riverside.example")
        assert (person.role, person.is_staff, person.is_superuser) == ("educator", False, False)
        assert signed_in_as(client) == str(person.pk)

    @pytest.mark.parametrize("roles", [{}, {"principal": {}}, {"teacher": {}, "parent": {}}])
    def test_no_role_that_is_known(
        self, client: Client, clever: FakeClever, riverside: Organization, roles: dict[str, object]
    ) -> None:
        clever.person["roles"] = roles
        answer = sign_in(client, clever)
        assert_refused(client, answer, "Clever names no role that may come in")

    @pytest.mark.parametrize("roles", [None, [], ["teacher"], "teacher", 7])
    def test_roles_that_are_none(
        self, client: Client, clever: FakeClever, riverside: Organization, roles: object
    ) -> None:
        clever.person["roles"] = roles
        assert_refused(client, sign_in(client, clever), UNCLEAR, status=400)

    @pytest.mark.parametrize("email", [None, "", 7, "tom", "tom@elsewhere.example"])
    def test_no_address_or_one_that_says_nothing(
        self, client: Client, clever: FakeClever, riverside: Organization, email: object
    ) -> None:
        clever.person["email"] = email
        sign_in(client, clever)
        assert identities() == {("clever", PERSON, None)}
        assert signed_in_as(client) is not None
        assert client.get("/settings/").status_code == 200

    def test_two_people_without_an_address(self, clever: FakeClever, riverside: Organization) -> None:
        for number in range(2):
            subject = f"58da8c63da0f9d020000000{number}"
            clever.me = {"type": "user", "data": {"id": subject, "district": DISTRICT}}
            clever.person |= {"id": subject, "email": None}
            sign_in(Client(), clever)
        assert User.objects.filter(email=None).count() == 2

    def test_the_address_of_somebody_who_comes_by_google(
        self, client: Client, google: FakeGoogle, clever: FakeClever, agreed: Organization
    ) -> None:
        sign_in(Client(), google)
        clever.person["email"] = "ines@riverside.example"
        answer = sign_in(client, clever)
        title = "There is an account with your address already"
        assert_refused(client, answer, title, newcomers=1)
        assert {provider for provider, _uid, _email in identities()} == {"google"}

    def test_the_address_of_somebody_elsewhere_tells_nothing_about_them(
        self, client: Client, clever: FakeClever, riverside: Organization, stranger: User
    ) -> None:
        clever.person["email"] = stranger.email
        sign_in(client, clever)
        assert identities() == {("clever", PERSON, None)}

    @pytest.mark.parametrize(
        "me",
        [
            {"type": "district", "data": {"id": DISTRICT}},
            {"type": "district", "data": {"id": PERSON, "district": DISTRICT}},
            {"type": "student", "data": {"id": PERSON, "district": DISTRICT}},
            {"data": {"id": PERSON, "district": DISTRICT}},
            {"type": "user"},
            {"type": "user", "data": []},
            {"type": "user", "data": {}},
            {"type": "user", "data": {"id": PERSON}},
            {"type": "user", "data": {"district": DISTRICT}},
            {"type": "user", "data": {"id": 7, "district": DISTRICT}},
            {"type": "user", "data": {"id": "../schools", "district": DISTRICT}},
            {"type": "user", "data": {"id": "a?b", "district": DISTRICT}},
            {"type": "user", "data": {"id": PERSON, "district": "another"}},
            {"type": "user", "data": {"id": "somebody-else", "district": DISTRICT}},
        ],
    )
    def test_a_token_of_a_district_or_of_nobody(
        self, client: Client, clever: FakeClever, riverside: Organization, me: dict[str, object]
    ) -> None:
        clever.me = me
        assert_refused(client, sign_in(client, clever), UNCLEAR, status=400)
        wanted = {"/approve", "/token", "/v3.0/me", f"/v3.0/users/{PERSON}", "/v3.0/users/somebody-else"}
        assert {asked.path for asked in clever.asked} <= wanted

    @pytest.mark.parametrize("path", ["/token", "/v3.0/me", f"/v3.0/users/{PERSON}"])
    @pytest.mark.parametrize(
        ("status", "body", "title"),
        [
            (500, b"oh", SILENT),
            (404, b"{}", UNCLEAR),
            (301, b"", UNCLEAR),
            (200, b"<html>", UNCLEAR),
            (200, b"", UNCLEAR),
            (200, b"null", UNCLEAR),
            (200, b"[]", UNCLEAR),
            (200, b'{"data": null}', UNCLEAR),
        ],
    )
    def test_answers_of_no_use(  # noqa: PLR0917 -- fixtures and parameters
        self,
        client: Client,
        clever: FakeClever,
        riverside: Organization,
        path: str,
        status: int,
        body: bytes,
        title: str,
    ) -> None:
        clever.instead[path] = (status, body)
        assert_refused(client, sign_in(client, clever), title, status=400)

    @pytest.mark.parametrize("path", ["/token", "/v3.0/me", f"/v3.0/users/{PERSON}"])
    def test_a_silent_clever_is_not_waited_for(
        self, client: Client, clever: FakeClever, riverside: Organization, settings: Any, path: str
    ) -> None:
        settings.SOCIALACCOUNT_REQUESTS_TIMEOUT = 0.2
        clever.never.add(path)
        assert_refused(client, sign_in(client, clever), SILENT, status=400)

    def test_a_clever_that_is_not_there(
        self, client: Client, clever: FakeClever, riverside: Organization, settings: Any
    ) -> None:
        address = clever.agree(depart(client, "clever"))
        settings.SOCIALACCOUNT_PROVIDERS["clever"]["TOKEN_URL"] = "http://127.0.0.1:9/token"
        assert_refused(client, back_at(client, address), SILENT, status=400)

    @pytest.mark.parametrize("name", [None, 7, {}, [], {"first": None, "last": 7}])
    def test_a_name_that_is_none(
        self, client: Client, clever: FakeClever, riverside: Organization, name: object
    ) -> None:
        clever.person |= {"name": name, "email": None}
        sign_in(client, clever)
        assert User.objects.get(email=None).name == "New educator"

    def test_the_same_code_twice(self, client: Client, clever: FakeClever, riverside: Organization) -> None:
        address = clever.agree(depart(client, "clever"))
        assert back_at(client, address).status_code == 302
        again = back_at(client, address)
        assert again.status_code == 400
        assert User.objects.count() == CAST + 1
        assert [asked.path for asked in clever.asked].count("/token") == 1

    def test_a_district_that_is_not_known(
        self, client: Client, clever: FakeClever, riverside: Organization
    ) -> None:
        elsewhere = "58da8a43cc70ab00017a1a99"
        clever.me["data"]["district"] = clever.person["district"] = elsewhere
        answer = sign_in(client, clever)
        assert_refused(client, answer, "Sideline is not set up for your organization yet")
        assert f"as somebody of the district {elsewhere}, which" in answer.content.decode()
