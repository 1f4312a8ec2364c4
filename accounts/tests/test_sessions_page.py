"""Where a person is signed in, and signing out elsewhere."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import devices, people, sessions
from accounts.access import NotVisible
from accounts.entry_models import SignedIn
from accounts.models import AuditEvent, User
from accounts.tests.api_caller import key_of
from accounts.tests.cast import Cast
from accounts.tests.factories import PASSWORD

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("accounts_alone", "fresh_limits"),
]

PAGE = "/settings/sessions/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36"
)


def signed_in(member: User, user_agent: str = FIREFOX, address: str = "192.0.2.7") -> Client:
    """Return a browser in which the member has signed in by the form."""
    client = Client(headers={"user-agent": user_agent}, REMOTE_ADDR=address)
    client.post("/accounts/login/", {"login": member.email, "password": PASSWORD})
    return client


def row_of(client: Client) -> SignedIn:
    """Return what is noted of a browser's session."""
    return SignedIn.objects.get(session_id=client.cookies["sessionid"].value)


def ends() -> list[tuple[str, str]]:
    """Return the recorded ends of sessions: resource and reason."""
    found = AuditEvent.objects.filter(action="session_ended").order_by("sequence")
    return list(found.values_list("resource", "reason"))


class TestTheList:
    def test_shows_device_place_and_times_and_marks_this_one(self, owner: User) -> None:
        here, _phone = signed_in(owner), signed_in(owner, IPHONE, "2001:db8::1")
        page = here.get(PAGE)
        assert [each.device for each in page.context["this"]] == ["Firefox on Windows"]
        assert [(each.device, each.address) for each in page.context["others"]] == [
            ("Safari on iPhone", "2001:db8::1")
        ]
        text = page.content.decode()
        assert text.count("This one") == 1
        assert "192.0.2.7" in text
        assert str(here.session.session_key) not in text

    def test_shows_the_own_sessions_only_and_none_that_ended(self, cast: Cast) -> None:
        signed_in(cast.home.coach)
        gone = signed_in(cast.home.owner, CHROME)
        Session.objects.filter(pk=gone.session.session_key).update(expire_date=timezone.now())
        page = signed_in(cast.home.owner).get(PAGE)
        assert (len(page.context["this"]), page.context["others"]) == (1, [])
        assert "You are signed in nowhere else." in page.content.decode()

    def test_is_for_people_who_signed_in(self, client: Client) -> None:
        assert client.get(PAGE)["Location"] == f"/accounts/login/?next={PAGE}"

    def test_knows_a_session_that_began_before_it_was_noted(self, client: Client, owner: User) -> None:
        client.force_login(owner)
        assert SignedIn.objects.count() == 0
        assert len(client.get(PAGE).context["this"]) == 1


class TestNoting:
    def test_the_use_of_a_session_is_written_once_in_ten_minutes(self, owner: User) -> None:
        client = signed_in(owner)
        first = row_of(client)
        client.get("/")
        assert row_of(client).last_used_at == first.last_used_at
        session = client.session
        session[sessions.NOTED] = [session.session_key, (timezone.now() - timedelta(minutes=10)).isoformat()]
        session.save()
        client.get("/", headers={"user-agent": CHROME}, REMOTE_ADDR="192.0.2.8")
        later = row_of(client)
        assert later.last_used_at > first.last_used_at
        assert (later.pk, later.first_used_at) == (first.pk, first.first_used_at)
        assert (later.device, later.address) == ("Chrome on Linux", "192.0.2.8")

    def test_a_new_key_of_the_session_is_noted_anew(self, owner: User) -> None:
        client = signed_in(owner)
        words = "another walk along the shore"
        form = {"oldpassword": PASSWORD, "password1": words, "password2": words}
        client.post("/accounts/password/change/", form)
        assert [row.session_id for row in SignedIn.objects.all()] == [client.cookies["sessionid"].value]

    def test_goes_with_the_session_however_it_is_deleted(self, owner: User) -> None:
        client = signed_in(owner)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_session WHERE session_key = %s", [client.session.session_key])
        assert SignedIn.objects.count() == 0

    def test_nobody_who_is_not_signed_in_is_noted(self, client: Client, owner: User) -> None:
        client.get("/accounts/login/")
        client.post("/accounts/login/", {"login": owner.email, "password": "not this one"})
        assert SignedIn.objects.count() == 0


