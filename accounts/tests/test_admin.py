"""The dashboard's pages about people: what each role sees and may change."""

from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib import admin
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import audit, outbox
from accounts.entry_models import OutgoingMail
from accounts.models import AuditEvent, Organization, Team, TeamMembership, User
from accounts.tests.browsing import as_
from accounts.tests.cast import Cast, House
from accounts.tests.factories import UserFactory
from accounts.tests.fake_google import FakeGoogle
from accounts.tests.mailing import delivered
from accounts.tests.racing import overtaken

pytestmark = [
    pytest.mark.usefixtures("accounts_alone", "generated_menu"),
    pytest.mark.django_db,
]

PEOPLE = "/admin/accounts/user/"
SIDE_DOORS = {
    "is_superuser": "on",
    "is_staff": "on",
    "password": "taken over",
    "groups": "1",
    "last_login_0": "2020-01-01",
}


def page_of(thing: Any) -> str:
    """Return the address of the form about a thing."""
    return reverse(f"admin:accounts_{thing._meta.model_name}_change", args=[thing.pk])


def form_of(person: User, **changes: str) -> dict[str, str]:
    """Return the form about a person as the dashboard would send it."""
    form = {"name": person.name, "email": person.email, "role": person.role, "is_active": "on", **changes}
    return {name: value for name, value in form.items() if value}


class TestSeeing:
    def test_each_sees_the_own_people_only(self, cast: Cast) -> None:
        everybody = [*cast.home.everybody, *cast.away.everybody]

        def listed(member: User) -> set[str]:
            page = as_(member).get(PEOPLE)
            return (
                {person.name for person in page.context["cl"].result_list}
                if page.status_code == 200
                else set()
            )

        assert listed(cast.home.owner) == set()
        assert listed(cast.home.coach) == {"Ada Moss", "Ben Hart"}
        assert listed(cast.home.other_coach) == {"Cleo Vale"}
        assert listed(cast.home.admin) == {person.name for person in cast.home.everybody}
        staff = UserFactory.create(staff=True, name="Zoe")
        assert listed(staff) == {person.name for person in everybody} | {"Zoe"}

    def test_a_page_of_another_organization_cannot_be_opened(self, cast: Cast) -> None:
        event = audit.record(actor=cast.away.owner, action="looked", resource="page:1")
        for thing in (cast.away.owner, cast.away.team, cast.away.organization, event):
            for member in cast.home.everybody:
                response = as_(member).get(page_of(thing), follow=True)
                assert thing.__str__() not in response.content.decode()
                assert response.redirect_chain or response.status_code in {403, 404}

    def test_searching_and_filtering_stays_inside(self, cast: Cast) -> None:
        page = as_(cast.home.admin).get(PEOPLE, {"q": "hillside"})
        assert list(page.context["cl"].result_list) == []

    @pytest.mark.parametrize("lookup", ["password", "password__startswith", "password__regex"])
    def test_an_address_that_guesses_at_password_hashes_is_refused(self, cast: Cast, lookup: str) -> None:
        for member in (cast.home.coach, cast.home.admin):
            assert as_(member).get(PEOPLE, {lookup: "m"}).status_code == 400

    def test_the_record_shows_the_own_organization_and_changes_nothing(self, cast: Cast) -> None:
        ours = audit.record(actor=cast.home.owner, action="looked", resource="page:ours")
        audit.record(actor=cast.away.owner, action="looked", resource="page:theirs")
        client = as_(cast.home.admin)
        page = client.get("/admin/accounts/auditevent/")
        assert [event.resource for event in page.context["cl"].result_list] == ["page:ours"]
        assert "Ada Moss" in page.content.decode()
        assert client.get("/admin/accounts/auditevent/add/").status_code == 403
        assert client.post(page_of(ours), {"action": "nothing"}).status_code == 403
        assert (
            client.post(f"/admin/accounts/auditevent/{ours.pk}/delete/", {"post": "yes"}).status_code == 403
        )
        assert as_(cast.home.coach).get("/admin/accounts/auditevent/").status_code == 403
        assert AuditEvent.objects.get(pk=ours.pk).action == "looked"

    def test_no_side_door_to_addresses_or_groups_is_open(self) -> None:
        names = {f"{model._meta.app_label}.{model._meta.model_name}" for model in admin.site._registry}
        assert not names & {
            "account.emailaddress",
            "account.emailconfirmation",
            "mfa.authenticator",
            "auth.group",
            "sessions.session",
        }


