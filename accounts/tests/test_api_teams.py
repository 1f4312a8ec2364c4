"""Teams over the API: what is changed about them, also by two at once."""

import pytest

from accounts.models import AuditEvent, Team, User
from accounts.tests.api_caller import Api, as_program
from accounts.tests.cast import Cast
from accounts.tests.racing import overtaken

pytestmark = [pytest.mark.usefixtures("accounts_alone"), pytest.mark.django_db]


@pytest.fixture
def dora(org_admin: User) -> Api:
    """Return a program with the key of Dora, the administrator at home."""
    return as_program(org_admin)


class TestTeams:
    def test_whose_coach_has_left_are_changed_all_the_same(self, cast: Cast, dora: Api) -> None:
        User.objects.filter(pk=cast.home.coach.pk).update(is_active=False)
        address = f"admin/teams/{cast.home.team.pk}"
        assert dora("PATCH", address, {"name": "Left", "member_ids": []}).data["members"] == []
        assert dora("PATCH", address, {"coach_id": str(cast.home.coach.pk)}).data["name"] == "Left"
        assert (
            dora(
                "PATCH", f"admin/teams/{cast.home.other_team.pk}", {"coach_id": str(cast.home.coach.pk)}
            ).status
            == 404
        )

    def test_that_stay_as_they_are_leave_no_line_in_the_record(self, cast: Cast, dora: Api) -> None:
        address = f"admin/teams/{cast.home.team.pk}"
        for same in ({}, {"name": "Ben Hart's team"}, {"member_ids": [str(cast.home.owner.pk)]}):
            assert dora("PATCH", address, same).data["name"] == "Ben Hart's team"
        assert not AuditEvent.objects.filter(resource=f"team:{cast.home.team.pk}").exists()

    @pytest.mark.django_db(transaction=True)
    def test_keep_the_coach_whom_they_got_while_they_were_renamed(self, cast: Cast, dora: Api) -> None:
        team = Team.objects.filter(pk=cast.home.team.pk)
        renamed = overtaken(
            lambda: dora("PATCH", f"admin/teams/{cast.home.team.pk}", {"name": "New"}),
            rows=team,
            by=lambda: team.update(coach=cast.home.other_coach),
        )
        assert (renamed.status, renamed.data["coach"]["name"]) == (200, "Cleo Vale")
        assert team.values_list("name", "coach__name").get() == ("New", "Cleo Vale")

    @pytest.mark.django_db(transaction=True)
    def test_that_are_deleted_while_they_are_renamed_stay_deleted(self, cast: Cast, dora: Api) -> None:
        team = Team.objects.filter(pk=cast.home.team.pk)
        renamed = overtaken(
            lambda: dora("PATCH", f"admin/teams/{cast.home.team.pk}", {"name": "New"}),
            rows=team,
            by=team.delete,
        )
        assert renamed.status == 404
        assert not team.exists()