class TestEnding:
    def test_one_session_leaves_the_others(self, owner: User) -> None:
        here, phone, desk = signed_in(owner), signed_in(owner, IPHONE), signed_in(owner, CHROME)
        ended = row_of(phone)
        page = here.post(f"{PAGE}{ended.pk}/end/", follow=True)
        assert "Signed out: Safari on iPhone." in page.content.decode()
        assert [browser.get("/").status_code for browser in (here, phone, desk)] == [200, 302, 200]
        assert ends() == [(f"session:{ended.pk}", "Safari on iPhone")]

    def test_all_others_leaves_this_one_and_other_people(self, cast: Cast) -> None:
        here, there, ben = signed_in(cast.home.owner), signed_in(cast.home.owner), signed_in(cast.home.coach)
        page = here.post(f"{PAGE}end/", follow=True)
        assert "Signed out in 1 other place." in page.content.decode()
        assert [browser.get("/").status_code for browser in (here, there, ben)] == [200, 302, 200]
        assert ends() == [(f"person:{cast.home.owner.pk}", "all others: 1")]

    def test_nothing_is_recorded_where_nothing_ended(self, owner: User) -> None:
        here = signed_in(owner)
        here.post(f"{PAGE}end/")
        assert ends() == []

    def test_somebody_elses_session_answers_like_one_that_does_not_exist(self, cast: Cast) -> None:
        here, ben = signed_in(cast.home.owner), signed_in(cast.home.coach)

        def answer(signed_in_id: Any) -> tuple[int, str, str]:
            response = here.post(f"{PAGE}{signed_in_id}/end/")
            return response.status_code, response["Location"], str(here.cookies["messages"].value)[:40]

        assert answer(row_of(ben).pk)[:2] == answer(uuid4())[:2] == (302, PAGE)
        assert "already ended" in here.get(PAGE).content.decode()
        assert ben.get("/").status_code == 200
        assert ends() == []

    def test_needs_a_post_of_an_own_page(self, owner: User) -> None:
        here, phone = signed_in(owner), signed_in(owner, IPHONE)
        address = f"{PAGE}{row_of(phone).pk}/end/"
        assert here.get(address).status_code == 405
        strict = Client(enforce_csrf_checks=True)
        strict.cookies["sessionid"] = here.cookies["sessionid"].value
        assert strict.post(address).status_code == 403
        assert phone.get("/").status_code == 200


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (FIREFOX, "Firefox on Windows"),
        (IPHONE, "Safari on iPhone"),
        (CHROME, "Chrome on Linux"),
        (CHROME.replace("Safari/537.36", "Safari/537.36 Edg/129.0.0.0"), "Edge on Linux"),
        (CHROME.replace("X11; Linux x86_64", "Linux; Android 14; Pixel 8"), "Chrome on Android"),
        (CHROME.replace("X11; Linux x86_64", "X11; CrOS x86_64 14541.0.0"), "Chrome on a Chromebook"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.6 Safari/605.1.15", "Safari on a Mac"),
        ("curl/8.9.1", "A program called curl"),
        ("Mozilla/5.0 (Windows NT 10.0)", "A browser on Windows"),
        ("Mozilla/5.0", devices.UNKNOWN),
        ("", devices.UNKNOWN),
        ("<script>alert(1)</script>", devices.UNKNOWN),
        ("a" * 5000, devices.UNKNOWN),
    ],
)
def test_a_device_is_named_in_plain_words(user_agent: str, words: str) -> None:
    assert devices.in_words(user_agent) == words


@pytest.mark.usefixtures("generated_menu")
class TestByAnAdministrator:
    """Deactivating somebody, or signing them out, ends what they had open for good."""

    @pytest.fixture
    def admin(self, cast: Cast) -> Client:
        client = Client()
        client.force_login(cast.home.admin)
        return client

    def opens(self, browser: Client, key: str) -> tuple[int, int]:
        """Return what the home page and the API answer."""
        program = Client(headers={"Authorization": f"Bearer {key}"})
        return browser.get("/").status_code, program.get("/api/v1/auth/me").status_code

    def set_active(self, admin: Client, person: User, active: bool) -> None:
        form = {
            "name": person.name,
            "email": person.email,
            "role": person.role,
            **({"is_active": "on"} if active else {}),
        }
        answer = admin.post(f"/admin/accounts/user/{person.pk}/change/", form)
        assert (answer.status_code, User.objects.get(pk=person.pk).is_active) == (302, active)

    def test_nothing_comes_back_with_somebody_who_comes_back(self, cast: Cast, admin: Client) -> None:
        owner, coach = cast.home.owner, cast.home.coach
        browser, bens = signed_in(owner), signed_in(coach)
        key, bens_key = key_of(owner), key_of(coach)
        self.set_active(admin, owner, False)
        assert self.opens(browser, key) == (302, 401)
        self.set_active(admin, owner, True)
        assert self.opens(browser, key) == (302, 401)
        assert self.opens(bens, bens_key) == (200, 200)
        assert ends() == [(f"person:{owner.pk}", "deactivated: 1")]
        assert self.opens(signed_in(owner), key_of(owner)) == (200, 200)

    def test_nor_what_a_sign_in_left_behind_in_that_moment(self, cast: Cast, admin: Client) -> None:
        owner = cast.home.owner
        self.set_active(admin, owner, False)
        late = Client()
        late.force_login(owner)
        self.set_active(admin, owner, True)
        assert late.get("/").status_code == 302

    def test_somebody_is_signed_out_everywhere_and_may_come_again(self, cast: Cast, admin: Client) -> None:
        owner = cast.home.owner
        browser, phone, key = signed_in(owner), signed_in(owner, IPHONE), key_of(owner)
        chosen: dict[str, Any] = {"action": "sign_out_everywhere", "_selected_action": [str(owner.pk)]}
        page = admin.post("/admin/accounts/user/", chosen, follow=True)
        assert "Sessions ended: 2. API keys revoked: 1." in page.content.decode()
        assert (*self.opens(browser, key), phone.get("/").status_code) == (302, 401, 302)
        assert ends() == [(f"person:{owner.pk}", "by an administrator: 2")]
        assert AuditEvent.objects.filter(action="token_revoked", reason="by an administrator").count() == 1
        assert signed_in(owner).get("/").status_code == 200

    def test_is_refused_to_everybody_else(self, cast: Cast) -> None:
        browser = signed_in(cast.home.owner)
        for actor in (*cast.home.everybody[:3], *cast.away.everybody):
            with pytest.raises(NotVisible):
                people.sign_out_everywhere(actor=actor, person=cast.home.owner, now=timezone.now())
        assert browser.get("/").status_code == 200
