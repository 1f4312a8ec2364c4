"""Whoever becomes an administrator outlasts every key, so no key makes one: only a browser does."""

from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from accounts import access, invitations
from accounts.entry_models import OutgoingMail
from accounts.models import AuditEvent, User
from accounts.tests.api_caller import Api, Reply, as_program
from accounts.tests.browsing import as_
from accounts.tests.cast import Cast
from accounts.tests.factories import UserFactory

pytestmark = [pytest.mark.usefixtures("accounts_alone"), pytest.mark.django_db]

NEWCOMER = {"name": "Eda Reed", "email": "eda@riverside.example", "role": "admin"}


@pytest.fixture
def dora(org_admin: User) -> Api:
    """Return a program with a key of Dora, the administrator at home, that opens all there is."""
    return as_program(org_admin)


def reason(refused: Reply) -> tuple[int, Any]:
    """Return why something was refused."""
    return refused.status, refused.error and refused.error["details"].get("reason")


class TestAnAdministrator:
    def asked(self, cast: Cast) -> list[tuple[str, str, Any]]:
        """Return all that would make somebody an administrator, or let one in."""
        home = cast.home
        gone = UserFactory.create(organization=home.organization, role="admin", is_active=False)
        invited = invitations.invite(
            actor=home.admin,
            organization=home.organization,
            email="eva@riverside.example",
            role="admin",
            team=None,
            now=timezone.now(),
        )
        return [
            ("POST", "users", NEWCOMER),
            ("PATCH", f"users/{home.owner.pk}", {"role": "admin"}),
            ("PATCH", f"users/{gone.pk}", {"is_active": True}),
            ("POST", f"users/{home.admin.pk}/password-link", None),
            ("POST", "invitations", {"email": "evan@riverside.example", "role": "admin"}),
            ("POST", f"invitations/{invited.pk}/send-again", None),
        ]

    def test_is_made_and_let_in_by_no_key(self, cast: Cast, dora: Api, settings: Any) -> None:
        settings.SEATS = {**settings.SEATS, "free": 20}
        asked = self.asked(cast)
        events, letters = AuditEvent.objects.count(), OutgoingMail.objects.count()
        for method, path, body in asked:
            found = dora(method, f"admin/{path}", body, idempotency_key=path)
            assert reason(found) == (403, "only_in_browser"), (method, path)
            assert found.error is not None
            assert "does that in the browser" in found.error["message"]
        assert (AuditEvent.objects.count(), OutgoingMail.objects.count()) == (events, letters)
        assert (
            User.objects.filter(role="admin", is_active=True, organization=cast.home.organization).count()
            == 1
        )

    def test_not_even_while_the_account_is_closed(self, cast: Cast, dora: Api) -> None:
        User.objects.filter(pk=cast.home.owner.pk).update(is_active=False)
        found = dora("PATCH", f"admin/users/{cast.home.owner.pk}", {"role": "admin"})
        assert reason(found) == (403, "only_in_browser")

    def test_is_let_in_by_no_key_that_knew_them_as_an_educator(
        self, cast: Cast, dora: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gone = UserFactory.create(organization=cast.home.organization, is_active=False)
        visible_member = access.visible_member

        def promoted_meanwhile(member: User, person_id: UUID) -> User:
            person = visible_member(member, person_id)
            User.objects.filter(pk=person_id).update(role="admin")
            return person

        monkeypatch.setattr(access, "visible_member", promoted_meanwhile)
        assert reason(dora("PATCH", f"admin/users/{gone.pk}", {"is_active": True})) == (
            403,
            "only_in_browser",
        )
        gone.refresh_from_db()
        assert (gone.role, gone.is_active) == ("admin", False)

    def test_is_made_and_let_in_from_a_browser(self, cast: Cast, settings: Any) -> None:
        settings.SEATS = {**settings.SEATS, "free": 20}
        browser = Api(client=as_(cast.home.admin))
        answers = [browser(method, f"admin/{path}", body) for method, path, body in self.asked(cast)]
        assert [each.status for each in answers] == [201, 200, 200, 200, 201, 200]

    def test_is_closed_or_made_something_else_by_a_key(self, cast: Cast, dora: Api) -> None:
        other = UserFactory.create(organization=cast.home.organization, role="admin")
        for change in ({"name": "Eve Ames"}, {"is_active": False}, {"role": "coach"}):
            assert dora("PATCH", f"admin/users/{other.pk}", change).status == 200
