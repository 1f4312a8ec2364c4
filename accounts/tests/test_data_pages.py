"""The pages on which people take their data with them or leave, and administrators erase others."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from accounts import data_requests, tasks, tokens
from accounts.lifecycle_models import AccountExport, Erasure
from accounts.models import ApiToken, AuditEvent, User
from accounts.tests.cast import Cast
from accounts.tests.factories import PASSWORD

YOURS = "/settings/your-data/"


@pytest.fixture
def nudged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the exports that a worker was told of."""
    told: list[str] = []
    monkeypatch.setattr(tasks.make_export, "delay_on_commit", lambda *, export_id: told.append(export_id))
    return told


def page(response: Any) -> str:
    """Return a page as text."""
    return " ".join(response.content.decode().split())


def ready(person: User, *, lasts: timedelta = timedelta(hours=1)) -> AccountExport:
    """Return a copy that lies ready."""
    return AccountExport.objects.create(
        person=person,
        state="ready",
        file=default_storage.save("account-exports/copy.zip", ContentFile(b"PK copy")),
        size=7,
        sha256="abc",
        expires_at=timezone.now() + lasts,
    )


class TestACopy:
    def test_needs_the_password_once_more(self, as_owner: Client, nudged: list[str]) -> None:
        assert as_owner.post(f"{YOURS}export/").status_code == 422
        response = as_owner.post(f"{YOURS}export/", {"password": "wrong"})
        assert response.status_code == 422
        assert "This is not your password." in page(response)
        assert not AccountExport.objects.exists()
        assert nudged == []

    def test_is_begun_for_the_right_one_and_shows_how_far_it_is(
        self, as_owner: Client, nudged: list[str]
    ) -> None:
        response = as_owner.post(f"{YOURS}export/", {"password": PASSWORD}, follow=True)
        export = AccountExport.objects.get()
        assert nudged == [str(export.pk)]
        assert 'hx-trigger="every 2s"' in page(response)
        AccountExport.objects.update(state="running", done_parts=3, total_parts=8)
        fragment = page(as_owner.get(YOURS, headers={"HX-Request": "true"}))
        assert 'value="3" max="8"' in fragment
        assert "<h1>" not in fragment

    def test_needs_no_password_from_somebody_who_has_none(
        self, as_owner: Client, owner: User, nudged: list[str]
    ) -> None:
        owner.set_unusable_password()
        owner.save()
        as_owner.force_login(owner)
        assert 'name="password"' not in page(as_owner.get(YOURS))
        as_owner.post(f"{YOURS}export/", {})
        assert len(nudged) == 1

    def test_is_not_begun_when_too_many_were_nor_without_redis(
        self, as_owner: Client, owner: User, settings: Any
    ) -> None:
        settings.QUOTAS = {
            **settings.QUOTAS,
            "educator": {**settings.QUOTAS["educator"], "exports": "1/day"},
        }
        answers = []
        for _ in range(2):
            answers.append(as_owner.post("/settings/your-data/export/", {"password": PASSWORD}))
            AccountExport.objects.update(state="failed")
        settings.QUOTAS_URL = "redis://127.0.0.1:1/0"
        answers.append(as_owner.post("/settings/your-data/export/", {"password": PASSWORD}))
        assert [answer.status_code for answer in answers] == [302, 429, 503]
        assert "You can begin the next in 24 hours." in page(answers[1])
        assert AccountExport.objects.count() == 1

    def test_is_handed_out_to_its_person_and_that_is_recorded(self, as_owner: Client, owner: User) -> None:
        export = ready(owner)
        assert f"{YOURS}export/{export.pk}/" in page(as_owner.get(YOURS))
        response = as_owner.get(f"{YOURS}export/{export.pk}/")
        assert b"".join(response.streaming_content) == b"PK copy"  # type: ignore[attr-defined]  # of a file
        assert response["Cache-Control"] == "private, no-store"
        assert AuditEvent.objects.filter(action="account_export_taken", actor_id=owner.pk).count() == 1

    @pytest.mark.parametrize("who", ["coach", "admin"])
    def test_of_somebody_else_is_like_one_that_does_not_exist(
        self, client: Client, cast: Cast, who: str
    ) -> None:
        export = ready(cast.home.owner)
        client.force_login(getattr(cast.home, who))
        missing = client.get(f"{YOURS}export/{cast.home.owner.pk}/")
        refused = client.get(f"{YOURS}export/{export.pk}/")
        assert (refused.status_code, refused.content) == (404, missing.content)
        assert not AuditEvent.objects.filter(action="account_export_taken").exists()

    def test_is_gone_when_its_day_is_over_also_before_the_file_is(
        self, as_owner: Client, owner: User
    ) -> None:
        export = ready(owner, lasts=-timedelta(seconds=1))
        assert as_owner.get(f"{YOURS}export/{export.pk}/").status_code == 404
        assert str(export.pk) not in page(as_owner.get(YOURS))

    def test_without_a_session_leads_to_the_sign_in(self, client: Client, owner: User) -> None:
        export = ready(owner)
        response = client.get(f"{YOURS}export/{export.pk}/")
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/")


