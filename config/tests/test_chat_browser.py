"""The educator's chat in a real browser, against real processes: what is typed, streamed, cut, stopped and shared."""

import re
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import Page, WebSocketRoute, expect

from config.tests.conftest import Talk
from config.tests.talking import ANSWER
from conversations import handoff, organizing
from conversations.events import Beat
from conversations.models import Conversation, Feedback, Handoff, Interaction, Message
from conversations.tests.factories import say

pytestmark = [pytest.mark.browser, pytest.mark.processes]

QUESTION = "How do we start a new team well?"
FIRST_WORDS = "Start with **one question** that matters to all of you, and decide"


class Line:
    """The way of a page's sockets to the server: the first can go dead, and neither end is told."""

    def __init__(self) -> None:
        self.first: WebSocketRoute | None = None
        self.is_dead = False
        self.asked = 0

    def connect(self, socket: WebSocketRoute) -> None:
        """Lead a socket to the server."""
        server = socket.connect_to_server()
        if self.first is None:
            self.first = socket
            server.on_message(lambda frame: None if self.is_dead else socket.send(frame))
            socket.on_message(lambda frame: self.lose() if self.is_dead else server.send(frame))

    def goes_dead(self) -> None:
        """Lose what is sent from now on."""
        self.is_dead = True

    def lose(self) -> None:
        """Count what the page sent in vain."""
        self.asked += 1

    def beat(self) -> None:
        """Let the page hear what the server says when there is nothing to say."""
        assert self.first is not None
        self.first.send(Beat().encode().decode())


def ask(page: Page, text: str) -> None:
    """Write a message and send it with Enter."""
    page.get_by_label("Your message").fill(text)
    page.get_by_label("Your message").press("Enter")


def complete(page: Page) -> None:
    """Wait until the last answer is whole."""
    expect(page.locator("#announcer")).to_have_text("The answer is complete.")


def spoken(conversation: Conversation) -> list[tuple[str, str]]:
    """Return who said what, in order, as the database has it."""
    rows = Message.objects.filter(conversation=conversation).order_by("sequence")
    return list(rows.values_list("sender_type", "content"))


