"""What opens with a share link: the part that was chosen, for as long as it lives, and nothing else."""

import json
from collections.abc import Iterator
from datetime import timedelta
from secrets import token_urlsafe
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts import people
from accounts.access import NotVisible
from accounts.models import AuditEvent, Organization, User
from accounts.tests.api_caller import as_program
from accounts.tests.cast import Cast
from conversations import access, guesses, handoff, organizing, sharing
from conversations.models import Conversation, Message
from conversations.outward import ShareLink
from conversations.tests.factories import QUOTE, add, begin, say
from conversations.tests.links import fragment, holder, make, seen, told_conversation, words

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_guesses_yet() -> Iterator[None]:
    """Begin with an address that has guessed nothing."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def conversation(owner: User) -> Conversation:
    """Return Ada's conversation."""
    return told_conversation(owner)


@pytest.fixture
def as_owner(client: Client, owner: User) -> Client:
    """Return a browser in which Ada is signed in."""
    client.force_login(owner)
    return client


class TestAHolder:
    def test_reads_without_a_cookie_and_leaves_no_trace_elsewhere(
        self, owner: User, conversation: Conversation
    ) -> None:
        browser = holder()
        response = browser.get(f"/s/{make(owner, conversation)}/")
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "private, no-store"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert "unsafe-inline" not in response.headers["Content-Security-Policy"]
        assert dict(browser.cookies) == {}
        assert "<form" not in words(response)
        assert "csrf" not in words(response)

    def test_who_is_signed_in_gets_no_cookie_either(
        self, as_owner: Client, owner: User, conversation: Conversation
    ) -> None:
        response = as_owner.get(f"/s/{make(owner, conversation)}/")
        assert dict(response.cookies) == {}
        assert "Ada Moss" not in words(response)

    def test_sees_quote_and_source_and_no_way_into_the_library(
        self, owner: User, conversation: Conversation
    ) -> None:
        page = words(seen(make(owner, conversation)))
        assert 'href="#source-2-1"' in page
        assert 'id="source-2-1"' in page
        assert QUOTE in page
        assert "The handbook" in page
        assert "page 12" in page
        assert "/library/" not in page

    def test_sees_no_notice_of_the_system_and_no_id(self, owner: User, conversation: Conversation) -> None:
        page = words(seen(make(owner, conversation)))
        assert "SECRET-NOTICE" not in page
        assert "message--crisis" not in page
        assert str(conversation.pk) not in page

    def test_sees_names_only_when_the_owner_wants_it(self, cast: Cast, conversation: Conversation) -> None:
        add(conversation, "Well done.", by="human_coach", sender=cast.home.coach)
        part = sharing.everything(conversation.pk)
        nameless = words(seen(make(cast.home.owner, conversation)))
        assert ("Ada Moss" in nameless, "Ben Hart" in nameless) == (False, False)
        assert ("An educator" in nameless, "A coach" in nameless) == (True, True)
        named = sharing.Part(part.first_sequence, part.last_sequence, with_names=True)
        page = words(seen(make(cast.home.owner, conversation, part=named)))
        assert ("Ada Moss" in page, "Ben Hart" in page) == (True, True)

    def test_sees_no_title(self, owner: User, conversation: Conversation) -> None:
        organizing.rename(
            member=owner, conversation_id=conversation.pk, title="TITLE-WORDS", now=timezone.now()
        )
        assert "TITLE-WORDS" not in words(seen(make(owner, conversation)))

    def test_is_shown_markdown_by_the_one_allow_list(self, owner: User, conversation: Conversation) -> None:
        add(
            conversation,
            "<img src=x onerror=alert(1)> ![x](https://evil.invalid/?d=1) [a](javascript:alert(1))",
        )
        page = fragment(seen(make(owner, conversation)))
        assert "<img" not in page
        assert 'href="javascript:' not in page
        assert 'src="https://evil' not in page

    def test_cannot_write(self, owner: User, conversation: Conversation) -> None:
        token = make(owner, conversation)
        for verb in ("post", "put", "patch", "delete", "head", "options"):
            assert getattr(holder(), verb)(f"/s/{token}/").status_code == 405

    def test_is_counted_and_on_record(self, owner: User, conversation: Conversation) -> None:
        token = make(owner, conversation)
        for _view in range(3):
            seen(token)
        link = ShareLink.objects.get()
        assert link.views == 3
        assert link.last_viewed_at is not None
        events = AuditEvent.objects.filter(action="share.viewed", resource=f"conversation:{conversation.pk}")
        assert [(event.actor_id, event.organization_id, event.reason) for event in events] == [
            (None, owner.organization_id, f"link:{link.pk}")
        ] * 3

    def test_does_not_see_an_answer_that_is_being_written(
        self, owner: User, conversation: Conversation
    ) -> None:
        add(conversation, "HALF-A-SENT", state="streaming")
        assert "HALF-A-SENT" not in words(seen(make(owner, conversation)))

    @pytest.mark.parametrize("from_page", [True, False])
    def test_never_sees_an_answer_that_was_finished_after_the_preview(
        self, as_owner: Client, owner: User, *, from_page: bool
    ) -> None:
        conversation = begin(owner)
        add(conversation, "How do we begin?", by="client", sender=owner)
        reply = add(conversation, "", state="streaming")
        add(conversation, "And how do we end it?", by="client", sender=owner)
        address = f"/conversations/{conversation.pk}/share/"
        preview = as_owner.get(address)
        finished = {"content": "NEVER-PREVIEWED", "state": "complete"}
        if from_page:
            # It is finished between the preview and the click.
            Message.objects.filter(pk=reply.pk).update(**finished)
            chosen = {name: preview.context["previewed"][name] for name in ("first", "last", "days")}
            made = as_owner.post(f"{address}make/", {**chosen, "key": preview.context["key"]})
            token = made.context["address"].rstrip("/").rpartition("/")[2]
        else:
            token = make(owner, conversation, part=sharing.Part(1, 3))
            Message.objects.filter(pk=reply.pk).update(**finished)
        page = fragment(seen(token))
        assert page == fragment(preview)
        assert ("How do we begin?" in page, "how do we end it" in page) == (True, False)

    def test_an_episode_shows_holders_only_what_was_said(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "How do we begin?")
        handoff.ask_for_coach(member=cast.home.owner, conversation_id=conversation.pk, now=timezone.now())
        handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=timezone.now())
        page = words(seen(make(cast.home.owner, conversation)))
        assert "How do we begin?" in page
        assert "Ben Hart" not in page
        assert "has joined" not in page


