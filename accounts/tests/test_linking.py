"""Adding and inviting people where nobody has a password: what they and the administrator are told."""

import html

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.utils import timezone

from accounts import invitations
from accounts.models import Organization, User
from accounts.sso import linking
from accounts.tests.browsing import as_
from accounts.tests.cast import House
from accounts.tests.fake_google import FakeGoogle
from accounts.tests.inviting import EVE, PAGE, form, invited, link_to
from accounts.tests.sign_in import sign_in, signed_in_as

pytestmark = [
    pytest.mark.urls("accounts.tests.urls"),
    pytest.mark.usefixtures("generated_menu"),
    pytest.mark.django_db,
]


@pytest.mark.usefixtures("no_passwords")
class TestWhereNobodyHasAPassword:
    def told(self, house: House) -> set[str]:
        """Return what the administrator is told on the list: what keeps newcomers out, and what to do."""
        page = html.unescape(as_(house.admin).get(PAGE).content.decode())
        return {each for each in (linking.NO_GOOGLE, linking.NOT_AGREED, linking.NO_DOMAIN) if each in page}

    def test_the_administrator_is_told_step_by_step_what_keeps_newcomers_out(
        self, home: House, google: FakeGoogle
    ) -> None:
        assert self.told(home) == {linking.NOT_AGREED}
        Organization.objects.filter(pk=home.organization.pk).update(links_accounts=True)
        assert self.told(home) == {linking.NO_DOMAIN}
        sent = {"email": EVE, "role": "educator"}
        page = as_(home.admin).post(f"{PAGE}add/", sent, follow=True).content.decode()
        assert page.count(linking.NO_DOMAIN) == 2
        home.organization.domains.create(domain="riverside.example", verified_at=timezone.now())
        assert self.told(home) == set()

    def test_the_administrator_is_told_that_there_is_no_way_at_all(self, home: House) -> None:
        assert self.told(home) == {linking.NO_GOOGLE}

    def test_somebody_who_was_invited_comes_in_with_google(
        self, home: House, google: FakeGoogle, riverside: Organization
    ) -> None:
        Organization.objects.filter(pk=riverside.pk).update(links_accounts=True)
        google.person["email"] = EVE
        client = Client()
        client.post(link_to(invited(home, role="coach")), form())
        sign_in(client, google)
        assert signed_in_as(client) == str(User.objects.get(email=EVE, role="coach").pk)

    def test_a_link_leads_to_the_sign_in(self, home: House) -> None:
        client = Client()
        link = link_to(invited(home))
        assert "password" not in client.get(link).content.decode().lower()
        assert client.post(link, form())["Location"] == "/accounts/login/"
        assert not User.objects.get(email=EVE).has_usable_password()
        assert SESSION_KEY not in client.session

    def test_an_invitation_says_how_to_sign_in(self, home: House, google: FakeGoogle) -> None:
        way_in = "There is no password to choose: sign in with Google, as eve@riverside.example."
        invitation = invited(home)
        letter = invitations.letter(invitation.pk, now=timezone.now())
        assert letter
        assert f"/\n\n{way_in}\n\nIf you did not expect this" in letter.text
        client = Client()
        assert way_in in client.get(link_to(invitation)).content.decode()
        page = client.post(link_to(invitation), form(), follow=True).content.decode()
        assert f"Your account is ready. {way_in}" in page


class TestWherePasswordsOpenSomething:
    def test_an_invitation_says_nothing_of_google(self, home: House, google: FakeGoogle) -> None:
        invitation = invited(home)
        letter = invitations.letter(invitation.pk, now=timezone.now())
        assert letter
        assert "Google" not in letter.text
        assert "/\n\nIf you did not expect this" in letter.text
        assert "Google" not in Client().get(link_to(invitation)).content.decode()
