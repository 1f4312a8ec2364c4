"""The second factor of people with a password."""

import time
from typing import Any
from urllib.parse import quote

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.auth import SESSION_KEY
from django.core.cache import cache
from django.test import Client

from accounts import second_factor
from accounts.access import NotVisible
from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast
from accounts.tests.factories import PASSWORD

pytestmark = [
    pytest.mark.urls("accounts.tests.urls"),
    pytest.mark.usefixtures("generated_menu", "fresh_limits"),
    pytest.mark.django_db,
]

PAGES = "/accounts/2fa/"
ACTIVATE = f"{PAGES}totp/activate/"
DEACTIVATE = f"{PAGES}totp/deactivate/"
CODES = f"{PAGES}recovery-codes/"


def code_for(secret: str, step: int = 0) -> str:
    """Return what the app shows now, or some steps of half a minute later."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + step)))


def sign_in(member: User, client: Client | None = None) -> Client:
    """Return a browser in which the password has been entered."""
    client = client or Client()
    client.post("/accounts/login/", {"login": member.email, "password": PASSWORD})
    return client


def confirm(client: Client) -> None:
    """Enter the password once more."""
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})


def turned_on(member: User) -> tuple[Client, str]:
    """Turn the second factor on as a person does; return the browser and the key in the app."""
    client = sign_in(member)
    confirm(client)
    secret = client.get(ACTIVATE).context["form"].secret
    response = client.post(ACTIVATE, {"code": code_for(secret)})
    assert response["Location"] == CODES
    cache.clear()
    return client, secret


def is_on(member: User) -> bool:
    """Return whether the password alone opens nothing."""
    return bool(Authenticator.objects.filter(user=member, type=Authenticator.Type.TOTP).exists())


def recorded() -> list[tuple[str, str]]:
    """Return what is on record: action and reason."""
    return list(AuditEvent.objects.order_by("sequence").values_list("action", "reason"))


class TestTurningOn:
    def test_asks_for_the_password_once_more(self, owner: User) -> None:
        client = sign_in(owner)
        assert (
            client.get(ACTIVATE)["Location"] == f"/accounts/reauthenticate/?next={quote(ACTIVATE, safe='')}"
        )
        page = client.get(f"/accounts/reauthenticate/?next={ACTIVATE}")
        assert "Enter your password once more." in page.content.decode()
        wrong = client.post("/accounts/reauthenticate/", {"password": "not this one", "next": ACTIVATE})
        assert wrong.status_code == 200
        right = client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": ACTIVATE})
        assert right["Location"] == ACTIVATE
        assert client.get(ACTIVATE).status_code == 200

    def test_shows_a_picture_and_a_key_without_any_script(self, owner: User) -> None:
        client = sign_in(owner)
        confirm(client)
        page = client.get(ACTIVATE)
        text = page.content.decode()
        assert 'src="data:image/svg+xml;base64,' in text
        assert page.context["form"].secret in text
        assert "otpauth://totp/ada%40riverside.example?secret=" in text
        assert "issuer=Sideline" in text

    def test_is_on_record_and_gives_recovery_codes(self, owner: User) -> None:
        client, _secret = turned_on(owner)
        page = client.get(CODES)
        assert len(page.context["unused_codes"]) == 10
        assert "10 of 10 left" in page.content.decode()
        assert ("second_factor_turned_on", "") in recorded()
        assert client.get(f"{CODES}download/").content.decode().split() == page.context["unused_codes"]
        assert "no-store" in client.get(CODES)["Cache-Control"]

    def test_needs_the_right_code(self, owner: User) -> None:
        client = sign_in(owner)
        confirm(client)
        secret = client.get(ACTIVATE).context["form"].secret
        page = client.post(ACTIVATE, {"code": code_for(secret, step=9)})
        assert "Incorrect code." in page.content.decode()
        assert not is_on(owner)
        assert "second_factor_turned_on" not in dict(recorded())

    def test_keeps_no_secret_that_the_database_alone_could_use(self, owner: User) -> None:
        _client, secret = turned_on(owner)
        kept = str(list(Authenticator.objects.values_list("data", flat=True)))
        assert secret not in kept

    def test_is_not_for_people_without_a_password(self, client: Client, owner: User) -> None:
        owner.set_unusable_password()
        owner.save()
        client.force_login(owner)
        for page in (PAGES, ACTIVATE, DEACTIVATE, f"{CODES}generate/"):
            assert client.get(page).status_code == 404
        assert b"Second factor" not in client.get("/settings/").content


class TestSigningIn:
    def test_needs_the_code_and_says_so_on_record(self, owner: User) -> None:
        _client, secret = turned_on(owner)
        client = Client()
        response = client.post(
            "/accounts/login/", {"login": owner.email, "password": PASSWORD, "next": "/settings/"}
        )
        assert response["Location"] == f"{PAGES}authenticate/"
        assert SESSION_KEY not in client.session
        assert client.get("/settings/").status_code == 302
        assert "Enter the code that your app shows now" in client.get(response["Location"]).content.decode()
        signed_in = client.post(response["Location"], {"code": code_for(secret)})
        assert signed_in["Location"] == "/settings/"
        assert client.session[SESSION_KEY] == str(owner.pk)
        assert recorded()[-1] == ("signed_in", "with a second factor")

    def test_is_refused_with_a_wrong_code_which_is_on_record(self, owner: User) -> None:
        _client, secret = turned_on(owner)
        client = sign_in(owner)
        before = len(recorded())
        page = client.post(f"{PAGES}authenticate/", {"code": code_for(secret, step=9)})
        assert "Incorrect code." in page.content.decode()
        assert SESSION_KEY not in client.session
        assert recorded()[before:] == [("second_factor_failed", "")]

    def test_takes_no_code_twice(self, owner: User) -> None:
        _client, secret = turned_on(owner)
        code = code_for(secret)
        for signed_in in (True, False):
            client = sign_in(owner)
            client.post(f"{PAGES}authenticate/", {"code": code})
            assert (SESSION_KEY in client.session) is signed_in
            # django-allauth forgets a used code while it is still right.
            cache.delete(f"allauth.mfa.totp.used?user={owner.pk}&code={code}")

    def test_waits_after_five_wrong_codes_even_for_the_right_one(self, owner: User) -> None:
        _client, secret = turned_on(owner)
        client = sign_in(owner)
        for _ in range(5):
            client.post(f"{PAGES}authenticate/", {"code": "000000"})
        page = client.post(f"{PAGES}authenticate/", {"code": code_for(secret)})
        assert "Too many failed login attempts" in page.content.decode()
        assert SESSION_KEY not in client.session

    def test_takes_each_recovery_code_once(self, owner: User) -> None:
        browser, _secret = turned_on(owner)
        code = browser.get(CODES).context["unused_codes"][0]
        for signed_in in (True, False):
            client = sign_in(owner)
            client.post(f"{PAGES}authenticate/", {"code": code})
            assert (SESSION_KEY in client.session) is signed_in
        assert "9 of 10 left" in browser.get(CODES).content.decode()

    def test_cannot_be_gone_round(self, owner: User) -> None:
        turned_on(owner)
        client = sign_in(owner)
        for page in ("/", "/settings/", PAGES, DEACTIVATE, CODES):
            assert client.get(page)["Location"].startswith("/accounts/login/")

    def test_can_be_left(self, owner: User) -> None:
        turned_on(owner)
        client = sign_in(owner)
        client.post("/accounts/logout/", {"next": "/accounts/login/"})
        assert client.get(f"{PAGES}authenticate/")["Location"] == "/accounts/login/"

    def test_gives_the_session_a_new_id(self, owner: User) -> None:
        _client, secret = turned_on(owner)
        client = sign_in(owner)
        before = client.cookies["sessionid"].value
        client.post(f"{PAGES}authenticate/", {"code": code_for(secret)})
        assert client.cookies["sessionid"].value not in {before, ""}


class TestTurningOff:
    def test_is_asked_confirmed_and_on_record(self, owner: User) -> None:
        client, _secret = turned_on(owner)
        assert "Turn off the second factor?" in client.get(DEACTIVATE).content.decode()
        assert is_on(owner)
        assert client.post(DEACTIVATE)["Location"] == PAGES
        assert Authenticator.objects.count() == 0
        assert recorded()[-1] == ("second_factor_turned_off", "")

    def test_needs_a_fresh_password_or_code(self, owner: User) -> None:
        _client, secret = turned_on(owner)
        client = sign_in(owner)
        client.post(f"{PAGES}authenticate/", {"code": code_for(secret)})
        assert "reauthenticate" in client.post(DEACTIVATE)["Location"]
        assert is_on(owner)

    def test_by_an_administrator_lets_in_somebody_who_lost_the_phone(self, cast: Cast) -> None:
        owner = cast.home.owner
        turned_on(owner)
        client = Client()
        client.force_login(cast.home.admin)
        sent: dict[str, Any] = {"action": "turn_off_second_factors", "_selected_action": [str(owner.pk)]}
        page = client.post("/admin/accounts/user/", sent, follow=True)
        assert "Second factors turned off: 1." in page.content.decode()
        assert recorded()[-1] == ("second_factor_turned_off", "by an administrator")
        assert SESSION_KEY in sign_in(owner).session

    def test_is_refused_to_everybody_else(self, cast: Cast) -> None:
        turned_on(cast.home.owner)
        for actor in (*cast.home.everybody[:3], *cast.away.everybody):
            with pytest.raises(NotVisible):
                second_factor.turn_off_for(actor=actor, person=cast.home.owner)
        assert is_on(cast.home.owner)


class TestNewRecoveryCodes:
    def test_end_the_old_ones_and_are_on_record(self, owner: User) -> None:
        client, _secret = turned_on(owner)
        old = client.get(CODES).context["unused_codes"]
        assert (
            "The 10 that you have open nothing any more." in client.get(f"{CODES}generate/").content.decode()
        )
        assert client.post(f"{CODES}generate/")["Location"] == CODES
        assert not set(old) & set(client.get(CODES).context["unused_codes"])
        assert recorded()[-1] == ("recovery_codes_made", "")


class TestSealing:
    def test_opens_under_the_key_that_sealed_it_also_after_that_was_replaced(self, settings: Any) -> None:
        adapter = second_factor.SecondFactorAdapter()
        sealed = adapter.encrypt("JBSWY3DP")
        assert adapter.encrypt("JBSWY3DP") != sealed
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another secret of the same length 0123456789"
        assert adapter.decrypt(sealed) == "JBSWY3DP"
        settings.SECRET_KEY_FALLBACKS = []
        with pytest.raises(second_factor.SecretLost):
            adapter.decrypt(sealed)
