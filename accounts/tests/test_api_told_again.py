"""A repeated request that tells of other people has one effect, and nothing of them was kept for it."""

from typing import Any

import pytest

from accounts.entry_models import Invitation
from accounts.models import AuditEvent, SavedReply, Team, User
from accounts.tests.api_caller import Api, Reply, as_program
from accounts.tests.cast import Cast
from accounts.tests.factories import UserFactory

pytestmark = [pytest.mark.usefixtures("accounts_alone"), pytest.mark.django_db]

NEWCOMER = {"name": "Eda Reed", "email": "eda@riverside.example"}


@pytest.fixture
def dora(org_admin: User) -> Api:
    """Return a program with the key of Dora, the administrator at home."""
    return as_program(org_admin)


def twice(api: Api, method: str, path: str, body: Any = None) -> tuple[Reply, Reply]:
    """Return both answers to one request that is sent twice under one key, of which no words were kept."""
    first, second = (api(method, path, body, idempotency_key="one") for _ in "ab")
    assert (first.headers.get("Idempotency-Replayed"), second.headers["Idempotency-Replayed"]) == (
        None,
        "true",
    )
    assert bytes(SavedReply.objects.get().body) == b""
    return first, second


class TestOnce:
    def test_is_somebody_added(self, dora: Api) -> None:
        first, second = twice(dora, "POST", "admin/users", NEWCOMER)
        assert (second.status, second.data) == (201, first.data)
        assert User.objects.filter(name="Eda Reed").count() == 1

    def test_is_somebody_changed(self, cast: Cast, dora: Api) -> None:
        first, second = twice(dora, "PATCH", f"admin/users/{cast.home.owner.pk}", {"role": "coach"})
        assert [(each.status, each.data["name"], each.data["role"]) for each in (first, second)] == [
            (200, "Ada Moss", "coach")
        ] * 2
        assert AuditEvent.objects.filter(action="person_role_changed").count() == 1

    def test_is_somebody_invited(self, dora: Api) -> None:
        first, second = twice(dora, "POST", "admin/invitations", {"email": "eda@riverside.example"})
        assert (second.status, second.data) == (201, first.data)
        assert Invitation.objects.count() == 1

    def test_is_an_invitation_sent_again(self, dora: Api) -> None:
        invited = dora("POST", "admin/invitations", {"email": "eda@riverside.example"})
        first, second = twice(dora, "POST", f"admin/invitations/{invited.data['id']}/send-again")
        assert (second.status, second.data) == (200, first.data)
        assert Invitation.objects.get().link == 2

    def test_is_a_team_built_and_changed(self, cast: Cast, dora: Api) -> None:
        eda = UserFactory.create(organization=cast.home.organization, name="Eda Reed")
        team = {"name": "New", "coach_id": str(cast.home.other_coach.pk), "member_ids": [str(eda.pk)]}
        first, second = twice(dora, "POST", "admin/teams", team)
        assert (second.status, second.data) == (201, first.data)
        assert Team.objects.filter(name="New").count() == 1
        SavedReply.objects.all().delete()
        first, second = twice(dora, "PATCH", f"admin/teams/{first.data['id']}", {"name": "Newer"})
        assert (second.status, second.data) == (200, first.data)
        assert AuditEvent.objects.filter(action="team_changed").count() == 1


class TestAgain:
    def test_tells_how_it_is_now(self, cast: Cast, dora: Api) -> None:
        path = f"admin/users/{cast.home.owner.pk}"
        dora("PATCH", path, {"role": "coach"}, idempotency_key="one")
        User.objects.filter(pk=cast.home.owner.pk).update(name="Ada M.")
        again = dora("PATCH", path, {"role": "coach"}, idempotency_key="one")
        assert (again.status, again.data["name"]) == (200, "Ada M.")

    def test_tells_nothing_of_somebody_who_is_gone_and_adds_them_no_more(self, dora: Api) -> None:
        added = dora("POST", "admin/users", NEWCOMER, idempotency_key="one")
        User.objects.filter(pk=added.data["id"]).delete()
        again = dora("POST", "admin/users", NEWCOMER, idempotency_key="one")
        assert (again.status, again.code, again.data) == (404, "NOT_FOUND", None)
        assert not User.objects.filter(name="Eda Reed").exists()

    def test_tells_what_a_version_before_has_kept(self, dora: Api) -> None:
        first = dora("POST", "admin/users", NEWCOMER, idempotency_key="one")
        SavedReply.objects.update(body=b'{"data": {}, "error": null, "meta": {}}', about=None)
        again = dora("POST", "admin/users", NEWCOMER, idempotency_key="one")
        assert (first.status, again.status, again.data) == (201, 201, {})
