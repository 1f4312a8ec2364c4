"""Teams over the API: changed by two at once, listed in parts, and answered whatever their size."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, Team, TeamMembership, User
from accounts.tests.api_caller import Api, as_program
from accounts.tests.cast import Cast
from accounts.tests.factories import UserFactory
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

    def test_are_listed_in_parts(self, dora: Api) -> None:
        first, rest = dora("GET", "teams?limit=1"), dora("GET", "teams?limit=1&offset=1")
        names = [each["name"] for part in (first, rest) for each in part.data["teams"]]
        assert names == ["Ben Hart's team", "Cleo Vale's team"]
        assert [(part.meta["total"], part.meta["next_offset"]) for part in (first, rest)] == [
            (2, 1),
            (2, None),
        ]

    def test_are_answered_with_as_many_queries_whatever_their_size(self, cast: Cast, dora: Api) -> None:
        def queries(name: str) -> int:
            with CaptureQueriesContext(connection) as asked:
                dora("PATCH", f"admin/teams/{cast.home.team.pk}", {"name": name})
            return len(asked)

        queries("First")  # It notes that the key was used, too.
        small = queries("Small")
        for _ in range(3):
            newcomer = UserFactory.create(organization=cast.home.organization)
            TeamMembership.objects.create(team=cast.home.team, member=newcomer)
        assert queries("Large") == small
