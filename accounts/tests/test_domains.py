"""Domains and organizations: stated by administrators, verified by staff, opened at the command line."""

from io import StringIO
from typing import Any

import pytest
from django.contrib import admin
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.access import NotVisible
from accounts.models import AuditEvent, Organization, OrganizationDomain, User
from accounts.sso import domains
from accounts.tests.browsing import as_
from accounts.tests.cast import Cast, House
from accounts.tests.factories import UserFactory
from accounts.tests.fake_clever import DISTRICT
from accounts.tests.fake_google import FakeGoogle
from accounts.tests.sign_in import events, sign_in, signed_in_as

pytestmark = [
    pytest.mark.urls("accounts.tests.urls"),
    pytest.mark.django_db,
    pytest.mark.usefixtures("generated_menu"),
]

PAGE = "/admin/accounts/organizationdomain/"


def stated() -> list[tuple[str, str, bool]]:
    """Return all domains: whose, which, and whether people come in by it."""
    rows = OrganizationDomain.objects.order_by("organization__name", "domain").select_related("organization")
    return [(row.organization.name, row.domain, row.verified_at is not None) for row in rows]


def run(*command: str) -> str:
    """Run a management command; return what it prints."""
    said = StringIO()
    call_command(*command, stdout=said)
    return said.getvalue().strip()


class TestDashboard:
    def test_an_administrator_states_a_domain_that_opens_nothing_yet(self, home: House) -> None:
        client = as_(home.admin)
        answer = client.post(f"{PAGE}add/", {"domain": " Dora@Riverside.example. "}, follow=True)
        assert b"It opens nothing until" in answer.content
        assert stated() == [("Riverside School", "riverside.example", False)]
        resource = f"organization:{home.organization.pk}"
        assert events() == [("domain_stated", resource, "riverside.example")]

    def test_an_administrator_cannot_speak_for_others_or_verify(self, cast: Cast) -> None:
        home, away = cast.home, cast.away
        form = {
            "domain": "riverside.example",
            "organization": str(away.organization.pk),
            "verified_at_0": "2026-01-01",
            "verified_at_1": "00:00",
            "verified_at": "2026-01-01",
        }
        as_(home.admin).post(f"{PAGE}add/", form)
        assert stated() == [("Riverside School", "riverside.example", False)]
        domain = OrganizationDomain.objects.get()
        act = {"action": "verify", "_selected_action": str(domain.pk)}
        for member in (home.admin, away.admin):
            as_(member).post(PAGE, act)
        assert stated() == [("Riverside School", "riverside.example", False)]

    def test_nobody_changes_a_domain_into_another(self, home: House) -> None:
        domain = home.organization.domains.create(domain="riverside.example", verified_at=timezone.now())
        page = reverse("admin:accounts_organizationdomain_change", args=[domain.pk])
        for member in (home.admin, UserFactory.create(staff=True)):
            assert as_(member).get(page).status_code == 200
            assert as_(member).post(page, {"domain": "hillside.example"}).status_code == 403
        assert stated() == [("Riverside School", "riverside.example", True)]

    def test_each_sees_the_own_ones(self, cast: Cast) -> None:
        theirs = cast.away.organization.domains.create(domain="hillside.example")
        page = as_(cast.home.admin).get(PAGE)
        assert b"hillside.example" not in page.content
        delete = reverse("admin:accounts_organizationdomain_delete", args=[theirs.pk])
        as_(cast.home.admin).post(delete, {"post": "yes"})
        assert stated() == [("Hillside School", "hillside.example", False)]

    def test_says_what_is_missing_until_people_come_in_by_them(
        self, home: House, google: FakeGoogle, settings: Any
    ) -> None:
        unverified, no_google = "A domain that is not verified opens nothing.", "with Google is not set up"

        def shown(member: User) -> list[bool]:
            page = as_(member).get(PAGE).content.decode()
            asked = "tell whoever runs Sideline that you have stated it"
            return [words in page for words in (unverified, asked, no_google)]

        assert shown(home.admin) == [False, False, False]
        domain = home.organization.domains.create(domain="riverside.example")
        assert shown(home.admin) == [True, True, False]
        assert shown(UserFactory.create(staff=True)) == [True, False, False]
        OrganizationDomain.objects.filter(pk=domain.pk).update(verified_at=timezone.now())
        settings.SOCIALACCOUNT_PROVIDERS["google"]["APPS"] = []
        assert shown(home.admin) == [False, False, True]

    @pytest.mark.parametrize("role", ["owner", "coach"])
    def test_others_see_none(self, home: House, role: str) -> None:
        client = as_(getattr(home, role))
        assert client.get(PAGE).status_code in {302, 403, 404}
        client.post(f"{PAGE}add/", {"domain": "riverside.example"})
        assert stated() == []

    @pytest.mark.parametrize("text", ["riverside", "a b.example", "https://riverside.example/", "é.example"])
    def test_what_is_no_domain_is_said_to_be_none(self, home: House, text: str) -> None:
        page = as_(home.admin).post(f"{PAGE}add/", {"domain": text})
        assert b"Write a domain, such as riverside.example." in page.content
        assert stated() == []

    def test_staff_verify_it_unless_it_is_anothers(self, cast: Cast) -> None:
        home, away = cast.home.organization, cast.away.organization
        first, second = (each.domains.create(domain="riverside.example") for each in (home, away))
        staff = as_(UserFactory.create(staff=True))
        for domain in (first, second):
            staff.post(PAGE, {"action": "verify", "_selected_action": str(domain.pk)})
        assert stated() == [
            ("Hillside School", "riverside.example", False),
            ("Riverside School", "riverside.example", True),
        ]
        assert events() == [("domain_verified", f"organization:{home.pk}", "riverside.example")]

    def test_an_administrator_withdraws_one(self, home: House) -> None:
        domain = home.organization.domains.create(domain="riverside.example", verified_at=timezone.now())
        delete = reverse("admin:accounts_organizationdomain_delete", args=[domain.pk])
        as_(home.admin).post(delete, {"post": "yes"})
        assert stated() == []
        assert [event[0] for event in events()] == ["domain_withdrawn"]

    def test_identities_and_clients_are_not_in_the_dashboard(self) -> None:
        labels = {model._meta.label for model in admin.site._registry}
        assert not {label for label in labels if label.startswith("socialaccount.")}

    def test_an_administrator_lets_accounts_be_linked_but_claims_no_district(self, home: House) -> None:
        form = {
            "name": "Riverside School",
            "kind": "school",
            "help_lines": "[]",
            "response_minutes": "30",
            "idle_minutes": "30",
            "links_accounts": "on",
            "clever_district_id": DISTRICT,
        }
        page = reverse("admin:accounts_organization_change", args=[home.organization.pk])
        assert as_(home.admin).post(page, form).status_code == 302
        organization = Organization.objects.get(pk=home.organization.pk)
        assert (organization.links_accounts, organization.clever_district_id) == (True, None)
        assert as_(UserFactory.create(staff=True)).post(page, {**form, "tier": "free"}).status_code == 302
        organization.refresh_from_db()
        assert organization.clever_district_id == DISTRICT


