"""Share links: what the owner chooses, what a holder sees, and that nothing else opens with them."""

import hashlib
import re
from collections.abc import Iterator
from datetime import timedelta
from secrets import token_urlsafe
from threading import Event, Thread
from typing import Any

import pytest
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.access import NotVisible
from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast
from conversations import guesses, handoff, organizing, sharing
from conversations.models import Conversation
from conversations.outward import ShareLink
from conversations.tests.factories import QUOTE, add, begin, citation, say

pytestmark = pytest.mark.django_db(transaction=True)

HTMX = {"HX-Request": "true"}
TOKEN = re.compile(r"/s/([A-Za-z0-9_-]{43})/")


@pytest.fixture(autouse=True)
def _no_guesses_yet() -> Iterator[None]:
    """Begin with an address that has guessed nothing."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def conversation(owner: User) -> Conversation:
    """Return Ada's conversation: two questions, two cited answers, and a notice in between."""
    conversation = begin(owner, visibility="private")
    add(conversation, "How often do we review norms?", by="client", sender=owner)
    add(conversation, "Every six weeks [1].", citations=[citation()])
    add(conversation, "SECRET-NOTICE", by="system", metadata={"kind": "crisis", "help_lines": []})
    add(conversation, "And who leads?", by="client", sender=owner)
    add(conversation, "The team lead [2].", citations=[citation(2, title="The agenda")])
    return conversation


@pytest.fixture
def as_owner(client: Client, owner: User) -> Client:
    """Return a browser in which Ada is signed in."""
    client.force_login(owner)
    return client


def make(owner: User, conversation: Conversation, **values: Any) -> str:
    """Make a link and return its token."""
    return sharing.make(
        member=owner, conversation_id=conversation.pk, **{"now": timezone.now(), **values}
    ).token


def holder() -> Client:
    """Return the browser of somebody who has never been here."""
    return Client()


def words(response: Any) -> str:
    """Return a page as text."""
    return str(response.content.decode())


def fragment(response: Any) -> str:
    """Return what is shown of the conversation, without the page around it."""
    found = re.search(r'<div class="shared" data-shared>.*?\n</div>\n', words(response), flags=re.DOTALL)
    assert found is not None
    return found.group()


def seen(token: str) -> Any:
    """Open a link as somebody who has never been here."""
    return holder().get(f"/s/{token}/")