class TestADeadLink:
    def test_looks_like_every_other(self, cast: Cast, conversation: Conversation) -> None:
        owner, now = cast.home.owner, timezone.now()
        expired = make(owner, conversation, now=now - timedelta(days=8))
        revoked = make(owner, conversation)
        sharing.revoke(
            member=owner,
            conversation_id=conversation.pk,
            link_id=ShareLink.objects.latest("created_at").pk,
            now=now,
        )
        deleted = begin(owner)
        add(deleted, "DELETED-WORDS", by="client", sender=owner)
        of_deleted = make(owner, deleted)
        organizing.delete(member=owner, conversation_id=deleted.pk, now=now)
        departed = begin(cast.home.other_coach)
        add(departed, "LEFT-WORDS", by="client", sender=cast.home.other_coach)
        of_departed = make(cast.home.other_coach, departed)
        User.objects.filter(pk=cast.home.other_coach.pk).update(is_active=False)
        wrong = [token_urlsafe(32), "short", str(conversation.pk), "x" * 300]
        answers = [seen(token) for token in (expired, revoked, of_deleted, of_departed, *wrong)]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
        assert answers[0].content == holder().get("/nothing-is-here/").content
        assert {answer.headers["Referrer-Policy"] for answer in answers} == {"no-referrer"}
        assert not AuditEvent.objects.filter(action="share.viewed").exists()

    def test_dies_with_its_last_second(self, owner: User, conversation: Conversation) -> None:
        now = timezone.now()
        token = make(owner, conversation, now=now)
        expiry = now + timedelta(days=7)
        assert len(sharing.read(token=token, now=expiry - timedelta(seconds=1)).messages) == 4
        with pytest.raises(NotVisible):
            sharing.read(token=token, now=expiry)

    def test_of_a_deleted_conversation_stays_dead_when_that_comes_back(
        self, as_owner: Client, owner: User, conversation: Conversation
    ) -> None:
        token, address = make(owner, conversation), f"/conversations/{conversation.pk}"
        as_owner.post(f"{address}/delete/")
        assert seen(token).status_code == 404
        back = as_owner.post(f"{address}/restore/", follow=True)
        assert "The links to it stay revoked: make a new one to share it again." in words(back)
        assert seen(token).status_code == 404
        assert AuditEvent.objects.filter(action="share.revoked", actor_id=owner.pk).count() == 1
        assert seen(make(owner, conversation)).status_code == 200

    def test_bringing_back_what_was_never_shared_speaks_of_no_links(
        self, as_owner: Client, conversation: Conversation
    ) -> None:
        as_owner.post(f"/conversations/{conversation.pk}/delete/")
        back = as_owner.post(f"/conversations/{conversation.pk}/restore/", follow=True)
        assert "The conversation is back." in words(back)
        assert "revoked" not in words(back)

    def test_an_archived_conversation_stays_shared(self, owner: User, conversation: Conversation) -> None:
        organizing.set_status(
            member=owner, conversation_id=conversation.pk, status="archived", now=timezone.now()
        )
        assert seen(make(owner, conversation)).status_code == 200

    def test_a_conversation_id_opens_nothing(self, owner: User, conversation: Conversation) -> None:
        make(owner, conversation)
        browser = holder()
        assert browser.get(f"/s/{conversation.pk}/").status_code == 404
        assert browser.get(f"/conversations/{conversation.pk}/").status_code == 302
        stranger = Client()
        stranger.force_login(User.objects.get(email="amir@hillside.example"))
        assert stranger.get(f"/conversations/{conversation.pk}/").status_code == 404