class TestChangingPeople:
    def test_an_administrator_changes_a_role_and_it_is_on_record(self, home: House) -> None:
        response = as_(home.admin).post(page_of(home.owner), form_of(home.owner, role="coach"))
        assert response.status_code == 302
        home.owner.refresh_from_db()
        assert home.owner.role == "coach"
        event = AuditEvent.objects.get(action="person_role_changed")
        assert (event.actor_id, event.resource) == (home.admin.pk, f"person:{home.owner.pk}")
        assert event.reason == "educator to coach"

    def test_coaches_look_but_do_not_change(self, home: House) -> None:
        client = as_(home.coach)
        assert client.get(page_of(home.owner)).status_code == 200
        assert client.post(page_of(home.owner), form_of(home.owner, role="admin")).status_code == 403
        assert client.post(page_of(home.coach), form_of(home.coach, role="admin")).status_code == 403
        assert client.get(f"{PEOPLE}add/").status_code == 403
        assert User.objects.filter(role="admin").count() == 2

    def test_fields_that_are_not_on_the_form_change_nothing(self, home: House) -> None:
        before = User.objects.filter(pk=home.owner.pk).values().get()
        sent = form_of(home.owner, organization=str(home.other_coach.pk), **SIDE_DOORS)
        assert as_(home.admin).post(page_of(home.owner), sent).status_code == 302
        assert User.objects.filter(pk=home.owner.pk).values().get() == before

    def test_an_administrator_of_another_organization_changes_nothing(self, cast: Cast) -> None:
        before = User.objects.filter(pk=cast.home.owner.pk).values().get()
        as_(cast.away.admin).post(page_of(cast.home.owner), form_of(cast.home.owner, role="admin"))
        assert User.objects.filter(pk=cast.home.owner.pk).values().get() == before

    def test_the_last_administrator_gets_a_clear_answer(self, home: House) -> None:
        for changes in ({"role": "coach"}, {"is_active": ""}):
            page = as_(home.admin).post(page_of(home.admin), form_of(home.admin, **changes))
            assert "Name another one first" in page.content.decode()
        home.admin.refresh_from_db()
        assert (home.admin.role, home.admin.is_active) == ("admin", True)

    @pytest.mark.django_db(transaction=True)
    def test_an_address_that_somebody_gets_meanwhile_is_refused_in_words(self, home: House) -> None:
        client = as_(home.admin)
        sent = form_of(home.owner, email="eve@riverside.example")
        page = overtaken(
            lambda: client.post(page_of(home.owner), sent, follow=True),
            rows=User.objects.filter(pk=home.owner.pk),
            by=lambda: UserFactory.create(organization=home.organization, email="eve@riverside.example"),
        )
        assert "Somebody has an account with this address." in page.content.decode()
        home.owner.refresh_from_db()
        assert home.owner.email == "ada@riverside.example"

    def test_nobody_is_deleted(self, home: House) -> None:
        assert as_(home.admin).post(page_of(home.owner).replace("change", "delete")).status_code == 403
        sent = {"action": "delete_selected", "_selected_action": str(home.owner.pk), "post": "yes"}
        as_(home.admin).post(PEOPLE, sent)
        assert User.objects.filter(pk=home.owner.pk).exists()


