"""Who gets which account: unknown organizations, accounts that wait, and two who come at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Organization, OrganizationDomain, User
from accounts.sso.identity import Identity
from accounts.sso.provisioning import admit
from accounts.sso.refusals import TAKEN, SignInRefused
from accounts.tests.cast import CAST, House
from accounts.tests.factories import OrganizationFactory, UserFactory
from accounts.tests.fake_clever import DISTRICT, FakeClever
from accounts.tests.fake_google import FakeGoogle
from accounts.tests.mailing import delivered
from accounts.tests.sign_in import assert_refused, back_at, depart, events, identities, sign_in, signed_in_as

pytestmark = [pytest.mark.usefixtures("accounts_alone", "generated_menu")]

NOT_SET_UP = "Sideline is not set up for your organization yet"
TAKEN_TITLE = "There is an account with your address already"
TRIALS = 40


@pytest.mark.django_db
class TestOrganization:
    def test_that_nobody_set_up_is_named_with_what_to_do(
        self, client: Client, google: FakeGoogle, home: House
    ) -> None:
        answer = sign_in(client, google)
        assert_refused(client, answer, NOT_SET_UP)
        page = answer.content.decode()
        assert "somebody of riverside.example" in page
        assert "Ask the person who looks after software at your school" in page
        assert events() == [("sign_in_refused", "person:unknown", "google: organization_unknown")]
        assert "no-store" in answer["Cache-Control"]

    def test_whose_domain_is_stated_but_not_verified_opens_nothing(
        self, client: Client, google: FakeGoogle, organization: Organization
    ) -> None:
        organization.domains.create(domain="riverside.example")
        assert_refused(client, sign_in(client, google), NOT_SET_UP)

    def test_that_is_closed_while_somebody_is_on_the_way_takes_nobody_in(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        Organization.objects.filter(pk=riverside.pk).update(closed_at=timezone.now())
        assert_refused(client, sign_in(client, google), NOT_SET_UP)

    @pytest.mark.parametrize("domain", ["side.example", "sub.riverside.example", "iverside.example"])
    def test_of_a_similar_domain_opens_nothing(
        self, client: Client, google: FakeGoogle, riverside: Organization, domain: str
    ) -> None:
        google.person |= {"hd": domain, "email": f"ines@{domain}.example"}
        assert_refused(client, sign_in(client, google), NOT_SET_UP)

    def test_that_states_the_domain_of_another_gets_nobody(
        self, client: Client, google: FakeGoogle, riverside: Organization, away: House
    ) -> None:
        away.organization.domains.create(domain="riverside.example")
        sign_in(client, google)
        assert User.objects.get(email="ines@riverside.example").organization == riverside

    def test_with_several_domains_takes_addresses_of_all_of_them(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        riverside.domains.create(domain="staff.riverside.example", verified_at=timezone.now())
        google.person["email"] = "ines@staff.riverside.example"
        sign_in(client, google)
        assert User.objects.get(email="ines@staff.riverside.example").organization == riverside

    def test_that_gave_up_its_domain_lets_nobody_in_any_more(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        sign_in(Client(), google)
        riverside.domains.all().delete()
        answer = sign_in(client, google)
        assert_refused(client, answer, "This sign-in does not fit your account", newcomers=1)

    def test_without_a_free_seat_takes_nobody_new_and_keeps_who_is_there(
        self, client: Client, google: FakeGoogle, riverside: Organization, settings: Any
    ) -> None:
        settings.SEATS = {"free": 4}
        answer = sign_in(client, google)
        assert_refused(client, answer, "Your organization has no free place")
        assert events() == [("sign_in_refused", "person:unknown", "google: no_seat")]
        settings.SEATS = {"free": 5}
        for _ in range(2):
            assert sign_in(Client(), google).status_code == 302

    def test_of_another_domain_does_not_open_a_known_persons_account(
        self, client: Client, google: FakeGoogle, riverside: Organization, away: House
    ) -> None:
        sign_in(Client(), google)
        away.organization.domains.create(domain="hillside.example", verified_at=timezone.now())
        google.person |= {"hd": "hillside.example", "email": "ines@hillside.example"}
        answer = sign_in(client, google)
        assert_refused(client, answer, "This sign-in does not fit your account", newcomers=1)


@pytest.mark.django_db
class TestKnownPeople:
    def test_who_were_deactivated_stay_out(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        sign_in(Client(), google)
        person = User.objects.get(email="ines@riverside.example")
        User.objects.filter(pk=person.pk).update(is_active=False)
        answer = sign_in(client, google)
        assert_refused(client, answer, "This account is closed", newcomers=1)
        assert events()[-1] == ("sign_in_refused", f"person:{person.pk}", "google: deactivated")

    def test_who_were_promoted_keep_their_role(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        sign_in(Client(), google)
        User.objects.filter(email="ines@riverside.example").update(role="coach")
        sign_in(client, google)
        assert User.objects.get(email="ines@riverside.example").role == "coach"
        assert client.get("/admin/").status_code == 200

    def test_cannot_have_a_password_mailed_to_them(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        sign_in(Client(), google)
        answer = client.post("/accounts/password/reset/", {"email": "ines@riverside.example"})
        assert answer["Location"] == "/accounts/password/reset/done/"
        assert delivered() == []

    def test_see_no_page_to_set_one(
        self, client: Client, google: FakeGoogle, riverside: Organization
    ) -> None:
        sign_in(client, google)
        assert client.get("/accounts/password/set/").status_code == 404
        assert "Change password" not in client.get("/settings/").content.decode()


@pytest.mark.django_db
class TestLinking:
    def test_is_off_unless_the_organization_agrees(
        self, client: Client, google: FakeGoogle, riverside: Organization, coach: User
    ) -> None:
        google.person["email"] = coach.email
        assert_refused(client, sign_in(client, google), TAKEN_TITLE)
        assert identities() == set()
        assert events() == [("sign_in_refused", f"person:{coach.pk}", "google: account_exists")]
        refused = AuditEvent.objects.get()
        assert (refused.actor_id, refused.organization_id) == (None, riverside.pk)

    def test_gives_somebody_who_was_added_their_account_and_role(
        self, client: Client, google: FakeGoogle, agreed: Organization, coach: User
    ) -> None:
        google.person["email"] = "BEN@Riverside.example"
        sign_in(client, google)
        assert signed_in_as(client) == str(coach.pk)
        assert User.objects.count() == CAST
        assert User.objects.get(pk=coach.pk).role == "coach"
        me = f"person:{coach.pk}"
        assert events() == [("sign_in_linked", me, "google"), ("signed_in", me, "")]
        google.person["email"] = "ben.hart@riverside.example"
        again = Client()
        sign_in(again, google)
        assert signed_in_as(again) == str(coach.pk)

    @pytest.mark.parametrize("verified", [False, "true", 1, None])
    def test_wants_a_verified_address(
        self, client: Client, google: FakeGoogle, agreed: Organization, coach: User, verified: object
    ) -> None:
        google.person |= {"email": coach.email, "email_verified": verified}
        title = "Your email address is not verified"
        assert_refused(client, sign_in(client, google), title)
        assert identities() == set()

    def test_never_believes_an_address_of_clevers(
        self, client: Client, clever: FakeClever, agreed: Organization, coach: User
    ) -> None:
        clever.person["email"] = coach.email
        assert_refused(client, sign_in(client, clever), TAKEN_TITLE)

    def test_reaches_nobody_in_another_organization(
        self, client: Client, google: FakeGoogle, agreed: Organization, away: House
    ) -> None:
        mine = UserFactory.create(email="ines@riverside.example", organization=away.organization)
        assert_refused(client, sign_in(client, google), TAKEN_TITLE, newcomers=1)
        assert events() == [("sign_in_refused", "person:unknown", "google: account_exists")]
        assert not SocialAccount.objects.filter(user=mine).exists()

    def test_reaches_nobody_who_runs_the_installation(
        self, client: Client, google: FakeGoogle, agreed: Organization
    ) -> None:
        UserFactory.create(staff=True, email="ines@riverside.example")
        assert_refused(client, sign_in(client, google), TAKEN_TITLE, newcomers=1)

    def test_opens_no_deactivated_account(
        self, client: Client, google: FakeGoogle, agreed: Organization, coach: User
    ) -> None:
        User.objects.filter(pk=coach.pk).update(is_active=False)
        google.person["email"] = coach.email
        assert_refused(client, sign_in(client, google), "This account is closed")
        assert identities() == set()


class TestDatabase:
    def test_a_domain_is_verified_for_one_organization(self, db: None) -> None:
        first, second = OrganizationFactory.create(), OrganizationFactory.create()
        first.domains.create(domain="school.example", verified_at=timezone.now())
        second.domains.create(domain="school.example")
        with (
            pytest.raises(IntegrityError, match="domain_verified_for_one_organization"),
            transaction.atomic(),
        ):
            second.domains.update(verified_at=timezone.now())

    @pytest.mark.parametrize(
        "domain",
        ["School.example", "example", "", "a b.example", ".example", "x@school.example", "-a.example"],
    )
    def test_a_domain_is_one(self, db: None, domain: str) -> None:
        organization = OrganizationFactory.create()
        with pytest.raises(IntegrityError, match="organization_domain_shape"), transaction.atomic():
            organization.domains.create(domain=domain)

    def test_a_district_belongs_to_one_organization(self, db: None) -> None:
        OrganizationFactory.create(clever_district_id=DISTRICT)
        with pytest.raises(IntegrityError, match="clever_district_id"), transaction.atomic():
            OrganizationFactory.create(clever_district_id=DISTRICT)


def at_once(act: Callable[[int], object], count: int) -> list[object]:
    """Do something in so many threads at the same moment; return what came of each, errors included."""
    barrier = Barrier(count)

    def one(number: int) -> object:
        barrier.wait()
        try:
            return act(number)
        except SignInRefused as refused:
            return refused.refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    @pytest.fixture
    def school(self) -> Organization:
        """Return an organization that both providers lead to, and that links accounts."""
        school = OrganizationFactory.create(clever_district_id=DISTRICT, links_accounts=True)
        OrganizationDomain.objects.create(
            organization=school, domain="school.example", verified_at=timezone.now()
        )
        return school

    @pytest.mark.parametrize("email", ["ines@school.example", ""])
    def test_the_same_newcomer_gets_one_account(self, school: Organization, email: str) -> None:
        for trial in range(TRIALS):
            identity = (
                Identity("google", f"g{trial}", "Ines", f"{trial}{email}", True, domain="school.example")
                if email
                else Identity("clever", f"c{trial}", "Ines", district=DISTRICT)
            )
            people = at_once(lambda _number, identity=identity: admit(identity=identity), 4)  # type: ignore[misc]
            assert len({person.pk for person in people if isinstance(person, User)}) == 1
            assert all(isinstance(person, User) for person in people)
        assert User.objects.count() == SocialAccount.objects.count() == TRIALS
        assert [event[0] for event in events()] == ["person_joined"] * TRIALS

    def test_two_identities_with_one_address_do_not_share_the_account_that_waits(
        self, school: Organization
    ) -> None:
        for trial in range(TRIALS):
            waiting = UserFactory.create(email=f"{trial}@school.example", organization=school)

            def come(number: int, trial: int = trial) -> object:
                subject = f"{trial}-{number}"
                return admit(
                    identity=Identity(
                        "google", subject, "Ines", f"{trial}@school.example", True, domain="school.example"
                    )
                )

            results = at_once(come, 3)
            assert sorted(map(str, results)) == sorted([str(waiting), str(TAKEN), str(TAKEN)])
            assert SocialAccount.objects.filter(user=waiting).count() == 1

    def test_two_windows_that_come_back_together_are_signed_in_as_one_person(
        self, school: Organization, google: FakeGoogle, clever: FakeClever
    ) -> None:
        google.person |= {"hd": "school.example"}
        clever.person["email"] = None
        fakes = {"google": google, "clever": clever}
        for trial in range(10):
            google.person |= {"sub": f"s{trial}", "email": f"s{trial}@school.example"}
            clever.me["data"]["id"] = clever.person["id"] = f"s{trial}"
            for name, fake in fakes.items():
                clients = [Client() for _window in range(3)]
                addresses = [fake.agree(depart(client, name)) for client in clients]

                def come(
                    number: int, clients: list[Client] = clients, addresses: list[str] = addresses
                ) -> object:
                    return back_at(clients[number], addresses[number]).status_code

                assert at_once(come, 3) == [302, 302, 302]
                assert len({signed_in_as(client) for client in clients} - {None}) == 1
        assert User.objects.count() == SocialAccount.objects.count() == 20
