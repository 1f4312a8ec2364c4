"""Who may see whom, and what the doors say to the others."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpResponse
from django.test import RequestFactory
from django_htmx.middleware import HtmxDetails

from accounts import access
from accounts.access import AccountDeactivated, NotVisible
from accounts.http import MemberRequest, coach_required, member_required
from accounts.middleware import NotVisibleMiddleware
from accounts.models import TeamMembership, User
from accounts.roles import Role, includes
from accounts.tests.cast import Cast, House
from accounts.tests.factories import TeamFactory, UserFactory


class TestRoles:
    @pytest.mark.parametrize(
        ("role", "opened"),
        [
            ("educator", [True, False, False]),
            ("coach", [True, True, False]),
            ("admin", [True, True, True]),
            ("owner", [False, False, False]),
            ("", [False, False, False]),
        ],
    )
    def test_each_role_includes_those_below_it(self, role: str, opened: list[bool]) -> None:
        assert [includes(role, needed) for needed in (Role.EDUCATOR, Role.COACH, Role.ADMIN)] == opened


class TestPeople:
    def test_each_sees_whom_the_role_and_the_team_open(self, home: House) -> None:
        def seen(member: User) -> set[User]:
            return set(access.visible_people(member))

        assert seen(home.owner) == {home.owner, home.coach}
        assert seen(home.coach) == {home.coach, home.owner}
        assert seen(home.other_coach) == {home.other_coach}
        assert seen(home.admin) == set(home.everybody)

    def test_nobody_sees_anybody_of_another_organization(self, cast: Cast) -> None:
        for member in cast.home.everybody:
            for person in cast.away.everybody:
                with pytest.raises(NotVisible):
                    access.visible_member(member, person.pk)

    def test_missing_and_foreign_people_are_refused_alike(self, cast: Cast) -> None:
        with pytest.raises(NotVisible) as missing:
            access.visible_member(cast.home.owner, uuid4())
        with pytest.raises(NotVisible) as foreign:
            access.visible_member(cast.home.owner, cast.away.owner.pk)
        assert (type(missing.value), missing.value.args) == (type(foreign.value), foreign.value.args)

    def test_staff_belong_to_no_organization_and_see_nobody_here(self, home: House) -> None:
        staff = UserFactory.create(staff=True)
        assert list(access.visible_people(staff)) == []
        assert list(access.active_coaches(staff)) == []
        with pytest.raises(NotVisible):
            access.organization_of(staff)

    def test_an_educator_who_once_coached_no_longer_sees_the_team(self, home: House) -> None:
        home.coach.role = Role.EDUCATOR
        home.coach.save(update_fields=["role"])
        assert set(access.visible_people(home.coach)) == {home.coach}
        assert list(access.visible_teams(home.coach)) == []


class TestTeams:
    def test_members_see_their_team_and_administrators_see_all(self, home: House) -> None:
        assert list(access.visible_teams(home.owner)) == [home.team]
        assert list(access.visible_teams(home.coach)) == [home.team]
        assert access.visible_teams(home.admin).count() == 2
        assert access.visible_team(home.coach, home.team.pk) == home.team

    def test_teams_of_others_are_refused(self, cast: Cast) -> None:
        for member in (cast.home.other_coach, cast.away.admin):
            with pytest.raises(NotVisible):
                access.visible_team(member, cast.home.team.pk)

    def test_the_coach_of_the_team_is_the_coach(self, home: House) -> None:
        assert access.coach_for(home.owner) == home.coach

    def test_nobody_is_without_a_team_or_after_the_coach_has_left(self, home: House) -> None:
        assert access.coach_for(home.admin) is None
        User.objects.filter(pk=home.coach.pk).update(is_active=False)
        assert access.coach_for(home.owner) is None

    def test_nobody_coaches_themselves(self, home: House) -> None:
        TeamMembership.objects.create(
            team=TeamFactory.create(organization=home.organization, coach=home.admin), member=home.admin
        )
        assert access.coach_for(home.admin) is None

    def test_active_coaches_are_those_of_the_organization(self, cast: Cast) -> None:
        home = cast.home
        assert set(access.active_coaches(home.owner)) == {home.coach, home.other_coach}


class TestCurrentMember:
    def test_reads_the_person_anew(self, owner: User) -> None:
        User.objects.filter(pk=owner.pk).update(name="Ada M.")
        assert access.current_member(owner.pk).name == "Ada M."

    def test_refuses_whoever_was_deactivated_or_removed(self, owner: User) -> None:
        User.objects.filter(pk=owner.pk).update(is_active=False)
        with pytest.raises(AccountDeactivated):
            access.current_member(owner.pk)
        with pytest.raises(AccountDeactivated):
            access.current_member(uuid4())


def _request(user: User | AnonymousUser, **headers: str) -> MemberRequest:
    request = RequestFactory().get("/somewhere/?page=2", headers=headers)
    request.user = user
    request.htmx = HtmxDetails(request)  # type: ignore[attr-defined]
    return request  # type: ignore[return-value]


@pytest.mark.usefixtures("accounts_alone")
class TestDecorators:
    def test_let_in_the_roles_that_they_name(self, home: House) -> None:
        doors = [
            decorate(lambda request: HttpResponse(request.user.name))
            for decorate in (member_required, coach_required)
        ]
        let_in = {}
        for member in home.everybody:
            let_in[member.name] = 0
            for door in doors:
                try:
                    assert door(_request(member)).status_code == 200
                except NotVisible:
                    continue
                let_in[member.name] += 1
        assert let_in == {"Ada Moss": 1, "Ben Hart": 2, "Cleo Vale": 2, "Dora Finch": 2}

    def test_to_staff_without_an_organization_the_page_does_not_exist(self, db: None) -> None:
        door = member_required(lambda _request: HttpResponse())
        with pytest.raises(NotVisible):
            door(_request(UserFactory.create(staff=True)))

    def test_ask_strangers_to_sign_in_and_bring_them_back(self) -> None:
        door = member_required(lambda _request: HttpResponse())
        response = door(_request(AnonymousUser()))
        assert (response.status_code, response["Location"]) == (
            302,
            "/accounts/login/?next=/somewhere/%3Fpage%3D2",
        )

    def test_send_the_whole_page_to_sign_in_when_a_fragment_was_asked_for(self) -> None:
        door = member_required(lambda _request: HttpResponse())
        headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/list/?q=a"}
        response = door(_request(AnonymousUser(), **headers))
        assert response.status_code == 200
        assert response["HX-Redirect"] == "/accounts/login/?next=/list/%3Fq%3Da"


class TestNotVisibleMiddleware:
    def test_turns_what_a_gate_refused_into_not_found(self) -> None:
        middleware = NotVisibleMiddleware(lambda _request: HttpResponse())
        with pytest.raises(Http404):
            middleware.process_exception(RequestFactory().get("/"), NotVisible())
        with pytest.raises(Http404):
            middleware.process_exception(RequestFactory().get("/"), AccountDeactivated())

    def test_leaves_other_errors_alone(self) -> None:
        middleware = NotVisibleMiddleware(lambda _request: HttpResponse())
        middleware.process_exception(RequestFactory().get("/"), ValueError())

    async def test_works_in_front_of_an_asynchronous_view(self) -> None:
        async def view(_request: object) -> HttpResponse:
            return HttpResponse("said")

        answer = NotVisibleMiddleware(view)(RequestFactory().get("/"))
        assert not isinstance(answer, HttpResponse)
        assert (await answer).status_code == 200  # type: ignore[misc]
