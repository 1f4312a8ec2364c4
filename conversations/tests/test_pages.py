"""The educator's pages as they come from the server: who sees what, without a script and without a socket."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from accounts.tests.cast import House
from conversations import handoff, tasks
from conversations.models import Conversation, Feedback, Message
from conversations.presenting import Names, message_html, view_of
from conversations.tests.factories import begin, say, spoken

pytestmark = pytest.mark.django_db(transaction=True)

HTMX = {"HX-Request": "true"}
NAMES = Names(client="Ada Moss", persona="Companion")


@pytest.fixture
def as_owner(client: Client, owner: User) -> Client:
    """Return a browser in which Ada is signed in."""
    client.force_login(owner)
    return client


@pytest.fixture
def conversation(owner: User) -> Conversation:
    """Return Ada's conversation."""
    return begin(owner)


@pytest.fixture
def asked_to_answer(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the turns that a worker was asked to answer."""
    asked: list[str] = []
    monkeypatch.setattr(tasks.answer_turn, "delay_on_commit", lambda *, turn_id: asked.append(turn_id))
    return asked


def chat(conversation: Conversation, act: str = "") -> str:
    """Return the address of a conversation, or of something done to it."""
    return f"/conversations/{conversation.pk}/{act + '/' if act else ''}"


def text_of(response: Any) -> str:
    """Return the words of a page, without its markup."""
    page = re.sub(
        r"<(script|style|template)\b.*?</\1>|<[^>]+>", " ", response.content.decode(), flags=re.DOTALL
    )
    return " ".join(page.split())


def answer(conversation: Conversation, **values: Any) -> Message:
    """Return an unsaved answer of the AI."""
    return Message(conversation=conversation, sequence=2, sender_type="ai", **values)


class TestTheList:
    def test_an_empty_one_says_how_to_begin(self, as_owner: Client) -> None:
        page = text_of(as_owner.get("/"))
        assert "What is on your mind?" in page
        assert "New conversation" in page

    def test_says_which_wait_and_which_are_private(self, as_owner: Client, owner: User) -> None:
        waiting, private = begin(owner), begin(owner, visibility="private")
        handoff.ask_for_coach(member=owner, conversation_id=waiting.pk, now=timezone.now())
        rows = re.findall(r'<li class="row".*?</li>', as_owner.get("/").content.decode(), flags=re.DOTALL)
        said = {str(each.pk): next(row for row in rows if str(each.pk) in row) for each in (waiting, private)}
        assert "Waiting for a coach" in said[str(waiting.pk)]
        assert "Private" not in said[str(waiting.pk)]
        assert "Private" in said[str(private.pk)]

    def test_a_search_answers_with_the_list_alone(self, as_owner: Client, owner: User) -> None:
        for text in ("Norms for a team", "Exit tickets"):
            say(owner, begin(owner), text)
        response = as_owner.get("/", {"search": "NORMS"}, headers=HTMX)
        assert response.content.decode().lstrip().startswith('<div id="list">')
        assert "Norms for a team" in text_of(response)
        assert "Exit tickets" not in text_of(response)
        assert "Nothing found" in text_of(as_owner.get("/", {"search": "marmalade"}, headers=HTMX))

    def test_goes_on_where_the_page_ended(self, as_owner: Client, owner: User) -> None:
        start = datetime(2026, 1, 1, 12, tzinfo=UTC)
        for number in range(31):
            Conversation.objects.filter(pk=begin(owner).pk).update(
                title=f"Talk {number:02}", updated_at=start + timedelta(minutes=number)
            )
        page = as_owner.get("/").content.decode()
        assert page.count('<li class="row"') == 30
        more = re.search(r'hx-get="([^"]*before[^"]*)"', page)
        assert more is not None
        rest = as_owner.get(more[1].replace("&amp;", "&"), headers=HTMX).content.decode()
        assert rest.lstrip().startswith('<li class="row"')
        assert re.findall(r'item__title">([^<]*)<', rest) == ["Talk 00"]

    def test_shows_how_an_answer_begins_without_its_markers(
        self, as_owner: Client, owner: User, conversation: Conversation
    ) -> None:
        say(owner, conversation, "What do [1] and *stars* mean?")
        assert "What do [1] and *stars* mean?" in text_of(as_owner.get("/"))
        written = "Your library says:\n\n> Begin with **one** question. [1][2]\n\n## Then\n- wait [3]."
        Message.objects.filter(sender_type="ai").update(content=written, state="complete")
        assert "Your library says: Begin with one question. Then wait. " in text_of(as_owner.get("/"))

    @pytest.mark.parametrize("role", ["coach", "admin"])
    def test_leads_who_coaches_to_the_queue(self, client: Client, home: House, role: str) -> None:
        client.force_login(getattr(home, role))
        (dashboard,) = re.findall(r'href="(/admin/[^"]*)"', client.get("/").content.decode())
        assert dashboard == "/admin/queue/"
        assert client.get(dashboard).status_code == 200

    def test_shows_nobody_elses(self, client: Client, conversation: Conversation, home: House) -> None:
        client.force_login(home.other_coach)
        assert str(conversation.pk) not in client.get("/").content.decode()

    def test_takes_as_many_queries_for_many_as_for_one(self, as_owner: Client, owner: User) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                as_owner.get("/")
            return len(captured)

        say(owner, begin(owner), "One")
        queries()
        for_one = queries()
        for _ in range(10):
            say(owner, begin(owner), "More")
        assert queries() == for_one


class TestAConversation:
    def test_is_shown_to_its_owner_with_everything_said(
        self, as_owner: Client, owner: User, conversation: Conversation
    ) -> None:
        say(owner, conversation, "How do we <b>begin</b>?")
        page = as_owner.get(chat(conversation)).content.decode()
        assert "How do we &lt;b&gt;begin&lt;/b&gt;?" in page
        assert 'http-equiv="refresh"' in page

    def test_is_missing_for_everybody_else(
        self, client: Client, conversation: Conversation, cast: Any
    ) -> None:
        for stranger in (cast.home.other_coach, cast.home.admin, cast.away.owner, cast.away.coach):
            client.force_login(stranger)
            assert client.get(chat(conversation)).status_code == 404
            assert client.post(chat(conversation, "visibility"), {"visibility": "private"}).status_code == 404
        conversation.refresh_from_db()
        assert conversation.visibility == "coached"

    def test_a_message_is_taken_from_a_plain_form_once(
        self, as_owner: Client, conversation: Conversation, asked_to_answer: list[str]
    ) -> None:
        form = {"client_id": str(uuid4()), "text": "How do we begin?"}
        for _ in range(2):
            assert as_owner.post(chat(conversation, "say"), form)["Location"] == chat(conversation)
        assert spoken(conversation) == [("client", "How do we begin?"), ("ai", "")]
        assert len(asked_to_answer) == 1

    def test_a_refused_message_stays_in_the_box(self, as_owner: Client, conversation: Conversation) -> None:
        form = {"client_id": str(uuid4()), "text": "a" * 20_001}
        response = as_owner.post(chat(conversation, "say"), form)
        assert response.status_code == 422
        assert "20,000 is the limit" in text_of(response)
        assert "a" * 20_001 in response.content.decode()
        assert spoken(conversation) == []

    def test_how_things_stand_comes_alone_for_htmx(
        self, as_owner: Client, owner: User, conversation: Conversation
    ) -> None:
        handoff.ask_for_coach(member=owner, conversation_id=conversation.pk, now=timezone.now())
        response = as_owner.get(chat(conversation), headers=HTMX)
        assert response.content.decode().startswith('<div class="situation"')
        assert "Waiting for Ben Hart." in text_of(response)
        assert "Cancel" in text_of(response)

    def test_a_crisis_cannot_be_cancelled_and_asks_for_consent(self, as_owner: Client, owner: User) -> None:
        private = begin(owner, visibility="private")
        say(owner, private, "I want to kill myself")
        page = as_owner.get(chat(private)).content.decode()
        assert 'href="tel:5550100"' in page
        assert "Let them read it" in page
        assert chat(private, "cancel-request") not in page
        as_owner.post(chat(private, "consent"))
        assert "Let them read it" not in as_owner.get(chat(private)).content.decode()

    def test_a_private_one_that_a_coach_may_read_does_not_say_that_nobody_does(
        self, as_owner: Client, owner: User
    ) -> None:
        conversation = begin(owner, visibility="private")
        page = f"/conversations/{conversation.pk}/"
        assert "Only you read this" in as_owner.get(page).content.decode()
        handoff.ask_for_coach(member=owner, conversation_id=conversation.pk, now=timezone.now())
        shown = as_owner.get(page).content.decode()
        assert "Only you read this" not in shown
        assert "Open to the coach while they help" in shown

    def test_an_archived_one_is_read_and_brought_back(
        self, as_owner: Client, conversation: Conversation
    ) -> None:
        as_owner.post(chat(conversation, "status"), {"status": "archived"})
        page = as_owner.get(chat(conversation))
        assert "This conversation is archived." in text_of(page)
        assert b'id="composer"' not in page.content
        as_owner.post(chat(conversation, "status"), {"status": "active"})
        assert b'id="composer"' in as_owner.get(chat(conversation)).content

    def test_a_deleted_one_is_offered_back_on_the_next_page_only(
        self, as_owner: Client, conversation: Conversation
    ) -> None:
        as_owner.post(chat(conversation, "delete"))
        assert as_owner.get(chat(conversation)).status_code == 404
        assert chat(conversation, "restore") in as_owner.get("/").content.decode()
        assert chat(conversation, "restore") not in as_owner.get("/").content.decode()
        as_owner.post(chat(conversation, "restore"))
        assert as_owner.get(chat(conversation)).status_code == 200

    def test_begins_with_a_chosen_question(self, as_owner: Client, asked_to_answer: list[str]) -> None:
        form = {"client_id": str(uuid4()), "text": "How do I close a meeting?"}
        response = as_owner.post("/conversations/", form)
        begun = Conversation.objects.get()
        assert response["Location"] == chat(begun)
        assert begun.title == "How do I close a meeting?"
        assert len(asked_to_answer) == 1


class TestAFirstQuestion:
    def test_pressed_twice_begins_one_conversation(
        self, as_owner: Client, asked_to_answer: list[str]
    ) -> None:
        form = {"client_id": str(uuid4()), "text": "How do we agree on norms?"}
        first, second = as_owner.post("/conversations/", form), as_owner.post("/conversations/", form)
        assert first.headers["Location"] == second.headers["Location"]
        assert spoken(Conversation.objects.get()) == [("client", "How do we agree on norms?"), ("ai", "")]
        assert len(asked_to_answer) == 1

    def test_another_question_of_the_same_page_begins_another(self, as_owner: Client) -> None:
        key = str(uuid4())
        for text in ("How do we agree on norms?", "How do we read results?"):
            as_owner.post("/conversations/", {"client_id": key, "text": text})
        assert Conversation.objects.count() == 2

    def test_asked_again_after_it_was_deleted_begins_a_new_one(self, as_owner: Client, owner: User) -> None:
        form = {"client_id": str(uuid4()), "text": "How do we agree on norms?"}
        as_owner.post("/conversations/", form)
        before = Conversation.objects.get()
        as_owner.post(chat(before, "delete"))
        after = as_owner.post("/conversations/", form).headers["Location"]
        assert after != chat(before)
        assert as_owner.get(after).status_code == 200


class TestFeedback:
    def test_a_thumb_and_its_reasons_are_kept_and_taken_back(
        self, as_owner: Client, owner: User, conversation: Conversation
    ) -> None:
        reply = say(owner, conversation, "How do we begin?").reply
        assert reply is not None
        Message.objects.filter(pk=reply.pk).update(state="complete", content="Begin with a question.")
        address = f"/messages/{reply.pk}/feedback/"
        asked = as_owner.post(address, {"score": "-1"}, headers=HTMX)
        assert "What was wrong?" in text_of(asked)
        told = as_owner.post(
            address, {"score": "-1", "reasons": ["inaccurate"], "comment": "No"}, headers=HTMX
        )
        assert "Thank you, that is noted." in text_of(told)
        assert list(Feedback.objects.values_list("score", "reasons", "comment")) == [
            (-1, ["inaccurate"], "No")
        ]
        as_owner.post(address, {"score": "0"}, headers=HTMX)
        assert Feedback.objects.count() == 0

    def test_is_for_the_owner(self, client: Client, owner: User, coach: User) -> None:
        reply = say(owner, begin(owner), "How do we begin?").reply
        assert reply is not None
        client.force_login(coach)
        assert client.post(f"/messages/{reply.pk}/feedback/", {"score": "1"}).status_code == 404
        assert Feedback.objects.count() == 0


class TestAMessage:
    def test_that_is_being_written_is_its_plain_text(self, conversation: Conversation) -> None:
        text = "**Begin** <i>here</i> [1]\n\n- and"
        html = message_html(view_of(answer(conversation, state="streaming", content=text), NAMES))
        assert '<p class="plain">**Begin** &lt;i&gt;here&lt;/i&gt; [1]\n\n- and</p>' in html
        assert f'data-length="{len(text)}"' in html
        assert "feedback" not in html

    def test_that_is_whole_is_rendered_and_can_be_rated(self, conversation: Conversation) -> None:
        html = message_html(view_of(answer(conversation, state="complete", content="**Begin**"), NAMES))
        assert "<strong>Begin</strong>" in html
        assert 'aria-label="Not helpful"' in html

    @pytest.mark.parametrize(
        ("state", "metadata", "content", "words"),
        [
            ("failed", {"error": "ProviderCut"}, "Begin", "The answer broke off. What had arrived is kept."),
            (
                "failed",
                {"error": "ProviderBusy"},
                "",
                "The AI is very busy just now. Try again in a minute.",
            ),
            ("failed", {}, "", "No answer came. Try again."),
            (
                "failed",
                {"interrupted": True},
                "Begin",
                "The answer was interrupted. What had arrived is kept.",
            ),
            ("stopped", {}, "Begin", "Stopped."),
            ("stopped", {}, "", "Stopped before it began."),
            ("complete", {}, "Begin", ""),
        ],
    )
    def test_says_in_words_why_it_is_not_whole(
        self, conversation: Conversation, state: str, metadata: dict[str, Any], content: str, words: str
    ) -> None:
        view = view_of(answer(conversation, state=state, content=content, metadata=metadata), NAMES)
        assert view.problem == words
        assert ("data-retry" in message_html(view)) is bool(words)

    @pytest.mark.parametrize(
        ("contact", "href"),
        [
            ("555 0100", "tel:5550100"),
            ("+44 (0)20 555", "tel:+44020555"),
            ("https://help.example/chat", "https://help.example/chat"),
            ("javascript:alert(1)", ""),
            ("text HOME to 555", ""),
        ],
    )
    def test_links_only_what_can_be_called_or_opened(
        self, conversation: Conversation, contact: str, href: str
    ) -> None:
        crisis = Message(
            conversation=conversation,
            sequence=3,
            sender_type="system",
            content="Here is help.",
            metadata={"kind": "crisis", "help_lines": [{"name": "Line", "contact": contact}]},
        )
        view = view_of(crisis, NAMES)
        assert [line.href for line in view.help_lines] == [href]
        assert contact in message_html(view)


def test_what_is_private_is_told_to_open_sockets_at_once(
    as_owner: Client, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[Any, dict[str, Any]]] = []

    async def show(conversation_id: Any, **values: Any) -> None:
        told.append((conversation_id, values))

    monkeypatch.setattr("conversations.announcing.show", show)
    response = as_owner.post(chat(conversation, "visibility"), {"visibility": "private"}, headers=HTMX)
    assert "Only you" in text_of(response)
    assert told == [(conversation.pk, {"sequence": 1, "with_state": True})]


def test_a_renamed_row_comes_back_alone(as_owner: Client, conversation: Conversation) -> None:
    response = as_owner.post(chat(conversation, "title"), {"title": "  Norms   that hold "}, headers=HTMX)
    assert 'item__title">Norms that hold<' in response.content.decode()
