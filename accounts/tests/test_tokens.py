"""Keys for programs: made and revoked by their owner, shown once, never more than the owner may do."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from accounts import outbox, people, tokens
from accounts.entry_models import OutgoingMail
from accounts.models import ApiToken, AuditEvent, User
from accounts.scopes import Scope, offered_to
from accounts.tests.api_caller import Api, as_program, key_of
from accounts.tests.browsing import as_
from accounts.tests.cast import Cast
from accounts.tests.factories import PASSWORD
from accounts.tests.fake_google import FakeGoogle
from accounts.tests.sign_in import sign_in

pytestmark = [pytest.mark.usefixtures("accounts_alone"), pytest.mark.django_db]

ADDRESS = "/settings/keys/"
NOW = datetime(2026, 1, 5, 10, 40, tzinfo=UTC)
FORM = {"name": "Planner", "scopes": ["read"], "days": "30", "password": PASSWORD}


def issue(owner: User, **options: Any) -> tokens.Issued:
    """Make a key."""
    given = {"name": "Planner", "scopes": ["read"], "days": 30, "now": NOW, **options}
    return tokens.issue(owner=owner, **given)


class TestThePage:
    def test_strangers_sign_in_first(self, client: Client) -> None:
        assert client.get(ADDRESS)["Location"] == f"/accounts/login/?next={ADDRESS}"

    def test_settings_lead_to_it(self, as_owner: Client) -> None:
        assert f'href="{ADDRESS}"' in as_owner.get("/settings/").content.decode()

    def test_says_that_there_is_none(self, as_owner: Client) -> None:
        assert "You have none." in as_owner.get(ADDRESS).content.decode()

    def test_shows_a_new_key_once_and_keeps_only_its_hash(self, as_owner: Client) -> None:
        made = as_owner.post(ADDRESS, FORM)
        (secret,) = re.findall(r"sideline_[A-Za-z0-9_-]{43}", made.content.decode())
        assert made["Cache-Control"] == "no-store"
        assert secret not in as_owner.get(ADDRESS).content.decode()
        (row,) = ApiToken.objects.values()
        assert secret not in str(row)
        assert secret not in str(list(AuditEvent.objects.values()))
        assert Api(secret)("GET", "auth/me").data["email"] == "ada@riverside.example"

    def test_is_on_record(self, as_owner: Client, owner: User) -> None:
        as_owner.post(ADDRESS, FORM)
        event = AuditEvent.objects.get(action="token_created")
        token = ApiToken.objects.get()
        assert (event.actor_id, event.resource, event.reason) == (owner.pk, f"token:{token.pk}", "read")

    @pytest.mark.parametrize(
        ("changed", "problem"),
        [
            ({"name": ""}, 'id="id_name_error"'),
            ({"name": "x" * 81}, 'id="id_name_error"'),
            ({"scopes": []}, "Choose at least one thing"),
            ({"scopes": ["admin"]}, 'id="id_scopes_error"'),
            ({"scopes": ["coach"]}, 'id="id_scopes_error"'),
            ({"scopes": ["documents"]}, 'id="id_scopes_error"'),
            ({"scopes": ["organization"]}, 'id="id_scopes_error"'),
            ({"days": "4000"}, 'id="id_days_error"'),
        ],
    )
    def test_an_impossible_key_is_explained_and_not_made(
        self, as_owner: Client, changed: dict[str, Any], problem: str
    ) -> None:
        assert problem in as_owner.post(ADDRESS, {**FORM, **changed}).content.decode()
        assert not ApiToken.objects.exists()

    def test_says_all_that_each_choice_opens(self, org_admin: User) -> None:
        page = " ".join(as_(org_admin).get(ADDRESS).content.decode().split())
        for words in (
            "see the devices and network addresses where I am signed in",
            "list and revoke my keys",
            "Add, read, change, replace and delete documents of the library",
            "add and invite people and mail them links to choose a password",
            "decide who coaches whom",
            "how long things are kept",
            "read the record and the costs",
        ):
            assert words in page

    def test_one_too_many_is_refused(self, as_owner: Client, owner: User) -> None:
        for _ in range(tokens.MOST):
            key_of(owner)
        assert "You have 20 keys." in as_owner.post(ADDRESS, FORM).content.decode()
        assert ApiToken.objects.count() == tokens.MOST

    def test_a_name_is_shown_as_text(self, as_owner: Client) -> None:
        as_owner.post(ADDRESS, {**FORM, "name": "<img src=x onerror=alert(1)>"})
        assert "<img src=x" not in as_owner.get(ADDRESS).content.decode()


class TestMakingOne:
    """A key outlives the session: whoever makes it shows that they are there, and hears of it."""

    def secrets_in(self, answer: Any) -> list[str]:
        return re.findall(r"sideline_[A-Za-z0-9_-]{43}", answer.content.decode())

    @pytest.mark.parametrize("password", ["", "not this one"])
    def test_needs_the_password(self, as_owner: Client, password: str) -> None:
        answer = as_owner.post(ADDRESS, {**FORM, "password": password})
        assert 'id="id_password_error"' in answer.content.decode()
        assert not ApiToken.objects.exists()

    @pytest.mark.usefixtures("fresh_limits", "riverside")
    def test_needs_a_recent_sign_in_of_who_has_no_password(self, client: Client, google: FakeGoogle) -> None:
        sign_in(client, google)
        assert len(self.secrets_in(client.post(ADDRESS, {**FORM, "name": "First"}))) == 1
        session = client.session
        session["account_authentication_methods"][0]["at"] -= 16 * 60
        session.save()
        page = client.post(ADDRESS, FORM).content.decode()
        assert "sign in again first" in page
        assert 'action="/accounts/google/login/"' in page
        assert "What is it for?" not in page
        assert [token.name for token in ApiToken.objects.all()] == ["First"]
        sign_in(client, google, next=ADDRESS)
        assert len(self.secrets_in(client.post(ADDRESS, FORM))) == 1

    def test_by_a_second_click_makes_no_second_one(self, as_owner: Client) -> None:
        page = as_owner.get(ADDRESS)
        twice = {**FORM, "once": str(page.context["form"]["once"].value())}
        first, second = (self.secrets_in(as_owner.post(ADDRESS, twice)) for _click in "ab")
        assert (len(first), first) == (1, second)
        assert ApiToken.objects.count() == 1
        assert AuditEvent.objects.filter(action="token_created").count() == 1
        assert self.secrets_in(as_owner.post(ADDRESS, {**FORM, "once": str(uuid4())})) != first

    def test_is_shown_again_by_no_form_that_is_sent_later(self, as_owner: Client) -> None:
        twice = {**FORM, "once": str(uuid4())}
        as_owner.post(ADDRESS, twice)
        ApiToken.objects.update(created_at=timezone.now() - timedelta(minutes=2))
        later = as_owner.post(ADDRESS, twice)
        assert self.secrets_in(later) == []
        assert "This key has been made" in later.content.decode()
        assert ApiToken.objects.count() == 1

    def test_is_another_one_when_a_form_that_came_too_late_is_sent_once_more(self, as_owner: Client) -> None:
        once = str(uuid4())
        as_owner.post(ADDRESS, {**FORM, "once": once})
        ApiToken.objects.update(revoked_at=timezone.now())
        late = as_owner.post(ADDRESS, {**FORM, "once": once}).content.decode()
        (offered,) = re.findall(r'name="once" value="([0-9a-f-]{36})"', late)
        assert 'value="Planner"' in late
        assert len(self.secrets_in(as_owner.post(ADDRESS, {**FORM, "once": offered}))) == 1

    def test_of_another_person_under_the_same_number_is_another_key(self, owner: User, coach: User) -> None:
        once = uuid4()
        assert issue(owner, once=once).secret != issue(coach, once=once).secret

    def test_tells_the_owner_by_mail(self, as_owner: Client, owner: User) -> None:
        as_owner.post(ADDRESS, FORM)
        (queued,) = OutgoingMail.objects.all()
        outbox.send(mail_id=queued.pk, now=timezone.now())
        (sent,) = mail.outbox
        assert (sent.to, sent.subject) == ([owner.email], "A new API key for your account in Sideline")
        assert "“Planner”" in sent.body
        assert "sideline_" not in sent.body

    def test_that_is_revoked_at_once_needs_no_mail(self, owner: User) -> None:
        made = tokens.issue(owner=owner, name="P", scopes=["read"], days=7, now=timezone.now())
        tokens.revoke(owner=owner, token_id=made.token.pk, now=timezone.now())
        (queued,) = OutgoingMail.objects.all()
        outbox.send(mail_id=queued.pk, now=timezone.now())
        assert mail.outbox == []


class TestRevoking:
    def test_ends_the_key_at_once(self, as_owner: Client, owner: User) -> None:
        secret = key_of(owner)
        token = ApiToken.objects.get()
        answer = as_owner.post(f"{ADDRESS}{token.pk}/revoke/")
        assert answer["Location"] == ADDRESS
        assert Api(secret)("GET", "auth/me").status == 401
        assert AuditEvent.objects.get(action="token_revoked").resource == f"token:{token.pk}"
        assert "A program" not in as_owner.get(ADDRESS).context["tokens"]

    def test_is_for_the_owner_alone(self, as_owner: Client, coach: User, org_admin: User) -> None:
        for other in (coach, org_admin):
            secret = key_of(other)
            token = ApiToken.objects.get(owner=other)
            there, nowhere = (as_owner.post(f"{ADDRESS}{one}/revoke/") for one in (token.pk, uuid4()))
            assert (there.status_code, there.content) == (nowhere.status_code, nowhere.content)
            assert there.status_code == 404
            assert Api(secret)("GET", "auth/me").status == 200

    def test_needs_a_post(self, as_owner: Client, owner: User) -> None:
        key_of(owner)
        assert as_owner.get(f"{ADDRESS}{ApiToken.objects.get().pk}/revoke/").status_code == 405


class TestTogether:
    """What ends everything else of a person ends their keys."""

    def revoked(self) -> list[tuple[str, str]]:
        """Return the recorded ends of keys: resource and reason."""
        found = AuditEvent.objects.filter(action="token_revoked").order_by("sequence")
        return list(found.values_list("resource", "reason"))

    def test_with_all_other_sessions_and_the_page_says_so(self, as_owner: Client, cast: Cast) -> None:
        api, bens = as_program(cast.home.owner), as_program(cast.home.coach)
        token = ApiToken.objects.get(owner=cast.home.owner)
        assert "also revokes your API key" in as_owner.get("/settings/sessions/").content.decode()
        page = as_owner.post("/settings/sessions/end/", follow=True).content.decode()
        assert "Signed out in 0 other places. Revoked 1 API key." in page
        assert "Sign out everywhere else" not in page
        assert (api("GET", "auth/me").status, bens("GET", "auth/me").status) == (401, 200)
        assert self.revoked() == [(f"token:{token.pk}", "all others")]

    def test_with_a_changed_password(self, as_owner: Client, owner: User) -> None:
        api = as_program(owner)
        words = "another walk along the shore"
        form = {"oldpassword": PASSWORD, "password1": words, "password2": words}
        assert as_owner.post("/accounts/password/change/", form).status_code == 302
        assert api("GET", "auth/me").status == 401
        assert [reason for _, reason in self.revoked()] == ["password changed"]

    def test_with_the_wish_to_be_erased(self, as_owner: Client, owner: User) -> None:
        api = as_program(owner)
        form = {"email": owner.email, "password": PASSWORD}
        assert as_owner.post("/settings/your-data/erase/", form).status_code == 302
        assert api("GET", "auth/me").status == 401
        assert [reason for _, reason in self.revoked()] == ["erasure asked"]


class TestAKey:
    def test_ends_when_its_time_is_over(self, owner: User) -> None:
        issued = issue(owner, days=7)
        last = NOW + timedelta(days=7)
        assert tokens.recognise(secret=issued.secret, now=last - timedelta(seconds=1)) == issued.token
        assert tokens.recognise(secret=issued.secret, now=last) is None

    def test_lasts_a_year_at_most(self, owner: User) -> None:
        assert issue(owner, days=4000).token.expires_at == NOW + timedelta(days=365)

    def test_is_dead_with_its_owner_s_account(self, owner: User, org_admin: User) -> None:
        api = as_program(owner)
        owner.is_active = False
        people.change_person(actor=org_admin, person=owner, changed=["is_active"])
        assert (api("GET", "auth/me").status, api("GET", "auth/me").code) == (401, "UNAUTHENTICATED")

    def test_shrinks_with_its_owner_s_role(self, cast: Cast) -> None:
        person, admin = cast.home.coach, cast.home.admin
        person.role = "admin"
        people.change_person(actor=admin, person=person, changed=["role"])
        api = as_program(person, "read", "admin")
        assert api("GET", "admin/users").status == 200
        person.role = "coach"
        people.change_person(actor=admin, person=person, changed=["role"])
        refused = api("GET", "admin/users")
        assert (refused.status, refused.code) == (403, "FORBIDDEN")
        assert api("GET", "auth/me").status == 200

    def test_opens_only_what_was_chosen(self, org_admin: User) -> None:
        assert as_program(org_admin, "write")("GET", "auth/me").status == 403
        assert as_program(org_admin, "read")("GET", "admin/users").status == 403

    def test_opens_nothing_more_for_a_scope_that_only_a_newer_version_knows(
        self, owner: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        api = as_program(owner, "read")

        def recognise(**known: Any) -> ApiToken | None:
            token = recognised(**known)
            assert token is not None
            token.scopes.append("reviews")
            return token

        recognised = tokens.recognise
        monkeypatch.setattr("accounts.tokens.recognise", recognise)
        assert (api("GET", "auth/me").status, api("GET", "admin/users").status) == (200, 403)

    def test_knows_to_the_hour_when_it_was_used(self, owner: User) -> None:
        token = issue(owner).token
        tokens.note_use(token=token, now=NOW)
        token.refresh_from_db()
        assert token.last_used_at == datetime(2026, 1, 5, 10, tzinfo=UTC)
        tokens.note_use(token=token, now=NOW + timedelta(minutes=15))
        token.refresh_from_db()
        assert token.last_used_at == datetime(2026, 1, 5, 10, tzinfo=UTC)

    @pytest.mark.parametrize(
        "header", ["", "Bearer", "Bearer ", "Bearer nonsense", "Basic abc", "Bearer \xff\xfe", "bearer  x y"]
    )
    def test_that_is_none_lets_nobody_in(self, client: Client, db: None, header: str) -> None:
        answer = client.get("/api/v1/auth/me", headers={"Authorization": header})
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="Sideline"')
        assert answer.json()["error"]["code"] == "UNAUTHENTICATED"

    def test_the_database_refuses_what_no_form_would_send(self, owner: User) -> None:
        with pytest.raises(IntegrityError, match="token_scopes_known"):
            ApiToken.objects.create(
                owner=owner,
                name="x",
                scopes=["everything"],
                hash="x",
                hint="x",
                expires_at=NOW + timedelta(9999),
            )


def test_what_a_role_may_put_into_a_key() -> None:
    everybodys = (Scope.READ, Scope.WRITE, Scope.ACCOUNT)
    assert offered_to("educator") == everybodys
    assert offered_to("coach") == (*everybodys, Scope.COACH, Scope.PERSONA, Scope.DOCUMENTS)
    assert offered_to("admin") == tuple(Scope)
    assert offered_to("janitor") == ()