def test_an_answer_streams_as_plain_text_and_ends_with_its_sources(talk: Talk) -> None:
    conversation = talk.conversation()
    page = talk.chat(conversation.pk)
    page.get_by_label("Your message").press_sequentially("How do we start?")
    page.get_by_label("Your message").press("Shift+Enter")
    page.get_by_label("Your message").press_sequentially("hostile, and wait")
    page.get_by_label("Your message").press("Enter")
    streaming = page.locator(".message--streaming .plain")
    expect(streaming).to_contain_text('<img src="x" onerror="document.title = \'owned\'"> & <b>bold</b>')
    expect(page.locator("#announcer")).to_have_text("Ben's companion is writing.")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    assert page.get_by_label("Your message").input_value() == ""
    assert page.evaluate("document.activeElement.id") == "text"
    talk.open_gate()
    complete(page)
    expect(page.locator(".message--streaming")).to_have_count(0)
    expect(page.locator(".message--ai strong")).to_have_text("one question")
    expect(page.locator(".message--ai .citation")).to_have_text(["1", "2", "1", "2"])
    expect(page.locator(".source")).to_have_count(2)
    expect(page.locator(".message--ai img")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_have_text("How do we start? hostile, and wait")
    assert page.title() == "How do we start? hostile, and wait · Sideline"
    assert spoken(conversation)[0] == ("client", "How do we start?\nhostile, and wait")
    assert talk.complaints == []


def test_a_suggested_question_is_asked_with_one_press(talk: Talk) -> None:
    conversation = talk.conversation()
    page = talk.chat(conversation.pk)
    page.get_by_role("button", name="How do I close a meeting?").click()
    complete(page)
    assert spoken(conversation) == [("client", "How do I close a meeting?"), ("ai", ANSWER)]
    expect(page.locator("#welcome")).to_have_count(0)


def test_stop_keeps_what_was_written_and_try_again_answers(talk: Talk) -> None:
    conversation = talk.conversation()
    page = talk.chat(conversation.pk)
    ask(page, f"{QUESTION} Please wait.")
    expect(page.locator(".message--streaming .plain")).to_contain_text("and decide")
    page.keyboard.press("Escape")
    expect(page.locator(".message__problem")).to_contain_text("Stopped.")
    assert spoken(conversation)[1] == ("ai", FIRST_WORDS)
    talk.open_gate()
    page.get_by_role("button", name="Try again").click()
    complete(page)
    expect(page.locator(".message--ai")).to_have_count(2)
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    assert spoken(conversation)[2] == ("ai", ANSWER)


def test_two_windows_show_the_same_and_a_late_one_catches_up(talk: Talk) -> None:
    conversation = talk.conversation()
    first, second = talk.chat(conversation.pk), talk.chat(conversation.pk)
    ask(first, "Please wait for us.")
    expect(second.locator(".message--streaming .plain")).to_contain_text("and decide")
    late = talk.chat(conversation.pk)
    expect(late.locator(".message--streaming .plain")).to_contain_text("and decide")
    talk.open_gate()
    for page in (first, second, late):
        complete(page)
    shown = [page.locator("#messages").inner_text() for page in (first, second, late)]
    assert shown[0] == shown[1] == shown[2]
    assert talk.complaints == []


def test_a_message_written_without_a_connection_is_sent_once_when_it_is_back(talk: Talk) -> None:
    conversation = talk.conversation()
    page = talk.chat(conversation.pk)
    ask(page, QUESTION)
    complete(page)
    talk.stack.web.kill()
    expect(page.get_by_text("Connection lost. Reconnecting…")).to_be_visible()
    ask(page, "And what then?")
    expect(page.get_by_text("Will be sent when the connection is back")).to_be_visible()
    talk.stack.start_web()
    expect(page.locator(".message--ai")).to_have_count(2, timeout=30_000)
    complete(page)
    assert [text for sender, text in spoken(conversation) if sender == "client"] == [
        QUESTION,
        "And what then?",
    ]
    expect(page.locator(".message--client")).to_have_count(2)
    expect(page.get_by_text("Connection lost")).to_have_count(0)


def test_a_network_that_is_gone_is_told_to_who_only_waits(talk: Talk) -> None:
    page = talk.chat()
    ask(page, QUESTION)
    complete(page)
    page.context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("The connection is lost. Reconnecting.")
    page.context.set_offline(False)
    expect(page.locator("#announcer")).to_have_text("Connected.")
    expect(page.get_by_text("You are offline.")).to_have_count(0)


def test_a_connection_that_dies_unnoticed_is_given_up_within_a_minute_by_who_only_waits(talk: Talk) -> None:
    conversation = talk.conversation()
    page = talk.window(talk.house.owner)
    page.clock.install()
    line = Line()
    page.route_web_socket("**/ws/conversations/**", line.connect)
    page.goto(f"/conversations/{conversation.pk}/")
    ask(page, QUESTION)
    complete(page)
    line.goes_dead()
    handoff.say_as_coach(
        coach=talk.house.coach,
        conversation_id=conversation.pk,
        client_id=uuid4(),
        text="I am here.",
        now=timezone.now(),
    )
    for _ in range(2):
        page.clock.fast_forward("00:40")
        line.beat()
    assert line.asked == 0
    page.clock.fast_forward("00:50")
    expect(page.locator("#status")).to_be_hidden()
    page.clock.fast_forward("00:10")
    expect(page.locator("#announcer")).to_have_text("The connection is lost. Reconnecting.")
    expect(page.get_by_text("I am here.")).to_be_visible()
    assert line.asked == 1


def test_a_draft_outlives_a_reload_and_the_end_of_the_session(talk: Talk) -> None:
    page = talk.chat()
    page.get_by_label("Your message").fill("Half a thought")
    page.reload()
    assert page.get_by_label("Your message").input_value() == "Half a thought"
    Session.objects.all().delete()
    expect(page.get_by_role("link", name="Sign in again")).to_be_visible()
    assert page.get_by_label("Your message").input_value() == "Half a thought"
    assert "/accounts/login/?next=/conversations/" in str(
        page.get_by_role("link", name="Sign in again").get_attribute("href")
    )


def test_a_conversation_deleted_elsewhere_says_so(talk: Talk) -> None:
    conversation = talk.conversation()
    page = talk.chat(conversation.pk)
    expect(page.locator("#status")).to_be_hidden()
    organizing.delete(member=talk.house.owner, conversation_id=conversation.pk, now=timezone.now())
    expect(page.locator("#status")).to_contain_text("This conversation is no longer available.")


def test_a_message_that_is_too_long_stays_in_the_box(talk: Talk) -> None:
    conversation = talk.conversation()
    page = talk.chat(conversation.pk)
    ask(page, "é" * 20_010)
    expect(page.get_by_role("alert")).to_contain_text("10 characters too long; 20,000 is the limit")
    expect(page.locator("#counter")).to_have_text("20,010 of 20,000")
    assert len(page.get_by_label("Your message").input_value()) == 20_010
    assert spoken(conversation) == []


def test_a_coach_is_asked_for_cancelled_comes_and_goes(talk: Talk) -> None:
    conversation = talk.conversation()
    page = talk.chat(conversation.pk)
    page.get_by_role("button", name="Ask for a coach").click()
    expect(page.get_by_text("Waiting for Ben Hart.")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#log").get_by_text("You no longer wait for a coach.")).to_be_visible()
    expect(page.get_by_role("button", name="Ask for a coach")).to_be_visible()
    page.get_by_role("button", name="Ask for a coach").click()
    expect(page.get_by_text("Waiting for Ben Hart.")).to_be_visible()
    talk.as_coach(conversation.pk, "take-over")
    expect(page.get_by_text("Ben Hart is here.")).to_be_visible()
    expect(page.get_by_label("Your message")).to_have_attribute("placeholder", "Write to Ben Hart")
    ask(page, "Thank you for coming")
    expect(page.locator(".message--client").last).to_contain_text("Thank you for coming")
    talk.as_coach(conversation.pk, "hand-back")
    expect(page.locator("#log").get_by_text("Ben Hart has handed the conversation back")).to_be_visible()
    expect(page.get_by_text("Ben Hart is here.")).to_have_count(0)
    expect(page.locator(".message--ai")).to_have_count(0)
    assert talk.complaints == []


def test_in_private_a_request_says_first_what_it_opens(talk: Talk) -> None:
    conversation = talk.conversation(visibility="private")
    page = talk.chat(conversation.pk)
    page.get_by_text("Ask for a coach", exact=True).click()
    expect(page.get_by_text("can read all of it while they help you")).to_be_visible()
    page.keyboard.press("Escape")
    assert Handoff.objects.count() == 0
    page.get_by_text("Ask for a coach", exact=True).click()
    page.get_by_role("button", name="Ask, and let them read it").click()
    expect(page.get_by_text("Waiting for Ben Hart.")).to_be_visible()
    assert Handoff.objects.get().consented


def test_who_can_read_is_chosen_and_shown_in_words(talk: Talk) -> None:
    conversation = talk.conversation()
    page = talk.chat(conversation.pk)
    other = talk.chat(conversation.pk)
    page.get_by_text("Shared with Ben Hart").first.click()
    expect(page.get_by_text("Ben Hart can read this conversation and join it.")).to_be_visible()
    page.get_by_role("button", name="Keep it private from now on").click()
    expect(page.get_by_text("Only you", exact=True)).to_be_visible()
    expect(other.get_by_text("Only you", exact=True)).to_be_visible()
    assert Conversation.objects.get().visibility == "private"


def test_an_answer_is_rated_with_reasons(talk: Talk) -> None:
    page = talk.chat()
    ask(page, QUESTION)
    complete(page)
    page.get_by_role("button", name="Not helpful").click()
    page.get_by_label("Incomplete").check()
    page.get_by_label("Anything to add?").fill("More on time")
    page.locator(".feedback__why").get_by_role("button", name="Send").click()
    expect(page.get_by_text("Thank you, that is noted.")).to_be_visible()
    assert list(Feedback.objects.values_list("score", "reasons", "comment")) == [
        (-1, ["incomplete"], "More on time")
    ]
    page.reload()
    assert page.get_by_role("button", name="Not helpful").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Not helpful").click()
    expect(page.get_by_role("button", name="Not helpful")).to_have_attribute("aria-pressed", "false")
    assert Feedback.objects.count() == 0


def test_the_reader_is_never_moved_while_reading(talk: Talk) -> None:
    page = talk.chat(viewport={"width": 390, "height": 500})
    for _ in range(2):
        ask(page, QUESTION)
        complete(page)
    ask(page, "Please wait")
    expect(page.locator(".message--streaming .plain")).to_contain_text("and decide")
    page.locator("#log").evaluate("log => { log.scrollTop = 40 }")
    talk.open_gate()
    complete(page)
    assert page.locator("#log").evaluate("log => log.scrollTop") == 40
    page.get_by_role("button", name="Newest").click()
    assert page.locator("#log").evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight") < 2


def test_the_list_is_searched_renamed_and_undone(talk: Talk) -> None:
    for title in ("Norms for a new team", "Exit tickets"):
        Conversation.objects.filter(pk=talk.conversation().pk).update(title=title)
    page = talk.window(talk.house.owner)
    page.goto("/")
    page.get_by_label("Search in your conversations").press_sequentially("norms")
    expect(page.locator(".row")).to_have_count(1)
    assert page.evaluate("document.activeElement.id") == "search"
    expect(page).to_have_url(re.compile("search=norms"))
    page.get_by_label("More for").click()
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("New title").fill("How we begin")
    page.get_by_label("New title").press("Enter")
    expect(page.locator(".row .item__title")).to_have_text("How we begin")
    page.get_by_label("More for").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".row .item__title")).to_have_text("Exit tickets")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="How we begin")).to_be_visible()
    assert talk.complaints == []