class TestLeaving:
    def test_says_first_what_goes_and_what_stays(self, as_owner: Client) -> None:
        shown = page(as_owner.get(f"{YOURS}erase/"))
        assert "What goes" in shown
        assert "What stays" in shown
        assert "In 7 days." in shown
        assert not Erasure.objects.exists()

    @pytest.mark.parametrize(
        ("email", "password"), [("", PASSWORD), ("other@riverside.example", PASSWORD), ("ada", "wrong")]
    )
    def test_needs_the_address_and_the_password(
        self, as_owner: Client, owner: User, email: str, password: str
    ) -> None:
        typed = owner.email if email == "ada" else email
        response = as_owner.post(f"{YOURS}erase/", {"email": typed, "password": password})
        assert response.status_code == 422
        assert not Erasure.objects.exists()

    def test_signs_out_everywhere_and_can_be_taken_back_by_signing_in(
        self, as_owner: Client, owner: User
    ) -> None:
        Client().force_login(owner)
        response = as_owner.post(
            f"{YOURS}erase/", {"email": f" {str(owner.email).upper()} ", "password": PASSWORD}, follow=True
        )
        erasure = Erasure.objects.get()
        assert (erasure.person_id, erasure.asked_by_id, erasure.state) == (owner.pk, owner.pk, "scheduled")
        assert erasure.due_at - erasure.requested_at == timedelta(days=7)
        assert "sign in before then and cancel" in page(response)
        assert [each for each in Session.objects.all() if "_auth_user_id" in each.get_decoded()] == []
        back = as_owner.post("/accounts/login/", {"login": owner.email, "password": PASSWORD}, follow=True)
        assert back.redirect_chain[-1][0] == YOURS
        assert "Cancel and keep my account" in page(back)
        assert f"Your account will be erased on {erasure.due_at:%d %B %Y}. See Settings" in page(back)
        assert "Your account stays." in page(as_owner.post(f"{YOURS}stay/", follow=True))
        erasure.refresh_from_db()
        assert erasure.state == "cancelled"
        acts = AuditEvent.objects.filter(action__startswith="erasure").order_by("sequence")
        assert list(acts.values_list("action", flat=True)) == ["erasure_asked", "erasure_cancelled"]

    def test_is_not_for_the_last_administrator(self, client: Client, org_admin: User) -> None:
        client.force_login(org_admin)
        response = client.post(f"{YOURS}erase/", {"email": org_admin.email, "password": PASSWORD})
        assert response.status_code == 422
        assert "Name another one first." in page(response)
        assert not Erasure.objects.exists()

    def test_cannot_be_taken_back_twice_or_without_having_been_asked(self, as_owner: Client) -> None:
        assert as_owner.post(f"{YOURS}stay/").status_code == 404


