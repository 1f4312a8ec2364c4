"""What an owner does with share links: choose, preview, make, list, revoke."""

import hashlib
import re
from datetime import timedelta
from threading import Event, Thread

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.test import Client
from django.utils import timezone

from accounts.access import NotVisible
from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast
from conversations import sharing
from conversations.models import Conversation
from conversations.outward import ShareLink
from conversations.tests.factories import add, begin, say
from conversations.tests.links import TOKEN, fragment, make, seen, told_conversation, words

pytestmark = pytest.mark.django_db(transaction=True)

HTMX = {"HX-Request": "true"}


@pytest.fixture
def conversation(owner: User) -> Conversation:
    """Return Ada's conversation."""
    return told_conversation(owner)


@pytest.fixture
def as_owner(client: Client, owner: User) -> Client:
    """Return a browser in which Ada is signed in."""
    client.force_login(owner)
    return client


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

    def test_twice_in_a_row_is_one_link(self, as_owner: Client, conversation: Conversation) -> None:
        press = self.button(as_owner, conversation)
        first, second = (TOKEN.findall(words(as_owner.post(*press))) for _ in "ab")
        assert first == second
        assert seen(first[0]).status_code == 200
        assert ShareLink.objects.count() == 1
        assert AuditEvent.objects.filter(action="share.made").count() == 1

    @pytest.mark.parametrize("change", [{"days": "8"}, {"first": "2"}, {"with_names": "on"}, {"key": ""}])
    def test_with_another_choice_is_another_link(
        self, as_owner: Client, conversation: Conversation, change: dict[str, str]
    ) -> None:
        path, chosen = self.button(as_owner, conversation)
        tokens = {TOKEN.findall(words(as_owner.post(path, each)))[0] for each in (chosen, chosen | change)}
        assert len(tokens) == ShareLink.objects.count() == 2

    def test_once_more_after_it_was_revoked_is_a_new_one(
        self, as_owner: Client, owner: User, conversation: Conversation
    ) -> None:
        press = self.button(as_owner, conversation)
        as_owner.post(*press)
        link = ShareLink.objects.get()
        sharing.revoke(member=owner, conversation_id=conversation.pk, link_id=link.pk, now=timezone.now())
        (token,) = TOKEN.findall(words(as_owner.post(*press)))
        assert seen(token).status_code == 200

    def test_once_more_after_it_expired_is_a_new_one_and_then_that(
        self, as_owner: Client, conversation: Conversation
    ) -> None:
        press = self.button(as_owner, conversation)
        as_owner.post(*press)
        week = timedelta(days=7)
        ShareLink.objects.update(created_at=F("created_at") - week, expires_at=F("expires_at") - week)
        first, second = (TOKEN.findall(words(as_owner.post(*press)))[0] for _ in "ab")
        assert first == second
        assert seen(first).status_code == 200
        assert ShareLink.objects.count() == 2
        assert AuditEvent.objects.filter(action="share.made").count() == 2

    def button(self, browser: Client, conversation: Conversation) -> tuple[str, dict[str, str]]:
        """Return where the button of the previewed page leads, and what it sends."""
        path = f"/conversations/{conversation.pk}/share/"
        form = words(browser.get(path)).partition(f'action="{path}make/"')[2].partition("</form>")[0]
        sent = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        return f"{path}make/", {name: sent[name] for name in ("key", "first", "last", "days")}

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


class TestAllLinks:
    def test_are_listed_with_their_conversations_and_can_be_revoked_there(
        self, as_owner: Client, cast: Cast, conversation: Conversation
    ) -> None:
        owner = cast.home.owner
        assert "Nothing is shared" in words(as_owner.get("/links/"))
        token = make(owner, conversation)
        make(owner, conversation, now=timezone.now() - timedelta(days=8))
        foreign = begin(cast.home.coach)
        add(foreign, "Mine.", by="client", sender=cast.home.coach)
        make(cast.home.coach, foreign)
        page = words(as_owner.get("/links/"))
        assert page.count("/revoke/") == 1
        link = ShareLink.objects.get(conversation=conversation, expires_at__gt=timezone.now())
        response = as_owner.post(
            f"/conversations/{conversation.pk}/share/{link.pk}/revoke/", {"from_all": "1"}
        )
        assert response.headers["Location"] == "/links/"
        assert seen(token).status_code == 404
        assert "Nothing is shared" in words(as_owner.get("/links/"))


class TestTheChat:
    def test_leads_to_sharing(self, as_owner: Client, conversation: Conversation) -> None:
        page = words(as_owner.get(f"/conversations/{conversation.pk}/"))
        assert f'href="/conversations/{conversation.pk}/share/"' in page