def test_without_scripts_a_question_is_asked_and_answered(talk: Talk) -> None:
    conversation = talk.conversation()
    page = talk.chat(conversation.pk, java_script_enabled=False)
    page.get_by_label("Your message").fill(QUESTION)
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".message--ai strong")).to_have_text("one question", timeout=30_000)
    assert spoken(conversation) == [("client", QUESTION), ("ai", ANSWER)]
    page.get_by_text("More for this conversation").or_(
        page.get_by_label("More for this conversation")
    ).click()
    page.get_by_label("Title").fill("A new team")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("A new team")


def test_without_scripts_what_was_said_last_is_in_sight(talk: Talk) -> None:
    conversation = talk.conversation()
    for number in range(6):
        reply = say(talk.house.owner, conversation, f"Question {number}").reply
        assert reply is not None
        Message.objects.filter(pk=reply.pk).update(content="One paragraph.\n\n" * 8, state="complete")
        Interaction.objects.update(state="done")
    page = talk.chat(conversation.pk, java_script_enabled=False)
    expect(page.locator(".message--ai").last).to_be_in_viewport()
    expect(page.locator("#log").get_by_text("Question 0")).not_to_be_in_viewport()
    fresh = talk.chat(java_script_enabled=False)
    expect(fresh.get_by_text("An AI answers at once")).to_be_in_viewport()


@pytest.fixture
def phone(talk: Talk) -> Callable[[], Page]:
    """Return a function that opens a conversation on a phone."""
    return lambda: talk.chat(viewport={"width": 320, "height": 568}, has_touch=True, is_mobile=True)


def test_on_a_phone_the_other_conversations_are_in_a_drawer(phone: Callable[[], Page]) -> None:
    page = phone()
    expect(page.get_by_role("link", name="All conversations")).to_be_hidden()
    page.get_by_role("button", name="Your conversations").click()
    expect(page.get_by_role("link", name="All conversations")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="All conversations")).to_be_hidden()
    box = page.locator("#composer").bounding_box()
    assert box is not None
    assert round(box["y"] + box["height"]) == 568