class TestAddingPeople:
    def test_a_new_person_belongs_to_the_administrators_organization_and_gets_a_link(
        self, cast: Cast
    ) -> None:
        sent = {"name": "Eve Reed", "email": "eve@riverside.example", "role": "educator", **SIDE_DOORS}
        sent["organization"] = str(cast.away.organization.pk)
        assert as_(cast.home.admin).post(f"{PEOPLE}add/", sent).status_code == 302
        person = User.objects.get(email="eve@riverside.example")
        assert person.organization == cast.home.organization
        assert (person.is_superuser, person.is_staff, person.has_usable_password()) == (False, False, False)
        assert delivered() == [["eve@riverside.example"]]

    def test_nobody_is_lost_while_the_mail_server_is_away(
        self, home: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent = {"name": "Eve Reed", "email": "eve@riverside.example", "role": "educator"}
        with monkeypatch.context() as away:
            away.setattr(EmailBackend, "send_messages", self.refuse)
            assert as_(home.admin).post(f"{PEOPLE}add/", sent).status_code == 302
            assert delivered() == []
        waiting = OutgoingMail.objects.get()
        assert (waiting.state, waiting.problem) == ("waiting", "ConnectionRefusedError")
        outbox.send(mail_id=waiting.pk, now=waiting.due_at)
        assert delivered() == [["eve@riverside.example"]]
        assert User.objects.filter(email="eve@riverside.example").exists()

    def test_no_mail_is_sent_while_others_wait_for_the_record(
        self, home: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(EmailBackend, "send_messages", self.refuse)
        sent = {"name": "Eve Reed", "email": "eve@riverside.example", "role": "educator"}
        assert as_(home.admin).post(f"{PEOPLE}add/", sent).status_code == 302
        act = {"action": "send_password_links", "_selected_action": [str(home.owner.pk)]}
        assert as_(home.admin).post(PEOPLE, act).status_code == 302
        for address in (str(home.owner.email), "nobody@riverside.example"):
            assert Client().post("/accounts/password/reset/", {"email": address}).status_code == 302
        assert OutgoingMail.objects.filter(state="waiting", attempts=0).count() == 3

    def refuse(self, *_messages: object) -> int:
        """Stand in for a mail server that is away."""
        raise ConnectionRefusedError

    def test_an_address_is_taken_only_once(self, home: House) -> None:
        sent = {"name": "Other Ada", "email": "ADA@riverside.example", "role": "educator"}
        page = as_(home.admin).post(f"{PEOPLE}add/", sent)
        assert page.status_code == 200
        assert User.objects.filter(email__iexact="ada@riverside.example").count() == 1

    def test_staff_say_to_which_organization(self, home: House) -> None:
        client = as_(UserFactory.create(staff=True))
        sent = {"name": "Eve Reed", "email": "eve@riverside.example", "role": "admin"}
        assert client.post(f"{PEOPLE}add/", sent).status_code == 200
        assert (
            client.post(f"{PEOPLE}add/", {**sent, "organization": str(home.organization.pk)}).status_code
            == 302
        )
        assert User.objects.get(email="eve@riverside.example").organization == home.organization

    def test_is_told_how_they_sign_in_where_nobody_has_a_password(
        self, home: House, google: FakeGoogle, settings: Any
    ) -> None:
        settings.PASSWORD_SIGN_IN = False
        client = as_(home.admin)
        sent = {"name": "Eve Reed", "email": "eve@riverside.example", "role": "educator"}
        page = client.post(f"{PEOPLE}add/", sent, follow=True).content.decode()
        assert "No mail was sent. Whom you add or invite signs in with Google, and is refused until" in page
        home.organization.domains.create(domain="riverside.example", verified_at=timezone.now())
        Organization.objects.filter(pk=home.organization.pk).update(links_accounts=True)
        sent["email"] = "gil@riverside.example"
        page = client.post(f"{PEOPLE}add/", sent, follow=True).content.decode()
        assert "sign in with Google, as gil@riverside.example." in page
        assert delivered() == []

    def test_links_are_sent_to_the_chosen_people_and_counted(self, cast: Cast) -> None:
        home = cast.home
        User.objects.filter(pk=home.other_coach.pk).update(is_active=False)
        User.objects.filter(pk=home.coach.pk).update(password="!")
        SocialAccount.objects.create(user=home.coach, provider="google", uid="7")
        chosen = [str(each.pk) for each in (home.owner, home.coach, home.other_coach, cast.away.owner)]
        act = {"action": "send_password_links", "_selected_action": chosen}
        page = as_(home.admin).post(PEOPLE, act, follow=True).content.decode()
        assert delivered() == [["ada@riverside.example"]]
        assert "Links sent: 1." in page
        assert "sign in with Google or Clever: 2." in page

    def test_links_are_not_offered_where_they_would_lead_nowhere(self, home: House, settings: Any) -> None:
        settings.PASSWORD_SIGN_IN = False
        client = as_(home.admin)
        assert "Send a link to choose a password" not in client.get(PEOPLE).content.decode()
        client.post(PEOPLE, {"action": "send_password_links", "_selected_action": [str(home.owner.pk)]})
        assert delivered() == []


class TestTeams:
    def _form(self, home: House, coach: User, member: User) -> dict[str, str]:
        return {
            "name": "Mathematics",
            "coach": str(coach.pk),
            "memberships-TOTAL_FORMS": "1",
            "memberships-INITIAL_FORMS": "0",
            "memberships-0-member": str(member.pk),
        }

    def test_an_administrator_makes_a_team(self, home: House) -> None:
        member = UserFactory.create(organization=home.organization)
        form = self._form(home, home.other_coach, member)
        assert as_(home.admin).post("/admin/accounts/team/add/", form).status_code == 302
        team = Team.objects.get(name="Mathematics")
        assert (team.coach, team.organization) == (home.other_coach, home.organization)
        assert TeamMembership.objects.get(member=member).team == team
        event = AuditEvent.objects.get(action="team_added")
        assert (event.resource, event.reason) == (f"team:{team.pk}", "name, coach, members")

    def test_that_is_sent_as_it_is_takes_nothing_back_and_leaves_no_line(self, home: House) -> None:
        form = {
            "name": home.team.name,
            "coach": str(home.team.coach_id),
            "memberships-TOTAL_FORMS": "0",
            "memberships-INITIAL_FORMS": "0",
        }
        assert as_(home.admin).post(page_of(home.team), form).status_code == 302
        assert not AuditEvent.objects.filter(action="team_changed").exists()
        form["name"] = "Algebra"
        assert as_(home.admin).post(page_of(home.team), form).status_code == 302
        assert AuditEvent.objects.get(action="team_changed").reason == "name"
        home.team.refresh_from_db()
        assert (home.team.name, home.team.coach) == ("Algebra", home.coach)

    def test_people_of_another_organization_cannot_be_chosen(self, cast: Cast) -> None:
        member = UserFactory.create(organization=cast.home.organization)
        for coach, chosen in ((cast.away.coach, member), (cast.home.coach, cast.away.owner)):
            page = as_(cast.home.admin).post(
                "/admin/accounts/team/add/", self._form(cast.home, coach, chosen)
            )
            assert page.status_code == 200
        assert not Team.objects.filter(name="Mathematics").exists()

    def test_coaches_and_staff_look_but_do_not_change(self, home: House) -> None:
        for member in (home.coach, UserFactory.create(staff=True)):
            client = as_(member)
            assert client.get(page_of(home.team)).status_code == 200
            assert client.get("/admin/accounts/team/add/").status_code == 403
            assert client.post(page_of(home.team), {"name": "Mine"}).status_code == 403


class TestOrganizations:
    def _form(self, **changes: str) -> dict[str, str]:
        return {
            "name": "Riverside",
            "kind": "school",
            "help_lines": '[{"name": "Line", "contact": "555 0101"}]',
            "response_minutes": "20",
            "idle_minutes": "30",
            **changes,
        }

    def test_an_administrator_changes_all_but_the_tier(self, home: House) -> None:
        form = self._form(tier="enterprise")
        assert as_(home.admin).post(page_of(home.organization), form).status_code == 302
        organization = Organization.objects.get(pk=home.organization.pk)
        assert (organization.name, organization.response_minutes, organization.tier) == (
            "Riverside",
            20,
            "free",
        )
        assert organization.help_lines == [{"name": "Line", "contact": "555 0101"}]
        assert AuditEvent.objects.filter(action="organization_changed").count() == 1

    def test_an_administrator_sees_the_limits_and_what_is_used_but_changes_nothing(
        self, settings: Any, home: House
    ) -> None:
        settings.MONTHLY_MESSAGES = {"free": 1000}
        form = self._form(ai_turns_per_hour="9999", monthly_message_limit="9999")
        assert as_(home.admin).post(page_of(home.organization), form).status_code == 302
        organization = Organization.objects.get(pk=home.organization.pk)
        assert (organization.ai_turns_per_hour, organization.monthly_message_limit) == (None, None)
        assert "0 of 1,000" in as_(home.admin).get(page_of(organization)).content.decode()

    def test_an_administrator_is_told_who_sets_the_tier_and_the_district(self, home: House) -> None:
        page = as_(home.admin).get(page_of(home.organization)).content.decode()
        assert "Whoever runs Sideline sets it, and the limits below: ask them for more." in page
        assert "Whoever runs Sideline sets it, because the id is all that it takes" in page

    def test_staff_agree_other_limits(self, home: House) -> None:
        form = self._form(tier="free", ai_turns_per_hour="80", daily_budget_usd="7.50")
        page = as_(UserFactory.create(staff=True)).post(page_of(home.organization), form)
        assert page.status_code == 302
        organization = Organization.objects.get(pk=home.organization.pk)
        assert (organization.ai_turns_per_hour, organization.exports_per_day) == (80, None)
        assert str(organization.daily_budget_usd) == "7.50"

    @pytest.mark.parametrize(
        "lines", ['{"name": "x"}', '[{"name": "x"}]', '["555"]', '[{"name": "", "contact": "1"}]']
    )
    def test_help_lines_must_be_showable(self, home: House, lines: str) -> None:
        page = as_(home.admin).post(page_of(home.organization), self._form(help_lines=lines))
        assert page.status_code == 200
        assert b"Write a list such as" in page.content

    def test_show_their_seats(self, home: House) -> None:
        page = as_(home.admin).get(page_of(home.organization)).content.decode()
        assert "4 used, 0 promised to people who are invited, 50 in all" in page

    def test_coaches_neither_see_nor_change_them(self, home: House) -> None:
        assert as_(home.coach).get(page_of(home.organization), follow=True).status_code == 403
        assert as_(home.admin).get("/admin/accounts/organization/add/").status_code == 403

    def test_staff_add_them(self) -> None:
        client = as_(UserFactory.create(staff=True))
        assert client.post("/admin/accounts/organization/add/", self._form(tier="basic")).status_code == 302
        assert Organization.objects.get().tier == "basic"