class TestAnAdministrator:
    def address(self, person: User, act: str = "erase") -> str:
        """Return the page about the erasure of somebody."""
        return f"/admin/accounts/user/{person.pk}/{act}/"

    def test_erases_somebody_of_the_organization_and_can_take_it_back(
        self, client: Client, cast: Cast
    ) -> None:
        client.force_login(cast.home.admin)
        person = cast.home.owner
        assert "/erase-account/" in page(client.get(f"/admin/accounts/user/{person.pk}/change/"))
        led = client.get(f"/admin/accounts/user/{person.pk}/erase-account/")
        assert led["Location"] == self.address(person)
        assert "What stays" in page(client.get(self.address(person)))
        client.post(self.address(person), {"email": person.email, "password": PASSWORD})
        erasure = Erasure.objects.get()
        assert (erasure.person_id, erasure.asked_by_id) == (person.pk, cast.home.admin.pk)
        assert "Cancel, Ada Moss stays" in page(client.get(self.address(person)))
        client.post(self.address(person, "stay"))
        erasure.refresh_from_db()
        assert erasure.state == "cancelled"

    def test_ends_the_persons_keys_and_is_on_record_for_it(self, client: Client, cast: Cast) -> None:
        person, admin, now = cast.home.owner, cast.home.admin, timezone.now()
        for owner in (person, admin):
            tokens.issue(owner=owner, name="Planner", scopes=["read"], days=30, now=now)
        client.force_login(admin)
        client.post(self.address(person), {"email": person.email, "password": PASSWORD})
        assert list(ApiToken.objects.filter(revoked_at=None).values_list("owner", flat=True)) == [admin.pk]
        ended = AuditEvent.objects.get(action="token_revoked")
        assert (ended.actor_id, ended.reason) == (admin.pk, "erasure asked")
        assert ended.organization_id == cast.home.organization.pk

    def test_a_key_made_after_it_ends_when_the_person_asks_too(self, cast: Cast) -> None:
        person, admin, now = cast.home.owner, cast.home.admin, timezone.now()
        first = data_requests.ask_for_erasure(actor=admin, person=person, now=now)
        tokens.issue(owner=person, name="Planner", scopes=["read"], days=30, now=now)
        assert data_requests.ask_for_erasure(actor=person, person=person, now=now) == first
        assert not ApiToken.objects.filter(owner=person, revoked_at=None).exists()

    def test_must_know_the_own_password_and_the_others_address(self, client: Client, cast: Cast) -> None:
        client.force_login(cast.home.admin)
        for typed in (
            {"email": "x", "password": PASSWORD},
            {"email": cast.home.owner.email, "password": "x"},
        ):
            assert client.post(self.address(cast.home.owner), typed).status_code == 422
        assert not Erasure.objects.exists()

    def test_cannot_take_back_what_the_person_asked_for(self, client: Client, cast: Cast) -> None:
        person = cast.home.owner
        Erasure.objects.create(
            person_id=person.pk,
            asked_by_id=person.pk,
            organization=person.organization,
            due_at=timezone.now(),
        )
        client.force_login(cast.home.admin)
        assert client.post(self.address(person, "stay")).status_code == 404
        assert Erasure.objects.get().state == "scheduled"

    def test_is_told_of_nobody_elsewhere(self, client: Client, cast: Cast) -> None:
        client.force_login(cast.home.admin)
        for person in (cast.away.owner, cast.home.admin):
            assert client.get(self.address(person)).status_code == 404
            assert client.post(self.address(person), {"email": person.email}).status_code == 404

    @pytest.mark.parametrize("who", ["owner", "coach", "other_coach"])
    def test_is_who_one_must_be(self, client: Client, cast: Cast, who: str) -> None:
        client.force_login(getattr(cast.home, who))
        for person in (cast.home.owner, cast.home.coach):
            for act in ("erase", "stay"):
                assert client.post(self.address(person, act), {"email": person.email}).status_code == 404
        assert not Erasure.objects.exists()

    def test_sees_that_the_person_is_told(self, client: Client, cast: Cast) -> None:
        person = cast.home.owner
        Erasure.objects.create(
            person_id=person.pk,
            asked_by_id=cast.home.admin.pk,
            organization=person.organization,
            due_at=timezone.now() + timedelta(days=7),
        )
        client.force_login(person)
        shown = page(client.get(YOURS))
        assert "An administrator of your organization asked for this." in shown
        assert "Cancel and keep my account" not in shown
        assert client.post(f"{YOURS}stay/").status_code == 404


class TestTheSweep:
    def test_tells_a_worker_of_what_is_due(
        self, owner: User, coach: User, monkeypatch: pytest.MonkeyPatch, nudged: list[str]
    ) -> None:
        told: list[str] = []
        monkeypatch.setattr(
            tasks.erase_account, "delay_on_commit", lambda *, erasure_id: told.append(erasure_id)
        )
        waiting = AccountExport.objects.create(person=owner)
        AccountExport.objects.create(
            person=coach, state="running", lease_until=timezone.now() + timedelta(minutes=1)
        )
        now = timezone.now()
        due = Erasure.objects.create(person_id=owner.pk, asked_by_id=owner.pk, due_at=now)
        Erasure.objects.create(person_id=coach.pk, asked_by_id=coach.pk, due_at=now + timedelta(days=1))
        tasks.sweep_account_data()
        assert (nudged, told) == ([str(waiting.pk)], [str(due.pk)])
