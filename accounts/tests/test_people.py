"""Adding people and changing what they are."""

from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import RequestFactory

from accounts import people
from accounts.access import NotVisible
from accounts.entry_models import OutgoingMail
from accounts.models import AuditEvent, Organization, User
from accounts.roles import Role
from accounts.tests.cast import Cast, House
from accounts.tests.factories import UserFactory
from accounts.tests.mailing import delivered


def new_person(cast_house: House) -> User:
    """Return a person who is not saved."""
    return User(name="Eve Reed", email="eve@riverside.example", organization=cast_house.organization)


def recorded() -> list[tuple[str, str]]:
    """Return the actions and reasons on record."""
    return list(AuditEvent.objects.order_by("sequence").values_list("action", "reason"))


class TestAddPerson:
    def test_saves_somebody_without_a_password_and_records_it(self, home: House) -> None:
        person = people.add_person(actor=home.admin, person=new_person(home))
        assert not person.has_usable_password()
        assert recorded() == [("person_added", "role: educator")]

    def test_is_refused_to_everybody_but_the_own_administrator_and_staff(self, cast: Cast) -> None:
        for actor in (*cast.home.everybody[:3], *cast.away.everybody):
            with pytest.raises(NotVisible):
                people.add_person(actor=actor, person=new_person(cast.home))
        assert User.objects.count() == 8
        assert recorded() == []
        people.add_person(actor=UserFactory.create(staff=True), person=new_person(cast.home))


class TestChangePerson:
    def test_records_each_changed_field(self, home: House) -> None:
        home.owner.role = Role.COACH
        home.owner.name = "Ada Moor"
        people.change_person(actor=home.admin, person=home.owner, changed=["role", "name"])
        home.owner.refresh_from_db()
        assert (home.owner.role, home.owner.name) == ("coach", "Ada Moor")
        assert recorded() == [("person_name_changed", ""), ("person_role_changed", "educator to coach")]

    def test_records_that_somebody_was_deactivated_and_reactivated(self, home: House) -> None:
        for active in (False, True):
            home.owner.is_active = active
            people.change_person(actor=home.admin, person=home.owner, changed=["is_active"])
        assert recorded() == [("person_deactivated", ""), ("person_reactivated", "")]

    def test_is_refused_to_everybody_but_the_own_administrator(self, cast: Cast) -> None:
        for actor in (*cast.home.everybody[:3], *cast.away.everybody):
            person = User.objects.get(pk=actor.pk if actor in cast.home.everybody else cast.home.owner.pk)
            person.role = Role.ADMIN
            with pytest.raises(NotVisible):
                people.change_person(actor=actor, person=person, changed=["role"])
        assert User.objects.filter(role=Role.ADMIN).count() == 2
        assert recorded() == []

    def test_a_deactivated_administrator_changes_nothing(self, home: House) -> None:
        home.admin.is_active = False
        with pytest.raises(NotVisible):
            people.change_person(actor=home.admin, person=home.owner, changed=["name"])

    @pytest.mark.parametrize("field", ["password", "is_superuser", "organization", "last_login"])
    def test_other_fields_are_not_for_changing(self, home: House, field: str) -> None:
        with pytest.raises(ValueError, match=field):
            people.change_person(actor=home.admin, person=home.owner, changed=["name", field])
        assert recorded() == []

    def test_the_address_of_somebody_who_has_signed_in_stays(self, home: House) -> None:
        home.owner.email = "ada.moss@riverside.example"
        people.change_person(actor=home.admin, person=home.owner, changed=["email"])
        User.objects.filter(pk=home.owner.pk).update(last_login=home.owner.created_at)
        home.owner.email = "dora+ada@riverside.example"
        with pytest.raises(ValueError, match="email"):
            people.change_person(actor=home.admin, person=home.owner, changed=["email"])
        home.owner.refresh_from_db()
        assert home.owner.email == "ada.moss@riverside.example"

    def test_the_last_administrator_stays(self, home: House) -> None:
        actor = User.objects.get(pk=home.admin.pk)
        home.admin.role = Role.COACH
        with pytest.raises(people.LastAdministrator):
            people.change_person(actor=actor, person=home.admin, changed=["role"])
        home.admin.refresh_from_db()
        assert home.admin.role == "admin"
        assert recorded() == []


