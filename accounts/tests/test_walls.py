"""The rules that the database itself keeps."""

from threading import Barrier, Thread

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Team, TeamMembership, User
from accounts.tests.cast import Cast, House
from accounts.tests.factories import OrganizationFactory, TeamFactory, UserFactory


class TestOrganizationWalls:
    def test_an_address_belongs_to_one_person_whatever_its_case(self, owner: User) -> None:
        with pytest.raises(IntegrityError, match="user_email_unique"), transaction.atomic():
            UserFactory.create(email="ADA@riverside.example")
        assert User.objects.get_by_natural_key("ADA@Riverside.Example") == owner

    def test_only_staff_belong_nowhere(self, db: None) -> None:
        with pytest.raises(IntegrityError, match="user_belongs_somewhere"), transaction.atomic():
            UserFactory.create(organization=None)
        assert UserFactory.create(staff=True).organization is None

    def test_nobody_moves_to_another_organization(self, cast: Cast) -> None:
        with pytest.raises(IntegrityError, match="another organization"), transaction.atomic():
            User.objects.filter(pk=cast.home.owner.pk).update(organization=cast.away.organization)
        with pytest.raises(IntegrityError, match="another organization"), transaction.atomic():
            Team.objects.filter(pk=cast.home.team.pk).update(organization=cast.away.organization)
        cast.home.owner.refresh_from_db()
        assert cast.home.owner.organization == cast.home.organization

    def test_a_team_has_a_coach_of_its_own_organization(self, cast: Cast) -> None:
        with pytest.raises(IntegrityError, match="team_coach_of_same_organization"), transaction.atomic():
            TeamFactory.create(organization=cast.home.organization, coach=cast.away.coach)
        assert Team.objects.filter(organization=cast.home.organization).count() == 2

    def test_a_team_has_members_of_its_own_organization(self, cast: Cast) -> None:
        with pytest.raises(IntegrityError, match="members of its own organization"), transaction.atomic():
            TeamMembership.objects.create(team=cast.home.team, member=cast.away.other_coach)
        assert TeamMembership.objects.filter(team=cast.home.team).count() == 1


class TestLastAdministrator:
    @pytest.mark.parametrize("change", [{"role": "coach"}, {"is_active": False}])
    def test_stays_what_they_are(self, home: House, change: dict[str, object]) -> None:
        with pytest.raises(IntegrityError, match="one active administrator"), transaction.atomic():
            User.objects.filter(pk=home.admin.pk).update(**change)
        home.admin.refresh_from_db()
        assert (home.admin.role, home.admin.is_active) == ("admin", True)

    def test_cannot_be_deleted(self, home: House) -> None:
        with pytest.raises(IntegrityError, match="one active administrator"), transaction.atomic():
            home.admin.delete()
        assert User.objects.filter(email="dora@riverside.example").exists()

    def test_may_go_when_there_is_another(self, home: House) -> None:
        UserFactory.create(admin=True, organization=home.organization)
        User.objects.filter(pk=home.admin.pk).update(role="coach")
        home.admin.refresh_from_db()
        assert home.admin.role == "coach"

    def test_a_deactivated_administrator_is_not_another(self, home: House) -> None:
        UserFactory.create(admin=True, organization=home.organization, is_active=False)
        with pytest.raises(IntegrityError, match="one active administrator"), transaction.atomic():
            User.objects.filter(pk=home.admin.pk).update(role="coach")

    @pytest.mark.races
    @pytest.mark.django_db(transaction=True)
    def test_two_who_take_away_each_other_at_once_never_both_succeed(self) -> None:
        rounds = 200
        pairs = []
        for _round in range(rounds):
            organization = OrganizationFactory.create()
            pairs.append([UserFactory.create(admin=True, organization=organization).pk for _each in range(2)])
        barrier = Barrier(2)
        done: list[list[bool]] = [[], []]

        def take_away(side: int) -> None:
            for pair in pairs:
                barrier.wait()
                try:
                    User.objects.filter(pk=pair[side]).update(role="coach")
                    done[side].append(True)
                except IntegrityError:
                    done[side].append(False)
            connection.close()

        threads = [Thread(target=take_away, args=(side,)) for side in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [sum(both) for both in zip(*done, strict=True)] == [1] * rounds
        assert User.objects.filter(role="admin").count() == rounds
