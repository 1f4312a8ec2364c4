"""Inviting people, and the link that makes them members."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts import invitations, outbox
from accounts.access import NotVisible
from accounts.entry_models import Invitation, OutgoingMail
from accounts.invitations import AddressTaken, AlreadyHere, AlreadyInvited, LinkClosed
from accounts.models import AuditEvent, TeamMembership, User
from accounts.tasks import send_mail
from accounts.tests.browsing import as_
from accounts.tests.cast import Cast, House
from accounts.tests.factories import UserFactory
from accounts.tests.inviting import EVE, PAGE, WORDS, form, invited, link_to

pytestmark = [
    pytest.mark.urls("accounts.tests.urls"),
    pytest.mark.usefixtures("generated_menu", "fresh_limits"),
    pytest.mark.django_db,
]

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def recorded(*actions: str) -> list[tuple[str, str]]:
    """Return what is on record of these actions: action and resource."""
    found = AuditEvent.objects.filter(action__in=actions).order_by("sequence")
    return list(found.values_list("action", "resource"))


class TestInviting:
    def test_makes_a_row_a_mail_that_waits_and_a_record_but_no_person(self, home: House) -> None:
        sent = {"email": EVE, "role": "educator", "team": str(home.team.pk)}
        assert as_(home.admin).post(f"{PAGE}add/", sent)["Location"] == PAGE
        invitation = Invitation.objects.get()
        assert (invitation.email, invitation.role, invitation.team) == (EVE, "educator", home.team)
        assert invitation.organization == home.organization
        letter = OutgoingMail.objects.get()
        assert (letter.recipient, letter.about, letter.state) == (EVE, invitation.pk, "waiting")
        assert recorded("person_invited") == [("person_invited", f"invitation:{invitation.pk}")]
        assert not User.objects.filter(email=EVE).exists()
        assert mail.outbox == []

    def test_lets_no_field_of_the_form_say_more_than_it_may(self, cast: Cast) -> None:
        sent = {
            "email": EVE,
            "role": "educator",
            "organization": str(cast.away.organization.pk),
            "state": "accepted",
            "link": "7",
            "person": str(cast.home.owner.pk),
            "is_superuser": "on",
            "is_staff": "on",
            "expires_at_0": "2099-01-01",
        }
        as_(cast.home.admin).post(f"{PAGE}add/", sent)
        invitation = Invitation.objects.get()
        assert (invitation.organization, invitation.state) == (cast.home.organization, "pending")
        assert (invitation.link, invitation.person) == (1, None)
        assert invitation.expires_at < timezone.now() + invitations.LASTS

    @pytest.mark.parametrize("role", ["staff", "superuser", "", "ADMIN"])
    def test_knows_three_roles_only(self, home: House, role: str) -> None:
        assert as_(home.admin).post(f"{PAGE}add/", {"email": EVE, "role": role}).status_code == 200
        assert Invitation.objects.count() == 0

    def test_offers_no_team_of_another_organization_and_none_to_a_coach(self, cast: Cast) -> None:
        client = as_(cast.home.admin)
        for role, team in (("educator", cast.away.team), ("coach", cast.home.team)):
            page = client.post(f"{PAGE}add/", {"email": EVE, "role": role, "team": str(team.pk)})
            assert page.status_code == 200
            with pytest.raises(NotVisible):
                invited(cast.home, role=role, team=team)
        assert Invitation.objects.count() == 0

    def test_is_for_administrators_of_the_organization(self, cast: Cast) -> None:
        for actor in (*cast.home.everybody[:3], *cast.away.everybody):
            with pytest.raises(NotVisible):
                invitations.invite(
                    actor=actor,
                    organization=cast.home.organization,
                    email=EVE,
                    role="admin",
                    team=None,
                    now=NOW,
                )
        assert as_(cast.home.coach).post(f"{PAGE}add/", {"email": EVE, "role": "admin"}).status_code == 403
        assert (Invitation.objects.count(), OutgoingMail.objects.count()) == (0, 0)
        assert recorded("person_invited") == []

    def test_says_who_is_here_or_invited_already(self, home: House) -> None:
        client = as_(home.admin)
        for email, answer in (
            ("ADA@riverside.example", "already belongs to the organization"),
            (EVE.upper(), "An invitation to this address is pending"),
        ):
            if email == EVE.upper():
                invited(home)
            page = client.post(f"{PAGE}add/", {"email": email, "role": "educator"}, follow=True)
            assert answer in page.content.decode()
        assert Invitation.objects.count() == 1
        with pytest.raises(AlreadyInvited):
            invited(home)
        with pytest.raises(AlreadyHere):
            invited(home, str(home.owner.email))

    def test_tells_nobody_that_a_person_belongs_elsewhere(self, cast: Cast) -> None:
        sent = {"email": cast.away.owner.email, "role": "educator"}
        assert as_(cast.home.admin).post(f"{PAGE}add/", sent)["Location"] == PAGE

    def test_is_done_by_staff_into_the_organization_that_they_name(self, home: House) -> None:
        client = as_(UserFactory.create(staff=True))
        assert client.post(f"{PAGE}add/", {"email": EVE, "role": "admin"}).status_code == 200
        sent = {"email": EVE, "role": "admin", "organization": str(home.organization.pk)}
        assert client.post(f"{PAGE}add/", sent).status_code == 302
        assert Invitation.objects.get().organization == home.organization


class TestTheList:
    def test_shows_the_own_ones_with_state_mail_and_seats(self, cast: Cast) -> None:
        invited(cast.away, "zed@hillside.example")
        invited(cast.home)
        invited(cast.home, "old@riverside.example", now=timezone.now() - timedelta(days=8))
        outbox.send(mail_id=OutgoingMail.objects.get(recipient=EVE).pk, now=timezone.now())
        page = as_(cast.home.admin).get(PAGE)
        text = page.content.decode()
        assert [row.email for row in page.context["cl"].result_list] == ["old@riverside.example", EVE][::-1]
        for words in ("Pending", "Expired", "Sent", "Waiting", "4 of 50 seats used, 1 promised"):
            assert words in text
        assert as_(cast.home.coach).get(PAGE).status_code == 403

    def test_sends_again_with_a_new_link_and_ends_the_old(self, home: House) -> None:
        invitation = invited(home, now=timezone.now() - timedelta(days=8))
        old = link_to(invitation)
        sent = {"action": "send_again", "_selected_action": [str(invitation.pk)]}
        page = as_(home.admin).post(PAGE, sent, follow=True)
        assert "Sent again: 1." in page.content.decode()
        invitation.refresh_from_db()
        assert Client().get(old).status_code == 404
        assert Client().get(link_to(invitation)).status_code == 200
        assert OutgoingMail.objects.count() == 2
        assert len(recorded("invitation_sent_again")) == 1

    def test_withdraws(self, home: House) -> None:
        invitation = invited(home)
        sent = {"action": "withdraw", "_selected_action": [str(invitation.pk)]}
        client = as_(home.admin)
        assert "Withdrawn: 1." in client.post(PAGE, sent, follow=True).content.decode()
        assert Client().get(link_to(invitation)).status_code == 404
        again = client.post(PAGE, sent, follow=True).content.decode()
        assert "Left as they are, because they are not pending: 1." in again
        assert len(recorded("invitation_withdrawn")) == 1

    def test_changes_nothing_of_another_organization(self, cast: Cast) -> None:
        invitation = invited(cast.away, "zed@hillside.example")
        for action in ("send_again", "withdraw", "delete_selected"):
            sent = {"action": action, "_selected_action": [str(invitation.pk)], "post": "yes"}
            as_(cast.home.admin).post(PAGE, sent)
        with pytest.raises(NotVisible):
            invitations.withdraw(actor=cast.home.admin, invitation_id=invitation.pk)
        with pytest.raises(NotVisible):
            invitations.send_again(actor=cast.home.admin, invitation_id=invitation.pk, now=NOW)
        invitation.refresh_from_db()
        assert (invitation.state, invitation.link) == ("pending", 1)
        assert OutgoingMail.objects.count() == 1


class TestTheLink:
    def test_goes_out_by_mail_and_makes_the_person_that_was_meant(
        self, home: House, settings: Any, django_capture_on_commit_callbacks: Any
    ) -> None:
        settings.PUBLIC_URL = "https://sideline.example"
        invitation = invited(home, team=home.team)
        send_mail(mail_id=str(OutgoingMail.objects.get().pk))
        (message,) = mail.outbox
        assert message.to == [EVE]
        assert message.subject == "Your place at Riverside School in Sideline"
        assert "Dora Finch has invited you to join Riverside School" in str(message.body)
        link = re.search(r"https://sideline\.example(/join/\S+/)\n", str(message.body))
        assert link
        client = Client()
        assert (
            "Your account is for <strong>eve@riverside.example</strong>"
            in client.get(link[1]).content.decode()
        )
        response = client.post(link[1], form())
        assert response["Location"] == "/"
        person = User.objects.get(email=EVE)
        assert client.session[SESSION_KEY] == str(person.pk)
        assert (person.name, person.role, person.organization) == ("Eve Reed", "educator", home.organization)
        assert person.check_password(WORDS)
        assert TeamMembership.objects.get(member=person).team == home.team
        invitation.refresh_from_db()
        assert (invitation.state, invitation.person) == ("accepted", person)
        me = f"person:{person.pk}"
        assert recorded("person_joined", "signed_in") == [("person_joined", me), ("signed_in", me)]

    def test_gives_no_more_than_was_meant(self, cast: Cast) -> None:
        more = {
            "email": "admin@evil.example",
            "role": "admin",
            "organization": str(cast.away.organization.pk),
            "is_superuser": "on",
            "is_staff": "on",
            "team": str(cast.away.team.pk),
        }
        Client().post(link_to(invited(cast.home)), form(**more))
        person = User.objects.get(email=EVE)
        assert (person.role, person.organization) == ("educator", cast.home.organization)
        assert (person.is_superuser, person.is_staff) == (False, False)
        assert not TeamMembership.objects.filter(member=person).exists()

    def test_works_once(self, home: House) -> None:
        link = link_to(invited(home))
        assert Client().post(link, form()).status_code == 302
        assert Client().post(link, form(name="Mallory")).status_code == 404
        assert User.objects.filter(organization=home.organization).count() == 5

    def test_that_opens_nothing_always_looks_the_same(self, home: House) -> None:
        used, withdrawn = invited(home), invited(home, "w@riverside.example")
        expired = invited(home, "x@riverside.example", now=timezone.now() - invitations.LASTS)
        Client().post(link_to(used), form())
        invitations.withdraw(actor=home.admin, invitation_id=withdrawn.pk)
        whole = link_to(expired)
        links = [
            link_to(used),
            link_to(withdrawn),
            whole,
            f"{whole[:-3]}AA/",
            "/join/nonsense/",
            "/join/a.b.c/",
        ]
        answers = [send(link) for send in (Client().get, Client().post) for link in links]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1

    def test_is_kept_from_caches_search_engines_and_other_pages(self, home: House) -> None:
        page = Client().get(link_to(invited(home)))
        assert "no-store" in page["Cache-Control"]
        assert (page["Referrer-Policy"], page["X-Robots-Tag"]) == ("same-origin", "noindex")

    @pytest.mark.parametrize(
        ("more", "problem"),
        [
            ({"password2": "something else"}, "The two passwords are not the same."),
            ({"password1": "short", "password2": "short"}, "This password is too short."),
            ({"password1": EVE, "password2": EVE}, "The password is too similar to the email."),
            ({"name": " "}, "This field is required."),
        ],
    )
    def test_explains_what_cannot_be_and_stays_open(
        self, home: House, more: dict[str, str], problem: str
    ) -> None:
        link = link_to(invited(home))
        page = Client().post(link, form(**more))
        assert (page.status_code, problem in page.content.decode()) == (200, True)
        assert not User.objects.filter(email=EVE).exists()
        assert Client().get(link).status_code == 200

    def test_makes_no_second_account_for_an_address(self, cast: Cast) -> None:
        invitation = invited(cast.home, str(cast.away.owner.email))
        page = Client().post(link_to(invitation), form())
        assert "There is already an account with your address" in page.content.decode()
        with pytest.raises(AddressTaken):
            invitations.accept(
                token=invitations.token_of(invitation), name="Amir", password=None, now=timezone.now()
            )
        invitation.refresh_from_db()
        assert invitation.state == "pending"
        assert User.objects.count() == 8

    @pytest.mark.parametrize("change", [{"is_active": False}, {"role": "coach"}])
    def test_closes_with_an_inviter_who_may_not_invite_any_more(
        self, home: House, change: dict[str, Any]
    ) -> None:
        other = UserFactory.create(admin=True, organization=home.organization)
        invitation = invited(home, role="admin")
        User.objects.filter(pk=home.admin.pk).update(**change)
        assert Client().post(link_to(invitation), form()).status_code == 404
        assert invitations.letter(invitation.pk, now=timezone.now()) is None
        assert "Closed with its inviter: send it again" in as_(other).get(PAGE).content.decode()
        again = invitations.send_again(actor=other, invitation_id=invitation.pk, now=timezone.now())
        assert Client().post(link_to(again), form()).status_code == 302

    def test_is_bound_to_what_signed_it(self, home: House, settings: Any) -> None:
        token = invitations.token_of(invited(home))
        settings.SECRET_KEY = "another secret of the same length 0123456789"
        with pytest.raises(LinkClosed):
            invitations.opened_by(token, now=timezone.now())
