"""What people do about themselves over the API: their name, where they are signed in, their keys, what is left."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from accounts import quotas
from accounts.entry_models import SignedIn
from accounts.models import ApiToken, AuditEvent, User
from accounts.tests.api_caller import as_program, key_of, read
from accounts.tests.cast import Cast

pytestmark = [pytest.mark.usefixtures("accounts_alone"), pytest.mark.django_db]

FIREFOX = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"}


def signed_in(person: User) -> Client:
    """Return a browser in which somebody is signed in, and noted."""
    browser = Client(headers=FIREFOX)
    browser.force_login(person)
    browser.get("/settings/")
    return browser


class TestTheName:
    def test_is_one_s_own_to_change(self, owner: User) -> None:
        found = as_program(owner)("PATCH", "auth/me", {"name": "Ada M."})
        assert (found.status, found.data["name"]) == (200, "Ada M.")
        owner.refresh_from_db()
        assert owner.name == "Ada M."

    @pytest.mark.parametrize(
        "change", [{}, {"name": " "}, {"role": "admin"}, {"name": "Ada", "email": "x@y.z"}]
    )
    def test_is_all_that_is(self, owner: User, change: dict[str, str]) -> None:
        assert as_program(owner)("PATCH", "auth/me", change).status == 400
        owner.refresh_from_db()
        assert (owner.name, owner.role) == ("Ada Moss", "educator")

    def test_is_not_changed_with_a_key_that_only_reads(self, owner: User) -> None:
        assert as_program(owner, "read")("PATCH", "auth/me", {"name": "Ada M."}).status == 403


class TestSessions:
    def test_are_listed_with_device_and_place(self, owner: User, stranger: User) -> None:
        signed_in(owner)
        signed_in(stranger)
        row = SignedIn.objects.get(user=owner)
        assert as_program(owner)("GET", "auth/sessions").data == {
            "sessions": [
                {
                    "id": str(row.pk),
                    "device": "Firefox on Windows",
                    "address": "127.0.0.1",
                    "first_used_at": row.first_used_at.isoformat().replace("+00:00", "Z"),
                    "last_used_at": row.last_used_at.isoformat().replace("+00:00", "Z"),
                    "is_this": False,
                }
            ]
        }

    def test_know_the_one_that_asks(self, owner: User) -> None:
        (row,) = read(signed_in(owner).get("/api/v1/auth/sessions")).data["sessions"]
        assert row["is_this"] is True

    def test_are_ended_one_by_one(self, owner: User) -> None:
        browser = signed_in(owner)
        ada = as_program(owner)
        address = f"auth/sessions/{SignedIn.objects.get().pk}"
        assert ada("DELETE", address).data == {"message": "Signed out there"}
        assert read(browser.get("/api/v1/auth/me")).status == 401
        assert ada("DELETE", address).status == 404
        assert AuditEvent.objects.filter(action="session_ended", actor_id=owner.pk).count() == 1

    def test_are_ended_all_at_once_with_the_keys_the_one_that_asks_too(self, owner: User) -> None:
        for _ in "ab":
            signed_in(owner)
        other = key_of(owner)
        ada = as_program(owner)
        found = ada("DELETE", "auth/sessions", idempotency_key="one")
        assert found.data == {"message": "Sessions ended: 2. Keys revoked: 2."}
        assert not Session.objects.exists()
        assert (ada("GET", "auth/me").status, as_program(owner)("GET", "auth/me").status) == (401, 200)
        assert other

    def test_the_browser_that_ends_the_others_stays(self, owner: User) -> None:
        browser = signed_in(owner)
        signed_in(owner)
        found = read(browser.delete("/api/v1/auth/sessions"))
        assert found.data == {"message": "Sessions ended: 1. Keys revoked: 0."}
        assert read(browser.get("/api/v1/auth/me")).status == 200

    def test_of_somebody_else_are_as_missing(self, cast: Cast) -> None:
        signed_in(cast.home.owner)
        address = f"auth/sessions/{SignedIn.objects.get().pk}"
        for member in (cast.home.coach, cast.home.admin, cast.away.owner):
            api = as_program(member)
            found, nowhere = api("DELETE", address), api("DELETE", f"auth/sessions/{uuid4()}")
            assert (found.status, found.error) == (404, nowhere.error)
            assert api("GET", "auth/sessions").data == {"sessions": []}
        assert Session.objects.count() == 1


class TestKeys:
    def test_are_listed_without_what_opens_doors(self, owner: User, stranger: User) -> None:
        key_of(stranger)
        secret = key_of(owner, "read")
        ada = as_program(owner)
        asking, reading = ada("GET", "auth/keys").data["keys"]
        assert (asking["is_this"], asking["scopes"]) == (True, ["account", "read", "write"])
        assert (reading["is_this"], reading["scopes"], reading["hint"]) == (False, ["read"], secret[-4:])
        assert set(reading) == {
            *("id", "name", "hint", "scopes", "created_at", "expires_at", "last_used_at", "is_this"),
        }

    def test_are_revoked_by_their_owner_alone(self, cast: Cast) -> None:
        ada = as_program(cast.home.owner)
        secret = key_of(cast.home.owner)
        token = ApiToken.objects.get(hint=secret[-4:])
        for member in (cast.home.coach, cast.home.admin, cast.away.owner):
            api = as_program(member)
            found, nowhere = api("DELETE", f"auth/keys/{token.pk}"), api("DELETE", f"auth/keys/{uuid4()}")
            assert (found.status, found.error) == (404, nowhere.error)
        assert ada("DELETE", f"auth/keys/{token.pk}").data == {"message": "Key revoked successfully"}
        token.refresh_from_db()
        assert token.revoked_at is not None
        assert ada("DELETE", f"auth/keys/{token.pk}").status == 404


class TestAKeyFromBefore:
    """One that may do all that there was before keys could open the account itself."""

    def test_neither_sees_nor_ends_where_its_owner_is_signed_in(self, coach: User) -> None:
        signed_in(coach)
        other = key_of(coach)
        api = as_program(coach, "read", "write", "coach", "documents")
        token, session = ApiToken.objects.get(hint=other[-4:]), SignedIn.objects.get(user=coach)
        for method, path in (
            ("GET", "auth/sessions"),
            ("DELETE", "auth/sessions"),
            ("DELETE", f"auth/sessions/{session.pk}"),
            ("GET", "auth/keys"),
            ("DELETE", f"auth/keys/{token.pk}"),
        ):
            found = api(method, path)
            assert (found.status, found.code) == (403, "FORBIDDEN"), (method, path)
        assert api("PATCH", "auth/me", {"name": "Somebody else"}).status == 403
        assert Session.objects.count() == 1
        assert ApiToken.objects.filter(revoked_at=None).count() == 2

    def test_still_ends_itself(self, owner: User) -> None:
        api = as_program(owner, "read")
        assert api("POST", "auth/logout").status == 200
        assert api("GET", "auth/me").status == 401


class TestQuotas:
    def test_say_what_is_left_and_spend_nothing_but_the_request(
        self, owner: User, settings: Any, redis_url: str
    ) -> None:
        settings.QUOTAS_URL = redis_url
        rates = {"requests": "100/hour", "ai_turns": "5/hour 2/minute", "exports": "10/day"}
        settings.QUOTAS = dict.fromkeys(("educator", "coach", "admin"), rates)
        quotas.forget()
        quotas.take(member=owner, kind=quotas.Kind.EXPORTS)
        ada = as_program(owner)
        for spent in (1, 2):
            rows = {row["kind"]: row for row in ada("GET", "quotas").data["quotas"]}
            assert rows["requests"]["remaining"] == 100 - spent
            assert rows["ai_turns"] == {
                "kind": "ai_turns",
                "limit": 5,
                "window_s": 3600,
                "remaining": 5,
                "reset_s": 0,
                "is_available": True,
                "retry_after_s": 0,
            }
            assert (rows["exports"]["limit"], rows["exports"]["remaining"]) == (10, 9)
            assert (rows["exports"]["window_s"], rows["exports"]["is_available"]) == (86_400, True)