class TestForbiddenLinks:
    """An administrator allows no links: none is made, and those that there are look like every dead one."""

    @pytest.fixture
    def token(self, owner: User, conversation: Conversation) -> str:
        return make(owner, conversation)

    @pytest.fixture
    def forbidden(self, token: str, cast: Cast) -> None:
        self.set(cast, allowed=False)

    def set(self, cast: Cast, *, allowed: bool) -> None:
        organization = cast.home.organization
        organization.allows_share_links = allowed
        people.change_organization(
            actor=cast.home.admin, organization=organization, changed=["allows_share_links"]
        )

    @pytest.mark.usefixtures("forbidden")
    def test_open_nothing_until_they_are_allowed_again(self, cast: Cast, token: str) -> None:
        dead = seen(token)
        assert dead.status_code == 404
        assert words(dead) == words(seen(token_urlsafe(32)))
        self.set(cast, allowed=True)
        assert seen(token).status_code == 200

    def test_of_another_organization_go_on(self, cast: Cast, token: str) -> None:
        Organization.objects.filter(pk=cast.away.organization.pk).update(allows_share_links=False)
        assert seen(token).status_code == 200

    @pytest.mark.usefixtures("forbidden")
    def test_are_not_made_and_the_page_says_so(
        self, as_owner: Client, owner: User, conversation: Conversation
    ) -> None:
        page = as_owner.get(f"/conversations/{conversation.pk}/share/")
        assert "Your organization allows no links" in page.content.decode()
        assert "Make a link to this" not in page.content.decode()
        form = {"first": 1, "last": 1, "days": 7, "key": str(uuid4())}
        assert as_owner.post(f"/conversations/{conversation.pk}/share/make/", form).status_code == 403
        refused = as_program(owner)("POST", f"conversations/{conversation.pk}/share", {})
        assert (refused.status, refused.code) == (403, "FORBIDDEN")
        assert refused.error is not None
        assert refused.error["details"] == {"reason": "links_forbidden"}
        assert as_program(owner)("GET", "links").data == {"links": []}
        listed = as_owner.get("/links/").content.decode()
        assert "Your organization allows no links" in listed
        assert "You share a part of a conversation from its menu" not in listed
        assert ShareLink.objects.count() == 1

    def test_are_forbidden_by_an_administrator_and_on_record(self, cast: Cast) -> None:
        client = Client()
        client.force_login(cast.home.admin)
        address = f"/admin/accounts/organization/{cast.home.organization.pk}/change/"
        page = client.get(address)
        form = {
            name: value for name, value in page.context["adminform"].form.initial.items() if value is not None
        }
        form["help_lines"] = json.dumps(form["help_lines"])
        del form["allows_share_links"]
        assert client.post(address, form).status_code == 302
        assert not Organization.objects.get(pk=cast.home.organization.pk).allows_share_links
        assert "allows_share_links" in AuditEvent.objects.get(action="organization_changed").reason


