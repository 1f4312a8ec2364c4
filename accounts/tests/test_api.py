"""Who I am and who the people are, over the API; and what every refusal looks like."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts import quotas, saved_replies
from accounts.models import ApiToken, AuditEvent, SavedReply, User
from accounts.tests.api_caller import Api, as_program, read
from accounts.tests.cast import Cast
from accounts.tests.factories import UserFactory

pytestmark = [pytest.mark.usefixtures("accounts_alone"), pytest.mark.django_db]


def browser(person: User, *, strict: bool = False) -> Client:
    """Return a browser in which somebody is signed in; a strict one is asked for its CSRF token."""
    client = Client(enforce_csrf_checks=strict, raise_request_exception=False)
    client.force_login(person)
    return client


def cursor_at(at: str) -> str:
    """Return a cursor for a time that no row of a list has."""
    return urlsafe_b64encode(f"{at}|{UUID(int=7)}".encode()).decode().rstrip("=")


class TestMe:
    def test_is_as_the_source_document_shows_it(self, owner: User) -> None:
        found = as_program(owner)("GET", "auth/me")
        assert found.status == 200
        assert found.data == {
            "id": str(owner.pk),
            "email": "ada@riverside.example",
            "name": "Ada Moss",
            "role": "educator",
            "organization": {"id": str(owner.organization_id), "name": "Riverside School"},
            "created_at": owner.created_at.isoformat().replace("+00:00", "Z"),
            "last_login": None,
        }
        assert found.meta["version"] == "1.0"
        assert datetime.fromisoformat(found.meta["timestamp"]) <= timezone.now()

    def test_is_open_to_a_browser_s_session(self, owner: User) -> None:
        assert browser(owner).get("/api/v1/auth/me").json()["data"]["name"] == "Ada Moss"

    def test_nobody_is_told_to_sign_in(self, db: None) -> None:
        found = Api()("GET", "auth/me")
        assert (found.status, found.code) == (401, "UNAUTHENTICATED")

    def test_staff_of_no_organization_are_refused(self, db: None) -> None:
        staff = UserFactory.create(staff=True)
        assert read(browser(staff).get("/api/v1/auth/me")).status == 403

    def test_another_method_is_refused_in_the_same_form(self, owner: User) -> None:
        found = as_program(owner)("PUT", "auth/me", {})
        assert (found.status, found.code) == (405, "METHOD_NOT_ALLOWED")


class TestOneTooMany:
    def test_is_refused_with_when_to_come_again(self, owner: User, settings: Any) -> None:
        settings.QUOTAS = {
            **settings.QUOTAS,
            "educator": {**settings.QUOTAS["educator"], "requests": "1/hour"},
        }
        quotas.forget()
        api = as_program(owner)
        assert api("GET", "auth/me").status == 200
        found = api("GET", "auth/me")
        assert (found.status, found.code) == (429, "RATE_LIMITED")
        assert 0 < int(found.headers["Retry-After"]) <= 3600
        assert found.headers["RateLimit-Policy"] == '"requests";q=1;w=3600'

    def test_is_told_of_before_on_every_answer_to_somebody_who_may(self, owner: User, settings: Any) -> None:
        settings.QUOTAS = {
            **settings.QUOTAS,
            "educator": {**settings.QUOTAS["educator"], "requests": "5/hour"},
        }
        api = as_program(owner)
        answers = [api("GET", "auth/me"), api("DELETE", "auth/me"), api("GET", "admin/users")]
        assert [answer.status for answer in answers] == [200, 405, 403]
        told = [answer.headers.get("RateLimit", "").partition(";t=")[0] for answer in answers]
        assert told == ['"requests";r=4', '"requests";r=3', ""]


class TestLogout:
    def test_ends_a_session(self, owner: User) -> None:
        client = browser(owner)
        assert read(client.post("/api/v1/auth/logout")).data == {"message": "Logged out successfully"}
        assert client.get("/api/v1/auth/me").status_code == 401
        assert AuditEvent.objects.filter(action="signed_out").count() == 1

    def test_revokes_a_key(self, owner: User) -> None:
        api = as_program(owner)
        assert api("POST", "auth/logout").data == {"message": "Logged out successfully"}
        assert api("GET", "auth/me").status == 401
        assert ApiToken.objects.get().revoked_at is not None

    def test_of_a_session_needs_the_token_of_a_page(self, owner: User) -> None:
        client = browser(owner, strict=True)
        refused = read(client.post("/api/v1/auth/logout"))
        assert (refused.status, refused.code) == (403, "FORBIDDEN")
        assert refused.error is not None
        assert "X-CSRFToken" in refused.error["message"]
        assert client.get("/api/v1/auth/me").status_code == 200
        token = "a" * 32
        client.cookies["csrftoken"] = token
        answer = client.post(
            "/api/v1/auth/logout", content_type="application/json", headers={"X-CSRFToken": token}
        )
        assert answer.status_code == 200


class TestPeople:
    def test_are_those_of_the_own_organization(self, cast: Cast) -> None:
        found = as_program(cast.home.admin)("GET", "admin/users")
        assert {row["name"] for row in found.data["users"]} == {
            "Ada Moss",
            "Ben Hart",
            "Cleo Vale",
            "Dora Finch",
        }
        assert (found.data["total"], found.data["limit"], found.data["offset"]) == (4, 20, 0)

    def test_are_filtered_by_role(self, cast: Cast) -> None:
        found = as_program(cast.home.admin)("GET", "admin/users?role=coach")
        assert {row["name"] for row in found.data["users"]} == {"Ben Hart", "Cleo Vale"}

    def test_of_another_organization_are_as_of_none(self, cast: Cast) -> None:
        api = as_program(cast.home.admin)
        away, nowhere = (
            api("GET", f"admin/users?organization_id={one}") for one in (cast.away.organization.pk, uuid4())
        )
        assert away.data == nowhere.data == {"users": [], "total": 0, "limit": 20, "offset": 0}

    def test_come_in_pages_by_offset_and_by_cursor(self, cast: Cast) -> None:
        api = as_program(cast.home.admin)
        whole = [row["id"] for row in api("GET", "admin/users").data["users"]]
        second = api("GET", "admin/users?limit=2&offset=2").data["users"]
        first = api("GET", "admin/users?limit=2")
        after = api("GET", f"admin/users?limit=2&cursor={first.meta['next_cursor']}")
        assert [row["id"] for row in first.data["users"]] == whole[:2]
        assert [row["id"] for row in second] == [row["id"] for row in after.data["users"]] == whole[2:]
        assert after.meta["next_cursor"] is None

    @pytest.mark.parametrize(
        "query",
        [
            *("limit=0", "limit=101", "limit=x", "limit=" + "9" * 5000, "offset=-1", "offset=1001"),
            *("role=janitor", "organization_id=7", "cursor=nonsense", "cursor=%00", "cursor=fA", "page=2"),
            *(f"cursor={cursor_at(at)}" for at in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59")),
        ],
    )
    def test_of_an_impossible_page_are_refused(self, org_admin: User, query: str) -> None:
        found = as_program(org_admin)("GET", f"admin/users?{query}")
        assert (found.status, found.code) == (400, "INVALID_INPUT")
        assert found.error is not None
        assert query.split("=", maxsplit=1)[0] in found.error["details"]

    @pytest.mark.parametrize("who", ["owner", "coach", "other_coach"])
    def test_are_not_for_others(self, cast: Cast, who: str) -> None:
        found = as_program(getattr(cast.home, who))("GET", "admin/users")
        assert (found.status, found.code) == (403, "FORBIDDEN")


class TestAPersonChanged:
    def test_is_answered_and_on_record(self, cast: Cast) -> None:
        person = cast.home.owner
        found = as_program(cast.home.admin)("PATCH", f"admin/users/{person.pk}", {"role": "coach"})
        assert found.status == 200
        assert (found.data["id"], found.data["role"]) == (str(person.pk), "coach")
        person.refresh_from_db()
        assert person.role == "coach"
        event = AuditEvent.objects.get(action="person_role_changed")
        assert (event.actor_id, event.reason) == (cast.home.admin.pk, "educator to coach")

    def test_to_what_they_are_already_leaves_no_record(self, cast: Cast) -> None:
        as_program(cast.home.admin)("PATCH", f"admin/users/{cast.home.owner.pk}", {"role": "educator"})
        assert not AuditEvent.objects.filter(action="person_role_changed").exists()

    def test_needs_a_seat_to_come_back(self, cast: Cast, settings: Any) -> None:
        settings.SEATS = {"free": 3}
        User.objects.filter(pk=cast.home.owner.pk).update(is_active=False)
        found = as_program(cast.home.admin)("PATCH", f"admin/users/{cast.home.owner.pk}", {"is_active": True})
        assert (found.status, found.code) == (409, "CONFLICT")
        assert found.error is not None
        assert found.error["details"] == {"reason": "no_seat_left"}
        assert "All 3 seats are taken or promised." in found.error["message"]
        cast.home.owner.refresh_from_db()
        assert not cast.home.owner.is_active

    def test_must_leave_an_administrator(self, cast: Cast) -> None:
        admin = cast.home.admin
        for change in ({"role": "coach"}, {"is_active": False}):
            found = as_program(admin)("PATCH", f"admin/users/{admin.pk}", change)
            assert (found.status, found.code) == (409, "CONFLICT")
            assert found.error is not None
            assert found.error["details"] == {"reason": "last_administrator"}
        admin.refresh_from_db()
        assert (admin.role, admin.is_active) == ("admin", True)

    @pytest.mark.parametrize(
        "body",
        [
            {"role": "admin", "is_superuser": True},
            {"is_staff": True},
            {"organization": str(UUID(int=1))},
            {"email": "x@y.example"},
            {"role": "janitor"},
            {"role": None},
            {"is_active": "perhaps"},
            [],
            "admin",
            7,
        ],
    )
    def test_in_no_other_way(self, cast: Cast, body: Any) -> None:
        person = cast.home.owner
        before = User.objects.filter(pk=person.pk).values().get()
        found = as_program(cast.home.admin)("PATCH", f"admin/users/{person.pk}", body)
        assert (found.status, found.code) == (400, "INVALID_INPUT")
        assert User.objects.filter(pk=person.pk).values().get() == before

    def test_elsewhere_is_as_nobody(self, cast: Cast) -> None:
        api = as_program(cast.home.admin)
        there, nowhere = (
            api("PATCH", f"admin/users/{one}", {"role": "coach"}) for one in (cast.away.owner.pk, uuid4())
        )
        assert (there.status, there.error) == (nowhere.status, nowhere.error)
        assert there.status == 404
        cast.away.owner.refresh_from_db()
        assert cast.away.owner.role == "educator"


class TestWhatCannotBeRead:
    @pytest.mark.parametrize(
        ("body", "kind", "status", "code"),
        [
            (b"{", "application/json", 400, "INVALID_INPUT"),
            (b'{"role": NaN}', "application/json", 400, "INVALID_INPUT"),
            (b'{"role": "\\ud800"}', "application/json", 400, "INVALID_INPUT"),
            (b'{"role": "a\\u0000"}', "application/json", 400, "INVALID_INPUT"),
            (b"[" * 100_000, "application/json", 400, "INVALID_INPUT"),
            (b"\xff\xfe", "application/json", 400, "INVALID_INPUT"),
            (b"role=admin", "application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"),
            (b"<role/>", "text/xml", 415, "UNSUPPORTED_MEDIA_TYPE"),
            (b"{}" + b" " * 2_000_000, "application/json", 413, "TOO_LARGE"),
        ],
    )
    def test_is_refused_in_the_same_form(
        self, cast: Cast, body: bytes, kind: str, status: int, code: str
    ) -> None:
        api = as_program(cast.home.admin)
        answer = api.client.generic(
            "PATCH",
            f"/api/v1/admin/users/{cast.home.owner.pk}",
            body,
            content_type=kind,
            headers={"Authorization": f"Bearer {api.key}"},
        )
        found = read(answer)
        assert (found.status, found.code) == (status, code)


class TestAReplySaved:
    def test_is_sent_again_with_a_mark(self, cast: Cast) -> None:
        api = as_program(cast.home.admin)
        path, body = "auth/me", {"name": "Dora F."}
        first, second = (api("PATCH", path, body, idempotency_key="one") for _ in "ab")
        assert (first.data, first.meta) == (second.data, second.meta)
        assert "Idempotency-Replayed" not in first.headers
        assert second.headers["Idempotency-Replayed"] == "true"

    def test_belongs_to_one_request(self, cast: Cast) -> None:
        api = as_program(cast.home.admin)
        path = f"admin/users/{cast.home.owner.pk}"
        api("PATCH", path, {"role": "coach"}, idempotency_key="one")
        for other, body in (
            (path, {"role": "admin"}),
            (f"admin/users/{cast.home.coach.pk}", {"role": "coach"}),
        ):
            found = api("PATCH", other, body, idempotency_key="one")
            assert (found.status, found.code) == (422, "KEY_REUSED")
        cast.home.owner.refresh_from_db()
        assert cast.home.owner.role == "coach"

    def test_is_not_what_was_refused(self, cast: Cast) -> None:
        api = as_program(cast.home.admin)
        path = f"admin/users/{cast.home.owner.pk}"
        assert api("PATCH", path, {"role": "x"}, idempotency_key="one").status == 400
        assert not SavedReply.objects.exists()
        assert api("PATCH", path, {"role": "coach"}, idempotency_key="one").status == 200

    @pytest.mark.parametrize("key", ["x" * 256, "caf\xe9", "a\tb"])
    def test_needs_a_plain_key(self, cast: Cast, key: str) -> None:
        found = as_program(cast.home.admin)(
            "PATCH", f"admin/users/{cast.home.owner.pk}", {"role": "coach"}, idempotency_key=key
        )
        assert found.status == 400
        cast.home.owner.refresh_from_db()
        assert cast.home.owner.role == "educator"

    def test_is_kept_for_a_day(self, owner: User) -> None:
        now = datetime(2026, 1, 5, tzinfo=UTC)
        claim: Any = {"user_id": owner.pk, "key": "one", "fingerprint": "f"}
        first = saved_replies.claim(**claim, now=now)
        assert isinstance(first, saved_replies.Claim)
        saved_replies.keep(claimed=first, status=200, body=b"{}")
        in_time = saved_replies.claim(**claim, now=now + timedelta(hours=24))
        assert in_time == saved_replies.Saved(200, b"{}")
        late = saved_replies.claim(**claim, now=now + timedelta(hours=24, seconds=1))
        assert isinstance(late, saved_replies.Claim)

    def test_of_a_process_that_died_is_made_by_the_next(self, owner: User) -> None:
        now = datetime(2026, 1, 5, tzinfo=UTC)
        claim: Any = {"user_id": owner.pk, "key": "one", "fingerprint": "f"}
        dead = saved_replies.claim(**claim, now=now)
        with pytest.raises(saved_replies.StillAnswering):
            saved_replies.claim(**claim, now=now + timedelta(minutes=4))
        next_one = saved_replies.claim(**claim, now=now + timedelta(minutes=4, seconds=1))
        assert isinstance(dead, saved_replies.Claim)
        assert isinstance(next_one, saved_replies.Claim)
        saved_replies.keep(claimed=dead, status=200, body=b"late")
        assert SavedReply.objects.get().status is None

    def test_is_forgotten_after_it(self, owner: User) -> None:
        now = datetime(2026, 1, 5, tzinfo=UTC)
        saved_replies.claim(user_id=owner.pk, key="one", fingerprint="f", now=now)
        assert saved_replies.forget_old(now=now + timedelta(hours=24)) == 0
        assert saved_replies.forget_old(now=now + timedelta(hours=25)) == 1