@pytest.mark.usefixtures("accounts_alone")
class TestPasswordLink:
    def test_goes_to_the_person_and_is_on_record(self, home: House) -> None:
        request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7")
        assert people.send_password_link(actor=home.admin, person=home.owner, request=request) is True
        assert delivered() == [[home.owner.email]]
        assert recorded() == [("password_link_sent", "")]

    def test_goes_to_the_address_that_is_theirs_when_it_is_sent(self, home: House) -> None:
        eve = people.add_person(actor=home.admin, person=new_person(home))
        request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7")
        assert people.send_password_link(actor=home.admin, person=eve, request=request) is True
        eve.email = "eve.reed@riverside.example"
        people.change_person(actor=home.admin, person=eve, changed=["email"])
        assert delivered() == [["eve.reed@riverside.example"]]

    def test_is_not_sent_to_whom_was_deactivated_meanwhile(self, home: House) -> None:
        request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7")
        assert people.send_password_link(actor=home.admin, person=home.owner, request=request) is True
        home.owner.is_active = False
        people.change_person(actor=home.admin, person=home.owner, changed=["is_active"])
        assert delivered() == []
        assert OutgoingMail.objects.get().state == "dropped"

    def test_is_not_sent_by_others_or_to_somebody_deactivated(self, cast: Cast) -> None:
        request = RequestFactory().get("/")
        with pytest.raises(NotVisible):
            people.send_password_link(actor=cast.away.admin, person=cast.home.owner, request=request)
        cast.home.owner.is_active = False
        with pytest.raises(NotVisible):
            people.send_password_link(actor=cast.home.admin, person=cast.home.owner, request=request)
        assert delivered() == []
        assert recorded() == []

    @pytest.mark.parametrize("known_to", ["google", "clever"])
    def test_is_not_sent_to_somebody_who_signs_in_with_a_provider_alone(
        self, home: House, known_to: str
    ) -> None:
        home.owner.set_unusable_password()
        home.owner.save(update_fields=["password"])
        SocialAccount.objects.create(user=home.owner, provider=known_to, uid="7")
        request = RequestFactory().get("/")
        assert people.send_password_link(actor=home.admin, person=home.owner, request=request) is False
        assert (delivered(), recorded()) == ([], [])

    def test_is_not_sent_where_it_would_lead_nowhere(self, home: House, settings: Any) -> None:
        settings.PASSWORD_SIGN_IN = False
        request = RequestFactory().get("/")
        assert people.send_password_link(actor=home.admin, person=home.owner, request=request) is False
        assert (delivered(), recorded()) == ([], [])


class TestChangeOrganization:
    def test_saves_what_changed_and_records_which(self, home: House) -> None:
        home.organization.response_minutes = 15
        people.change_organization(
            actor=home.admin, organization=home.organization, changed=["response_minutes"]
        )
        home.organization.refresh_from_db()
        assert home.organization.response_minutes == 15
        assert recorded() == [("organization_changed", "response_minutes")]

    def test_that_changes_nothing_leaves_what_another_changed_meanwhile(self, home: House) -> None:
        Organization.objects.filter(pk=home.organization.pk).update(response_minutes=15)
        people.change_organization(actor=home.admin, organization=home.organization, changed=[])
        assert Organization.objects.get(pk=home.organization.pk).response_minutes == 15
        assert recorded() == []

    def test_is_refused_to_others(self, cast: Cast) -> None:
        for actor in (*cast.home.everybody[:3], *cast.away.everybody):
            with pytest.raises(NotVisible):
                people.change_organization(actor=actor, organization=cast.home.organization, changed=["name"])
        assert recorded() == []