class TestGuessing:
    def test_is_answered_20_times_a_minute(
        self, owner: User, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = make(owner, conversation)
        noon = timezone.now().replace(second=5)
        monkeypatch.setattr("conversations.sharing_pages.timezone.now", lambda: noon)
        browser = holder()
        statuses = [browser.get(f"/s/{token_urlsafe(32)}/").status_code for _guess in range(200)]
        assert statuses == [404] * guesses.A_MINUTE + [429] * (200 - guesses.A_MINUTE)
        refused = browser.get(f"/s/{token}/")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "55")
        assert browser.get(f"/s/{token}/", REMOTE_ADDR="192.0.2.7").status_code == 200
        monkeypatch.setattr("conversations.sharing_pages.timezone.now", lambda: noon + timedelta(minutes=1))
        assert browser.get(f"/s/{token}/").status_code == 200

    def test_at_the_same_moment_is_answered_no_more_often(
        self, owner: User, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make(owner, conversation)
        noon = timezone.now().replace(second=5)
        monkeypatch.setattr("conversations.sharing_pages.timezone.now", lambda: noon)
        # Each has looked before any of them was counted.
        monkeypatch.setattr("conversations.guesses.are_spent", lambda *_all, **_named: False)
        browser = holder()
        statuses = [browser.get(f"/s/{token_urlsafe(32)}/").status_code for _guess in range(30)]
        assert statuses == [404] * guesses.A_MINUTE + [429] * (30 - guesses.A_MINUTE)

    def test_10000_tokens_hit_nothing(self, owner: User, conversation: Conversation) -> None:
        token, now = make(owner, conversation), timezone.now()
        for _guess in range(300):
            with pytest.raises(NotVisible):
                sharing.read(token=token_urlsafe(32), now=now)
        # The others in one question to the same rows, which finds the link that there is.
        guesses_left = [sharing._hash(token_urlsafe(32)) for _guess in range(9_700)]
        with transaction.atomic():
            open_now = access.live_links(now=now)
            assert not open_now.filter(token_hash__in=guesses_left).exists()
            assert open_now.filter(token_hash__in=[*guesses_left, sharing._hash(token)]).count() == 1
        assert ShareLink.objects.get().views == 0

    def test_readers_of_a_good_link_are_not_counted(self, owner: User, conversation: Conversation) -> None:
        token = make(owner, conversation)
        browser = holder()
        assert {browser.get(f"/s/{token}/").status_code for _view in range(40)} == {200}