class TestCommands:
    def test_open_an_organization_to_its_administrator(
        self, client: Client, google: FakeGoogle, settings: Any
    ) -> None:
        settings.PASSWORD_SIGN_IN = False
        said = run(
            *("add_organization", "Riverside School", "--administrator", "Ines@riverside.example"),
            *("--domain", "riverside.example", "--clever-district", DISTRICT),
        )
        organization = Organization.objects.get()
        assert said == (
            f"Riverside School is added ({organization.pk}). ines@riverside.example may sign in with Google."
        )
        assert organization.clever_district_id == DISTRICT
        assert stated() == [("Riverside School", "riverside.example", True)]
        sign_in(client, google)
        person = User.objects.get()
        assert (person.role, signed_in_as(client)) == ("admin", str(person.pk))
        assert client.get("/admin/").status_code == 200

    @pytest.mark.parametrize(
        ("more", "error"),
        [
            (["--administrator", "nobody"], "Write the administrator's email address."),
            (
                ["--administrator", "a@b.example", "--domain", "b"],
                "Write a domain, such as riverside.example.",
            ),
            (
                ["--administrator", "a@b.example", "--domain", "riverside.example"],
                "One of the domains is verified for another organization.",
            ),
            (
                ["--administrator", "ADA@riverside.example"],
                "The address or the district is another organization's already.",
            ),
            (
                ["--administrator", "a@b.example", "--clever-district", DISTRICT],
                "The address or the district is another organization's already.",
            ),
        ],
    )
    def test_leave_nothing_behind_when_something_is_wrong(
        self, riverside: Organization, more: list[str], error: str
    ) -> None:
        before = Organization.objects.count(), User.objects.count(), AuditEvent.objects.count()
        with pytest.raises(CommandError, match=error):
            run("add_organization", "Second School", *more)
        assert (Organization.objects.count(), User.objects.count(), AuditEvent.objects.count()) == before

    def test_verify_and_withdraw_a_domain(self, home: House) -> None:
        command = ("verify_domain", "riverside.example", "--organization", "riverside school")
        assert run(*command) == "riverside.example is verified for Riverside School."
        assert stated() == [("Riverside School", "riverside.example", True)]
        assert run(*command, "--withdraw") == "riverside.example is withdrawn."
        assert stated() == []

    def test_refuse_what_they_cannot_find(self, riverside: Organization, away: House) -> None:
        with pytest.raises(CommandError, match="no such organization"):
            run("verify_domain", "a.example", "--organization", "Nowhere")
        with pytest.raises(CommandError, match="verified for another"):
            run("verify_domain", "riverside.example", "--organization", str(away.organization.pk))
        with pytest.raises(CommandError, match="Write a domain"):
            run("verify_domain", "riverside", "--organization", "Hillside School")
        with pytest.raises(CommandError, match="no such person"):
            run("make_administrator", "nobody@riverside.example")

    def test_make_somebody_the_administrator(self, owner: User) -> None:
        assert run("make_administrator", str(owner.pk)) == "Ada Moss administers Riverside School."
        assert User.objects.get(pk=owner.pk).role == "admin"
        assert events() == [("person_role_changed", f"person:{owner.pk}", "educator to admin")]


class TestUseCases:
    def test_refuse_whoever_does_not_speak_for_the_organization(self, cast: Cast) -> None:
        domain = cast.home.organization.domains.create(domain="riverside.example")
        for actor in (cast.home.owner, cast.home.coach, cast.away.admin):
            with pytest.raises(NotVisible):
                domains.state(actor=actor, organization=cast.home.organization, domain="x.example")
            with pytest.raises(NotVisible):
                domains.withdraw(actor=actor, domain=domain)
        for actor in (cast.home.admin, cast.away.admin):
            with pytest.raises(NotVisible):
                domains.verify(actor=actor, domain=domain, now=timezone.now())
        assert stated() == [("Riverside School", "riverside.example", False)]
