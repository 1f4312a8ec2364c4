"""What administrators do over the API: people, teams, invitations, settings, domains, the record."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from accounts import audit, chain
from accounts.entry_models import Invitation, OutgoingMail
from accounts.models import AuditEvent, Organization, OrganizationDomain, Team, TeamMembership, User
from accounts.tests.api_caller import Api, as_program
from accounts.tests.cast import Cast
from accounts.tests.factories import UserFactory
from accounts.tests.mailing import delivered

pytestmark = [pytest.mark.usefixtures("accounts_alone"), pytest.mark.django_db]

noted: list[set[UUID]] = []


def note(*, educators: Collection[UUID], now: datetime) -> None:
    """Stand in for a floor above that is told of who may have another coach."""
    assert now.tzinfo is not None
    noted.append(set(educators))


NEWCOMER = {"name": "Eda Reed", "email": "eda@riverside.example"}

BEFORE = ("read", "write", "coach", "documents", "admin")
"""All that a key could open before one could run the organization."""


@pytest.fixture
def dora(org_admin: User) -> Api:
    """Return a program with the key of Dora, the administrator at home."""
    return as_program(org_admin)


def reason(refused: Any) -> tuple[int, Any]:
    """Return why something was refused."""
    return refused.status, refused.error and refused.error["details"].get("reason")


class TestPeople:
    def test_are_added_with_a_link_to_choose_a_password(self, dora: Api, organization: Organization) -> None:
        made = dora("POST", "admin/users", NEWCOMER)
        assert (made.status, made.data["role"], made.data["is_active"]) == (201, "educator", True)
        assert made.meta["is_link_sent"] is True
        person = User.objects.get(pk=made.data["id"])
        assert (person.name, person.organization, person.has_usable_password()) == (
            "Eda Reed",
            organization,
            False,
        )
        assert delivered() == [["eda@riverside.example"]]
        assert AuditEvent.objects.filter(action="person_added").count() == 1

    def test_of_an_address_that_is_taken_are_refused(self, dora: Api, owner: User, stranger: User) -> None:
        for taken in (owner, stranger):
            refused = dora("POST", "admin/users", {**NEWCOMER, "email": str(taken.email).upper()})
            assert reason(refused) == (409, "address_taken")
        assert not User.objects.filter(name="Eda Reed").exists()

    def test_beyond_the_seats_are_refused(self, dora: Api, settings: Any) -> None:
        settings.SEATS = {**settings.SEATS, "free": 4}
        assert reason(dora("POST", "admin/users", NEWCOMER)) == (409, "no_seat_left")

    @pytest.mark.parametrize(
        "extra", [{"role": "owner"}, {"email": "eda"}, {"name": ""}, {"is_superuser": True}]
    )
    def test_that_make_no_sense_are_refused(self, dora: Api, extra: dict[str, object]) -> None:
        assert dora("POST", "admin/users", {**NEWCOMER, **extra}).status == 400

    def test_get_another_name(self, dora: Api, owner: User) -> None:
        changed = dora("PATCH", f"admin/users/{owner.pk}", {"name": "Ada M."})
        assert (changed.status, changed.data["name"], changed.data["role"]) == (200, "Ada M.", "educator")
        owner.refresh_from_db()
        assert owner.name == "Ada M."
        assert AuditEvent.objects.filter(action="person_name_changed").count() == 1

    def test_are_sent_a_link_where_passwords_open_something(
        self, dora: Api, owner: User, settings: Any
    ) -> None:
        address = f"admin/users/{owner.pk}/password-link"
        assert dora("POST", address).data == {"message": "Link sent"}
        assert delivered() == [["ada@riverside.example"]]
        settings.PASSWORD_SIGN_IN = False
        assert reason(dora("POST", address)) == (409, "no_link")

    def test_of_another_organization_are_as_missing(self, cast: Cast, dora: Api) -> None:
        stranger = cast.away.owner
        for method, verb, body in (
            ("PATCH", "", {"name": "Mine"}),
            ("POST", "/password-link", None),
        ):
            found = dora(method, f"admin/users/{stranger.pk}{verb}", body)
            nowhere = dora(method, f"admin/users/{uuid4()}{verb}", body)
            assert (found.status, found.error) == (404, nowhere.error)
        assert delivered() == []


class TestTeams:
    def test_are_listed_with_their_members(self, cast: Cast) -> None:
        newcomer = UserFactory.create(organization=cast.home.organization, name="Eda Reed")
        TeamMembership.objects.create(team=cast.home.team, member=newcomer)
        (team,) = as_program(cast.home.coach)("GET", "teams").data["teams"]
        assert (team["id"], team["name"]) == (str(cast.home.team.pk), "Ben Hart's team")
        assert team["coach"] == {"id": str(cast.home.coach.pk), "name": "Ben Hart"}
        assert {each["name"] for each in team["members"]} == {"Ada Moss", "Eda Reed"}

    def test_of_the_organization_are_an_administrator_s(self, cast: Cast, dora: Api) -> None:
        names = [each["name"] for each in dora("GET", "teams").data["teams"]]
        assert names == ["Ben Hart's team", "Cleo Vale's team"]
        assert as_program(cast.home.admin, "read")("GET", "teams").status == 403

    def test_are_built_and_told_of(self, cast: Cast, dora: Api, settings: Any) -> None:
        settings.COACHING_CHANGES = ["accounts.tests.test_api_organization.note"]
        noted.clear()
        home = cast.home
        eda = UserFactory.create(organization=home.organization, name="Eda Reed")
        wanted = {"name": "New", "coach_id": str(home.other_coach.pk), "member_ids": [str(eda.pk)]}
        made = dora("POST", "admin/teams", wanted)
        assert (made.status, made.data["name"], made.data["coach"]["name"]) == (201, "New", "Cleo Vale")
        assert made.data["members"] == [{"id": str(eda.pk), "name": "Eda Reed"}]
        address = f"admin/teams/{made.data['id']}"
        changed = dora("PATCH", address, {"name": "Newer", "member_ids": []})
        assert (changed.data["name"], changed.data["members"]) == ("Newer", [])
        assert dora("PATCH", address, {"coach_id": str(home.coach.pk)}).data["coach"]["name"] == "Ben Hart"
        assert noted == [{eda.pk}, {eda.pk}, set()]
        events = AuditEvent.objects.filter(resource=f"team:{made.data['id']}").order_by("sequence")
        assert list(events.values_list("action", "reason")) == [
            ("team_added", "name, coach, members"),
            ("team_changed", "name, members"),
            ("team_changed", "coach"),
        ]

    def test_of_people_who_cannot_be_in_them_are_not_built(self, cast: Cast, dora: Api) -> None:
        home, teams = cast.home, Team.objects.count()

        def build(coach: User, *members: User) -> tuple[int, Any]:
            wanted = {"name": "New", "coach_id": str(coach.pk)}
            return reason(dora("POST", "admin/teams", {**wanted, "member_ids": [str(m.pk) for m in members]}))

        assert build(home.other_coach, home.owner) == (409, "in_another_team")
        for coach in (home.owner, home.admin, cast.away.coach):
            assert build(coach) == (404, None)
        for member in (home.coach, cast.away.owner):
            assert build(home.coach, member) == (404, None)
        assert Team.objects.count() == teams
        assert dora("PATCH", f"admin/teams/{home.team.pk}", {"name": ""}).status == 400

    def test_of_another_organization_are_as_missing(self, cast: Cast) -> None:
        api = as_program(cast.away.admin)
        found = api("PATCH", f"admin/teams/{cast.home.team.pk}", {"name": "Mine"})
        nowhere = api("PATCH", f"admin/teams/{uuid4()}", {"name": "Mine"})
        assert (found.status, found.error) == (404, nowhere.error)
        cast.home.team.refresh_from_db()
        assert cast.home.team.name == "Ben Hart's team"

    def test_are_not_for_educators(self, owner: User) -> None:
        assert as_program(owner)("GET", "teams").status == 404


class TestInvitations:
    def test_are_mailed_and_listed(self, cast: Cast, dora: Api) -> None:
        made = dora(
            "POST",
            "admin/invitations",
            {"email": "eda@riverside.example", "team_id": str(cast.home.team.pk)},
        )
        invitation = Invitation.objects.get()
        assert made.status == 201
        assert made.data == {
            "id": str(invitation.pk),
            "email": "eda@riverside.example",
            "role": "educator",
            "team_id": str(cast.home.team.pk),
            "state": "pending",
            "invited_by": "Dora Finch",
            "created_at": invitation.created_at.isoformat().replace("+00:00", "Z"),
            "expires_at": invitation.expires_at.isoformat().replace("+00:00", "Z"),
        }
        assert OutgoingMail.objects.get().recipient == "eda@riverside.example"
        listed = dora("GET", "admin/invitations?state=pending")
        assert (listed.data["total"], listed.data["invitations"]) == (
            1,
            [{**made.data, "mail_state": "waiting"}],
        )
        assert dora("GET", "admin/invitations?state=accepted").data["invitations"] == []

    def test_that_cannot_be_are_refused_in_words(self, cast: Cast, dora: Api, settings: Any) -> None:
        def invite(email: str, **more: object) -> tuple[int, Any]:
            return reason(dora("POST", "admin/invitations", {"email": email, **more}))

        assert invite("ada@riverside.example") == (409, "already_here")
        assert invite("eda@riverside.example") == (201, None)
        assert invite("EDA@riverside.example") == (409, "already_invited")
        assert invite("eva@riverside.example", role="coach", team_id=str(cast.home.team.pk))[0] == 400
        assert invite("eva@riverside.example", team_id=str(cast.away.team.pk)) == (404, None)
        settings.SEATS = {**settings.SEATS, "free": 5}
        assert invite("eva@riverside.example") == (409, "no_seat_left")
        assert Invitation.objects.count() == 1

    def test_are_sent_again_and_withdrawn(self, dora: Api) -> None:
        dora("POST", "admin/invitations", {"email": "eda@riverside.example"})
        Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))
        address = f"admin/invitations/{Invitation.objects.get().pk}"
        assert dora("POST", f"{address}/send-again").data["state"] == "pending"
        invitation = Invitation.objects.get()
        assert (invitation.link, OutgoingMail.objects.count()) == (2, 2)
        assert invitation.expires_at > timezone.now()
        assert dora("DELETE", address).data == {"message": "Invitation withdrawn successfully"}
        assert dora("DELETE", address).status == dora("POST", f"{address}/send-again").status == 404

    def test_of_another_organization_are_as_missing(self, cast: Cast, dora: Api) -> None:
        dora("POST", "admin/invitations", {"email": "eda@riverside.example"})
        address = f"admin/invitations/{Invitation.objects.get().pk}"
        dina = as_program(cast.away.admin)
        for method, verb in (("POST", "/send-again"), ("DELETE", "")):
            found = dina(method, f"{address}{verb}")
            nowhere = dina(method, f"admin/invitations/{uuid4()}{verb}")
            assert (found.status, found.error) == (404, nowhere.error)
        assert dina("GET", "admin/invitations").data["invitations"] == []
        assert Invitation.objects.get().state == "pending"


class TestTheOrganization:
    def test_is_shown_with_its_seats_and_its_month(self, dora: Api, settings: Any) -> None:
        settings.MONTHLY_MESSAGES = {**settings.MONTHLY_MESSAGES, "free": 1000}
        found = dora("GET", "admin/organization").data
        assert (found["name"], found["kind"], found["tier"]) == ("Riverside School", "school", "free")
        assert found["seats"]["used"] == 4
        assert found["seats"]["promised"] == 0
        assert found["month"] == {"messages": 0, "limit": 1000}
        assert (found["keep_archived_days"], found["daily_budget_usd"]) == (730, None)

    def test_is_changed_as_its_page_allows_and_on_record(self, dora: Api, organization: Organization) -> None:
        lines = [{"name": "Help line", "contact": "555 0100"}]
        change = {"name": "Riverside", "response_minutes": 15, "help_lines": lines}
        found = dora("PATCH", "admin/organization", change)
        assert (found.data["name"], found.data["response_minutes"]) == ("Riverside", 15)
        assert found.data["help_lines"] == [{**lines[0], "hours": ""}]
        organization.refresh_from_db()
        assert (organization.name, organization.help_lines) == ("Riverside", lines)
        event = AuditEvent.objects.get(action="organization_changed")
        assert event.reason == "help_lines, name, response_minutes"
        dora("PATCH", "admin/organization", change)
        assert AuditEvent.objects.filter(action="organization_changed").count() == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"tier": "enterprise"},
            {"monthly_message_limit": 1},
            {"clever_district_id": "district"},
            {"keep_archived_days": 89},
            {"response_minutes": 0},
            {"help_lines": [{"name": "Help line"}]},
            {"help_lines": [{"name": "Help line", "contact": "555", "price": "1"}]},
        ],
    )
    def test_is_not_changed_beyond_that(self, dora: Api, change: dict[str, object]) -> None:
        before = dora("GET", "admin/organization").data
        assert dora("PATCH", "admin/organization", change).status == 400
        assert dora("GET", "admin/organization").data == before


class TestDomains:
    def test_are_stated_listed_and_withdrawn(self, dora: Api) -> None:
        made = dora("POST", "admin/domains", {"domain": "Ada@Riverside.example"})
        assert (made.status, made.data["domain"], made.data["verified_at"]) == (
            201,
            "riverside.example",
            None,
        )
        assert dora("GET", "admin/domains").data == {"domains": [made.data]}
        gone = dora("DELETE", f"admin/domains/{made.data['id']}")
        assert gone.data == {"message": "Domain withdrawn successfully"}
        assert not OrganizationDomain.objects.exists()
        assert dora("POST", "admin/domains", {"domain": "riverside"}).status == 400

    def test_of_another_organization_are_as_missing(self, cast: Cast, dora: Api) -> None:
        made = dora("POST", "admin/domains", {"domain": "riverside.example"})
        dina = as_program(cast.away.admin)
        found = dina("DELETE", f"admin/domains/{made.data['id']}")
        nowhere = dina("DELETE", f"admin/domains/{uuid4()}")
        assert (found.status, found.error) == (404, nowhere.error)
        assert dina("GET", "admin/domains").data == {"domains": []}


class TestTheRecord:
    def test_is_listed_with_names_and_narrowed_down(self, cast: Cast, dora: Api) -> None:
        person = audit.person(cast.home.owner)
        event = audit.record(actor=cast.home.admin, action="person_added", resource=person)
        audit.record(actor=cast.home.owner, action="signed_in", resource=person)
        audit.record(actor=cast.away.admin, action="person_added", resource="person:x")
        found = dora("GET", "admin/record?action=person_added&who=dora")
        assert found.data == {
            "events": [
                {
                    "sequence": event.sequence,
                    "at": event.at.isoformat().replace("+00:00", "Z"),
                    "who": "Dora Finch",
                    "actor_id": str(cast.home.admin.pk),
                    "action": "person_added",
                    "resource": person,
                    "resource_name": "Ada Moss",
                    "reason": "",
                    "address": None,
                }
            ]
        }
        assert found.meta["next_before"] is None
        assert dora("GET", f"admin/record?before={event.sequence}&action=person_added").data == {"events": []}
        assert dora("GET", "admin/record?since=yesterday").status == 400

    def test_tells_of_no_conversation_which_it_was(self, cast: Cast, dora: Api) -> None:
        resource = f"conversation:{cast.home.team.pk}"
        audit.record(actor=cast.home.owner, action="share.made", resource=resource)
        (event,) = dora("GET", "admin/record?resource=conversation:").data["events"]
        assert (event["resource"], event["resource_name"]) == ("conversation:", "a conversation")
        assert dora("GET", f"admin/record?resource={resource}").data == {"events": []}

    def test_is_checked_when_somebody_asks(self, dora: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        nothing = {"is_waiting": False, "is_whole": None, "broken_at": None, "checked_at": None}
        assert dora("GET", "admin/record/check").data == nothing
        asked = dora("POST", "admin/record/check")
        assert (asked.status, asked.data) == (202, {**nothing, "is_waiting": True})
        check = chain.do_what_is_due(now=timezone.now())
        assert check is not None
        assert check.done_at is not None
        assert dora("GET", "admin/record/check").data == {
            "is_waiting": False,
            "is_whole": True,
            "broken_at": None,
            "checked_at": check.done_at.isoformat().replace("+00:00", "Z"),
        }


class TestAKeyFromBefore:
    """One of an administrator with all that there was before keys could run the organization."""

    def test_still_sees_people_and_changes_their_roles(self, cast: Cast) -> None:
        api = as_program(cast.home.admin, *BEFORE)
        assert api("GET", "admin/users").data["total"] == 4
        found = api("PATCH", f"admin/users/{cast.home.owner.pk}", {"role": "coach", "is_active": False})
        assert (found.status, found.data["role"], found.data["is_active"]) == (200, "coach", False)

    def test_does_nothing_more(self, cast: Cast) -> None:
        api, home = as_program(cast.home.admin, *BEFORE), cast.home
        invited = as_program(home.admin)("POST", "admin/invitations", {"email": "eva@riverside.example"})
        domain = as_program(home.admin)("POST", "admin/domains", {"domain": "riverside.example"})
        team = {"name": "New", "coach_id": str(home.coach.pk)}
        events, letters = AuditEvent.objects.count(), OutgoingMail.objects.count()
        for method, path, body in (
            ("POST", "users", NEWCOMER),
            ("PATCH", f"users/{home.owner.pk}", {"name": "Mine"}),
            ("POST", f"users/{home.owner.pk}/password-link", None),
            ("GET", "invitations", None),
            ("POST", "invitations", {"email": "eda@riverside.example"}),
            ("POST", f"invitations/{invited.data['id']}/send-again", None),
            ("DELETE", f"invitations/{invited.data['id']}", None),
            ("POST", "teams", team),
            ("PATCH", f"teams/{home.team.pk}", team),
            ("GET", "organization", None),
            ("PATCH", "organization", {"keep_archived_days": 90}),
            ("GET", "domains", None),
            ("POST", "domains", {"domain": "hillside.example"}),
            ("DELETE", f"domains/{domain.data['id']}", None),
            ("GET", "record", None),
            ("GET", "record/check", None),
            ("POST", "record/check", None),
        ):
            found = api(method, f"admin/{path}", body)
            assert (found.status, found.code) == (403, "FORBIDDEN"), (method, path)
        assert (AuditEvent.objects.count(), OutgoingMail.objects.count()) == (events, letters)


def test_a_key_that_runs_the_organization_does_not_see_its_people(cast: Cast) -> None:
    api = as_program(cast.home.admin, "organization")
    assert (api("GET", "admin/users").status, api("GET", "teams").status) == (403, 403)
    assert api("PATCH", f"admin/users/{cast.home.owner.pk}", {"role": "coach"}).status == 403


@pytest.mark.parametrize(
    "path",
    ["users", "invitations", "organization", "domains", "record", "record/check"],
)
def test_nothing_of_it_is_for_others(cast: Cast, path: str) -> None:
    for api in (
        as_program(cast.home.owner),
        as_program(cast.home.coach),
        as_program(cast.home.admin, "read", "write"),
    ):
        found = api("GET", f"admin/{path}")
        assert (found.status, found.code) == (403, "FORBIDDEN")