class TestMakingALink:
    def test_shows_it_once_and_keeps_only_its_hash(
        self, as_owner: Client, conversation: Conversation
    ) -> None:
        chosen = {"first": 1, "last": 5, "days": 7}
        page = words(as_owner.post(f"/conversations/{conversation.pk}/share/make/", chosen))
        (token,) = TOKEN.findall(page)
        link = ShareLink.objects.get()
        assert link.token_hash == hashlib.sha256(token.encode()).hexdigest()
        assert link.expires_at - link.created_at == timedelta(days=7)
        assert TOKEN.findall(words(as_owner.get(f"/conversations/{conversation.pk}/share/"))) == []
        assert TOKEN.findall(words(as_owner.get("/"))) == []

    def test_the_token_is_nowhere_in_the_database(self, as_owner: Client, conversation: Conversation) -> None:
        chosen = {"first": 1, "last": 5, "days": 7}
        page = words(as_owner.post(f"/conversations/{conversation.pk}/share/make/", chosen))
        (token,) = TOKEN.findall(page)
        assert seen(token).status_code == 200
        with connection.cursor() as cursor:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for (table,) in cursor.fetchall():
                cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{token}%"])  # noqa: S608
                assert (table, cursor.fetchone()) == (table, (0,))

    def test_the_token_is_in_no_log(
        self, owner: User, conversation: Conversation, caplog: pytest.LogCaptureFixture
    ) -> None:
        token = make(owner, conversation)
        with caplog.at_level("DEBUG", logger="config"):
            seen(token)
        assert caplog.records != []
        assert [record for record in caplog.records if token in str(record.__dict__)] == []

    def test_is_what_the_preview_showed(self, as_owner: Client, conversation: Conversation) -> None:
        chosen = {"first": "2", "last": "4", "days": "3", "with_names": "on"}
        path = f"/conversations/{conversation.pk}/share/"
        preview = as_owner.get(path, chosen, headers=HTMX)
        (token,) = TOKEN.findall(words(as_owner.post(f"{path}make/", chosen)))
        assert fragment(seen(token)) == fragment(preview)
        assert "How often do we review norms?" not in fragment(preview)

    def test_of_the_whole_ends_with_what_was_said_by_then(
        self, owner: User, conversation: Conversation
    ) -> None:
        token = make(owner, conversation)
        add(conversation, "LATER-WORDS", by="client", sender=owner)
        page = words(seen(token))
        assert "How often do we review norms?" in page
        assert "The team lead" in page
        assert "LATER-WORDS" not in page

    @pytest.mark.parametrize(
        ("chosen", "problem"),
        [
            ({"first": 4, "last": 2, "days": 7}, "comes before"),
            ({"first": 1, "last": 5, "days": 91}, "less than or equal to 90"),
            ({"first": 1, "last": 5, "days": 0}, "greater than or equal to 1"),
            ({"first": 3, "last": 5, "days": 7}, "Select a valid choice"),
        ],
    )
    def test_is_refused_with_a_reason(
        self, as_owner: Client, conversation: Conversation, chosen: dict[str, int], problem: str
    ) -> None:
        response = as_owner.post(f"/conversations/{conversation.pk}/share/make/", chosen)
        assert response.status_code == 422
        assert problem in words(response)
        assert ShareLink.objects.count() == 0

    def test_never_lives_longer_than_90_days(self, owner: User, conversation: Conversation) -> None:
        make(owner, conversation, days=1000)
        link = ShareLink.objects.get()
        assert link.expires_at - link.created_at == timedelta(days=90)
        with pytest.raises(IntegrityError, match="90_days"), transaction.atomic():
            ShareLink.objects.update(expires_at=link.created_at + timedelta(days=90, seconds=1))

    def test_needs_something_that_was_said(self, as_owner: Client, owner: User) -> None:
        empty = begin(owner)
        assert "Nothing to share yet" in words(as_owner.get(f"/conversations/{empty.pk}/share/"))
        with pytest.raises(sharing.NothingToShare):
            make(owner, empty)
        assert ShareLink.objects.count() == 0

    def test_is_for_the_owner_alone(self, cast: Cast, conversation: Conversation) -> None:
        Conversation.objects.update(visibility="coached")
        for member in (cast.home.coach, cast.home.other_coach, cast.home.admin, cast.away.owner):
            browser = Client()
            browser.force_login(member)
            assert browser.get(f"/conversations/{conversation.pk}/share/").status_code == 404
            chosen = {"first": 1, "last": 5, "days": 7}
            assert browser.post(f"/conversations/{conversation.pk}/share/make/", chosen).status_code == 404
        assert ShareLink.objects.count() == 0

    def test_warns_after_a_crisis(self, as_owner: Client, owner: User) -> None:
        troubled = begin(owner, visibility="private")
        say(owner, troubled, "I want to kill myself")
        assert "Read the preview with care" in words(as_owner.get(f"/conversations/{troubled.pk}/share/"))


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
        organizing.rename(member=owner, conversation_id=conversation.pk, title="TITLE-WORDS")
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

    def test_of_a_deleted_conversation_lives_again_when_that_comes_back(
        self, owner: User, conversation: Conversation
    ) -> None:
        token, now = make(owner, conversation), timezone.now()
        organizing.delete(member=owner, conversation_id=conversation.pk, now=now)
        assert seen(token).status_code == 404
        organizing.restore(member=owner, conversation_id=conversation.pk, now=now)
        assert seen(token).status_code == 200

    def test_an_archived_conversation_stays_shared(self, owner: User, conversation: Conversation) -> None:
        organizing.set_status(member=owner, conversation_id=conversation.pk, status="archived")
        assert seen(make(owner, conversation)).status_code == 200

    def test_a_conversation_id_opens_nothing(self, owner: User, conversation: Conversation) -> None:
        make(owner, conversation)
        browser = holder()
        assert browser.get(f"/s/{conversation.pk}/").status_code == 404
        assert browser.get(f"/conversations/{conversation.pk}/").status_code == 302
        stranger = Client()
        stranger.force_login(User.objects.get(email="amir@hillside.example"))
        assert stranger.get(f"/conversations/{conversation.pk}/").status_code == 404


