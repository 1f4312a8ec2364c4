"""Signing in with Google: the whole way over HTTP, and everything that may not work."""

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts.models import Organization, User
from accounts.tests.cast import CAST, Cast
from accounts.tests.fake_clever import FakeClever
from accounts.tests.fake_google import FakeGoogle, signing_key
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
    pytest.mark.usefixtures("generated_menu", "fresh_limits"),
]

UNCLEAR = "Google could not tell who you are"


class TestTheWay:
    def test_makes_a_new_educator_and_goes_home(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        answer = sign_in(client, google)
        assert (answer.status_code, answer["Location"]) == (302, "/")
        person = User.objects.get(email="ines@riverside.example")
        assert signed_in_as(client) == str(person.pk)
        assert (person.name, person.role, person.organization) == ("Ines Park", "educator", riverside)
        assert not person.has_usable_password()
        assert not person.is_superuser
        assert identities() == {("google", "100000000000000000007", "ines@riverside.example")}
        me = f"person:{person.pk}"
        assert events() == [("person_joined", me, "google"), ("signed_in", me, "")]

    def test_knows_the_person_again_by_the_subject_alone(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        sign_in(client, google)
        google.person |= {"email": "ines.novak@riverside.example", "name": "Ines Novak"}
        again = Client()
        sign_in(again, google)
        assert signed_in_as(again) == signed_in_as(client)
        assert User.objects.count() == CAST + 1
        assert User.objects.filter(email="ines@riverside.example", name="Ines Park").exists()

    def test_keeps_neither_tokens_nor_what_the_provider_said(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        sign_in(client, google)
        account = SocialAccount.objects.get()
        assert account.extra_data == {}
        assert not account.socialtoken_set.exists()
        assert not {"opens-nothing-here", "ines@riverside.example"} & set(map(str, client.session.values()))

    def test_asks_for_little_and_binds_the_answer_to_this_browser(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        asked = parameters(depart(client, "google"))
        assert set(asked.pop("scope").split()) == {"openid", "email", "profile"}
        random = {asked.pop(name) for name in ("state", "nonce", "code_challenge")}
        assert min(map(len, random)) >= 16
        assert asked == {
            "client_id": "sideline-of-the-tests",
            "redirect_uri": "http://testserver/accounts/google/login/callback/",
            "response_type": "code",
            "code_challenge_method": "S256",
            "hd": "*",
            "prompt": "select_account",
        }

    def test_changes_nothing_for_parameters_that_a_link_adds(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        query = (
            "?scope=drive&auth_params=hd%3Devil.example%26prompt%3Dnone&hd=evil.example&action=reauthenticate"
        )
        asked = parameters(
            depart(client, "google", query, process="connect", redirect_uri="https://evil.example")
        )
        assert set(asked["scope"].split()) == {"openid", "email", "profile"}
        assert (asked["hd"], asked["prompt"]) == ("*", "select_account")
        assert asked["redirect_uri"] == "http://testserver/accounts/google/login/callback/"

    def test_begins_with_a_button_and_not_with_a_link(self, client: Client, google: FakeGoogle) -> None:
        assert client.get("/accounts/google/login/")["Location"] == "/accounts/login/"
        strict = Client(enforce_csrf_checks=True)
        assert strict.post("/accounts/google/login/").status_code == 403

    def test_gives_the_session_a_new_id_and_ends_the_one_before(
        self, client: Client, google: FakeGoogle, riverside: Organization, owner: User
    ) -> None:
        client.force_login(owner)
        before = client.cookies["sessionid"].value
        sign_in(client, google)
        ines = User.objects.get(email="ines@riverside.example")
        assert signed_in_as(client) == str(ines.pk)
        old = Client()
        old.cookies["sessionid"] = before
        assert old.get("/").status_code == 302
        assert ("signed_out", f"person:{owner.pk}", "") in events()

    def test_leaves_the_session_in_which_it_began(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        departure = depart(client, "google")
        before = client.cookies["sessionid"].value
        back_at(client, google.agree(departure))
        assert signed_in_as(client) is not None
        assert client.cookies["sessionid"].value != before
        fixed = Client()
        fixed.cookies["sessionid"] = before
        assert fixed.get("/").status_code == 302

    def test_asks_for_googles_keys_once_and_again_when_a_new_one_signs(
        self, google: FakeGoogle, riverside: Organization
    ) -> None:
        for _time in range(2):
            sign_in(Client(), google)
        assert [asked.path for asked in google.asked].count("/keys") == 1
        google.kid = "the key of tomorrow"
        answer = sign_in(Client(), google)
        assert answer.status_code == 400
        assert [asked.path for asked in google.asked].count("/keys") == 2


class TestHostile:
    """The fourteen cases: each is refused, adds nobody and leaves no session."""

    @pytest.mark.parametrize(
        ("claims", "title", "status"),
        [
            ({"aud": "another-client"}, UNCLEAR, 400),
            ({"iss": "https://accounts.evil.example"}, UNCLEAR, 400),
            ({"exp": 1_000_000_000}, UNCLEAR, 400),
            ({"email_verified": False}, "Your email address is not verified", 403),
            ({"email_verified": "false"}, "Your email address is not verified", 403),
            ({"email_verified": "true"}, "Your email address is not verified", 403),
            ({"hd": None}, "Use the account of your school", 403),
            ({"hd": "evil.example"}, "Sideline is not set up for your organization yet", 403),
        ],
    )
    def test_claims_of_something_else(  # noqa: PLR0917 -- fixtures and parameters
        self,
        client: Client,
        google: FakeGoogle,
        riverside: Organization,
        claims: dict[str, object],
        title: str,
        status: int,
    ) -> None:
        google.claims = claims
        assert_refused(client, sign_in(client, google), title, status=status)
        assert identities() == set()

    @pytest.mark.parametrize(("algorithm", "key"), [(None, ""), ("HS256", "x" * 32), ("PS256", None)])
    def test_another_algorithm(
        self,
        client: Client,
        google: FakeGoogle,
        riverside: Organization,
        algorithm: str | None,
        key: str | None,
    ) -> None:
        google.algorithm, google.key = algorithm, key
        assert_refused(client, sign_in(client, google), UNCLEAR, status=400)

    def test_another_key_under_the_right_name(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        google.key = signing_key("somebody else's")
        assert_refused(client, sign_in(client, google), UNCLEAR, status=400)

    def test_a_changed_domain_on_the_way_to_google(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        google.person |= {"hd": "evil.example", "email": "ines@evil.example"}
        departure = depart(client, "google", "?hd=riverside.example")
        answer = back_at(client, google.agree(departure, hd="riverside.example"))
        title = "Sideline is not set up for your organization yet"
        assert_refused(client, answer, title)

    def test_the_address_of_another_school_under_a_domain_that_is_known(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        google.claims = {"email": "ada@hillside.example"}
        title = "Sideline is not set up for your organization yet"
        answer = sign_in(client, google)
        assert_refused(client, answer, title)
        assert "as somebody of hillside.example, which" in answer.content.decode()

    def test_the_same_address_under_a_new_subject(
        self, client: Client, google: FakeGoogle, agreed: Organization
    ) -> None:
        sign_in(Client(), google)
        google.person["sub"] = "100000000000000000008"
        title = "There is an account with your address already"
        assert_refused(client, sign_in(client, google), title, newcomers=1)
        assert identities() == {("google", "100000000000000000007", "ines@riverside.example")}

    def test_no_state(self, client: Client, google: FakeGoogle, riverside: Organization) -> None:
        address = google.agree(depart(client, "google"))
        answer = client.get("/accounts/google/login/callback/", {"code": parameters(address)["code"]})
        assert_refused(client, answer, "This sign-in cannot be used any more", status=400)
        assert events() == []

    def test_a_state_that_was_used(self, client: Client, google: FakeGoogle, riverside: Organization) -> None:
        address = google.agree(depart(client, "google"))
        back_at(client, address)
        client.post("/accounts/logout/")
        answer = back_at(client, address)
        assert_refused(client, answer, "This sign-in cannot be used any more", newcomers=1, status=400)

    def test_the_state_of_another_session(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        address = google.agree(depart(Client(), "google"))
        depart(client, "google")
        answer = back_at(client, address)
        assert_refused(client, answer, "This sign-in cannot be used any more", status=400)
        assert not [asked for asked in google.asked if asked.path == "/token"]

    def test_the_state_of_another_provider(
        self, client: Client, google: FakeGoogle, clever: FakeClever, riverside: Organization
    ) -> None:
        stolen = parameters(clever.agree(depart(client, "clever")))
        answer = client.get("/accounts/google/login/callback/", stolen)
        assert_refused(client, answer, "This sign-in cannot be used any more", status=400)

    def test_a_code_that_was_used(self, client: Client, google: FakeGoogle, riverside: Organization) -> None:
        used = google.agree(depart(client, "google"))
        back_at(client, used)
        client.post("/accounts/logout/")
        fresh = parameters(depart(client, "google"))["state"]
        stolen = {"code": parameters(used)["code"], "state": fresh}
        answer = client.get("/accounts/google/login/callback/", stolen)
        assert_refused(client, answer, UNCLEAR, newcomers=1, status=400)

    def test_a_code_that_somebody_else_was_given(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        theirs = parameters(google.agree(depart(Client(), "google")))["code"]
        mine = parameters(depart(client, "google"))["state"]
        answer = client.get("/accounts/google/login/callback/", {"code": theirs, "state": mine})
        assert_refused(client, answer, UNCLEAR, status=400)

    @pytest.mark.parametrize("nonce", ["of another sign-in", None, "", 7, "\ud800"])
    def test_a_token_that_was_made_for_another_sign_in(
        self, client: Client, google: FakeGoogle, riverside: Organization, nonce: object
    ) -> None:
        google.claims = {"nonce": nonce}
        assert_refused(client, sign_in(client, google), UNCLEAR, status=400)

    def test_the_address_of_somebody_who_comes_by_clever(
        self, client: Client, google: FakeGoogle, clever: FakeClever, agreed: Organization
    ) -> None:
        clever.person["email"] = "ines@riverside.example"
        sign_in(Client(), clever)
        title = "There is an account with your address already"
        assert_refused(client, sign_in(client, google), title, newcomers=1)
        assert {provider for provider, _uid, _email in identities()} == {"clever"}


class TestWithoutAClient:
    def test_the_pages_of_the_provider_do_not_exist(self, client: Client, cast: Cast) -> None:
        for address in ("/accounts/google/login/", "/accounts/clever/login/"):
            assert client.post(address).status_code == 404
            assert client.get(f"{address}callback/?code=a&state=b").status_code == 404
            assert client.get(f"{address}callback/?code=a").status_code == 404