class TestRevoking:
    def test_ends_a_link_with_the_next_request(
        self, as_owner: Client, owner: User, conversation: Conversation
    ) -> None:
        token, other = make(owner, conversation), make(owner, conversation)
        link = ShareLink.objects.earliest("created_at")
        assert seen(token).status_code == 200
        as_owner.post(f"/conversations/{conversation.pk}/share/{link.pk}/revoke/")
        assert seen(token).status_code == 404
        assert seen(other).status_code == 200
        revoked = AuditEvent.objects.filter(action="share.revoked")
        assert [event.actor_id for event in revoked] == [owner.pk]

    def test_a_second_time_changes_nothing(self, owner: User, conversation: Conversation) -> None:
        make(owner, conversation)
        link, now = ShareLink.objects.get(), timezone.now()
        for later in (now, now + timedelta(hours=1)):
            sharing.revoke(member=owner, conversation_id=conversation.pk, link_id=link.pk, now=later)
        link.refresh_from_db()
        assert link.revoked_at == now
        assert AuditEvent.objects.filter(action="share.revoked").count() == 1

    def test_is_for_the_owner_alone(self, cast: Cast, conversation: Conversation) -> None:
        token = make(cast.home.owner, conversation)
        link = ShareLink.objects.get()
        own = begin(cast.home.coach)
        for member, where in (
            (cast.home.coach, conversation),
            (cast.home.admin, conversation),
            (cast.home.coach, own),
        ):
            browser = Client()
            browser.force_login(member)
            response = browser.post(f"/conversations/{where.pk}/share/{link.pk}/revoke/")
            assert response.status_code == 404
        assert seen(token).status_code == 200

    def test_the_list_says_how_often_a_link_was_opened(
        self, as_owner: Client, owner: User, conversation: Conversation
    ) -> None:
        token = make(owner, conversation)
        page = words(as_owner.get(f"/conversations/{conversation.pk}/share/"))
        assert "Not opened yet" in page
        seen(token)
        seen(token)
        page = words(as_owner.get(f"/conversations/{conversation.pk}/share/"))
        assert "Opened 2 times" in page

    @pytest.mark.races
    def test_wins_over_holders_who_read_meanwhile(self, owner: User, conversation: Conversation) -> None:
        opened_after: list[int] = []
        for trial in range(100):
            token = make(owner, conversation)
            link = ShareLink.objects.latest("created_at")
            stopped, began = Event(), Event()

            def read(token: str = token, stopped: Event = stopped, began: Event = began) -> None:
                while not stopped.is_set():
                    try:
                        sharing.read(token=token, now=timezone.now())
                    except NotVisible:
                        break
                    finally:
                        began.set()
                connection.close()

            reader = Thread(target=read)
            reader.start()
            began.wait()
            sharing.revoke(member=owner, conversation_id=conversation.pk, link_id=link.pk, now=timezone.now())
            try:
                sharing.read(token=token, now=timezone.now())
                opened_after.append(trial)
            except NotVisible:
                pass
            stopped.set()
            reader.join()
        assert opened_after == []


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

    def test_1000_tokens_hit_nothing(self, owner: User, conversation: Conversation) -> None:
        make(owner, conversation)
        hits = 0
        for _guess in range(1000):
            try:
                sharing.read(token=token_urlsafe(32), now=timezone.now())
                hits += 1
            except NotVisible:
                pass
        assert hits == 0
        assert ShareLink.objects.get().views == 0

    def test_readers_of_a_good_link_are_not_counted(self, owner: User, conversation: Conversation) -> None:
        token = make(owner, conversation)
        browser = holder()
        assert {browser.get(f"/s/{token}/").status_code for _view in range(40)} == {200}


class TestTheChat:
    def test_leads_to_sharing(self, as_owner: Client, conversation: Conversation) -> None:
        page = words(as_owner.get(f"/conversations/{conversation.pk}/"))
        assert f'href="/conversations/{conversation.pk}/share/"' in page

    def test_an_episode_shows_holders_only_what_was_said(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "How do we begin?")
        handoff.ask_for_coach(member=cast.home.owner, conversation_id=conversation.pk, now=timezone.now())
        handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=timezone.now())
        page = words(seen(make(cast.home.owner, conversation)))
        assert "How do we begin?" in page
        assert "Ben Hart" not in page
        assert "has joined" not in page
