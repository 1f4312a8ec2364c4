"""The coach's queue and console as people use them: live, with a second coach, and without a script."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import AuditEvent
from accounts.tests.factories import UserFactory
from config.tests.conftest import Talk
from conversations import handoff
from conversations.models import Conversation, Handoff, Message
from conversations.tests.factories import say

pytestmark = [pytest.mark.browser, pytest.mark.processes]

SIZES = {"320": (320, 600), "1280": (1280, 800)}
SCHEMES = ("light", "dark")
SMALL_TARGETS = """() => [...document.querySelectorAll(".desk :is(a[href], button, input, summary, textarea)")]
  .filter(e => e.checkVisibility({checkVisibilityCSS: true}) && !e.closest("p, .message__body, [hidden]"))
  .filter(e => e.type !== "hidden")
  .map(e => [e.outerHTML.slice(0, 90), e.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && (box.height < 43.9 || box.width < 43.9))
  .map(([html, box]) => `${html} ${box.width}x${box.height}`)"""

OFFLINE = """localStorage.getItem("online") || (window.WebSocket = class extends WebSocket {
  constructor(url) { super(String(url).replace("/ws/", "/nowhere/")); }
})"""
"""A page whose sockets lead nowhere until it is told that it is online."""


@pytest.fixture
def snap(artefacts: Path) -> Callable[[Page, str], None]:
    """Return a function that photographs a page in every size and scheme; nothing may stick out."""

    def take(page: Page, name: str) -> None:
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                page.evaluate("scheme => Alpine.$data(document.documentElement).switchTheme(scheme)", scheme)
                expect(page.locator(f"html.{scheme}")).to_have_count(1)
                page.wait_for_function("document.getAnimations().every(each => each.playState != 'running')")
                page.screenshot(path=artefacts / f"{name}-{size}-{scheme}.png")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} at {size}"
            assert page.evaluate(SMALL_TARGETS) == [], f"{name} at {size}"
        page.set_viewport_size({"width": 1280, "height": 800})

    return take


def ask(page: Page, text: str) -> None:
    """Write a message and send it with Enter."""
    box = page.locator("#text")
    box.fill(text)
    box.press("Enter")


def waiting(talk: Talk, *, minutes: int = 0) -> Conversation:
    """Return a shared conversation in which the owner asked something and then for her coach."""
    conversation = talk.conversation()
    say(talk.house.owner, conversation, "How do we begin a new team with norms that hold?")
    now = timezone.now() - timedelta(minutes=minutes)
    Message.objects.filter(conversation=conversation, sender_type="ai").update(
        content="Begin with what you saw, and ask. Start each meeting by reading the norms aloud.",
        state="complete",
    )
    conversation.interactions.update(state="done", lease_until=None)
    handoff.ask_for_coach(member=talk.house.owner, conversation_id=conversation.pk, now=now)
    return conversation


def test_somebody_asks_and_the_queue_shows_it_at_once(talk: Talk, snap: Callable[[Page, str], None]) -> None:
    queue = talk.window(talk.house.coach)
    queue.goto("/admin/queue/")
    expect(queue.get_by_text("Nobody is waiting for you.")).to_be_visible()
    snap(queue, "empty")
    chat = talk.chat(talk.conversation().pk)
    chat.get_by_role("button", name="Ask for a coach").click()
    row = queue.locator(".wait")
    expect(row.get_by_role("heading", name="Ada Moss")).to_be_visible()
    expect(row).to_contain_text("The client asked")
    expect(queue.locator("#announcer")).to_have_text("Ada Moss needs a person: The client asked.")
    expect(queue.locator("#waiting-badge")).to_contain_text("1")
    expect(queue).to_have_title("(1) Queue | Sideline")
    chat.get_by_role("button", name="Cancel").click()
    expect(queue.get_by_text("Nobody is waiting for you.")).to_be_visible()
    expect(queue).to_have_title("Queue | Sideline")
    assert talk.complaints == []


def test_the_queue_by_urgency(talk: Talk, snap: Callable[[Page, str], None]) -> None:
    waiting(talk, minutes=95)
    private = talk.conversation(visibility="private")
    say(talk.house.owner, private, "I want to kill myself")
    taken = waiting(talk, minutes=3)
    handoff.take_over(coach=talk.house.coach, conversation_id=taken.pk, now=timezone.now())
    page = talk.window(talk.house.coach)
    page.goto("/admin/queue/")
    reasons = page.locator(".wait .wait__reason")
    expect(reasons).to_have_text(["Crisis", "The client asked", "The client asked"])
    expect(page.locator(".wait").first).to_contain_text("the words stay hidden until Ada Moss agrees")
    expect(page.locator(".wait").nth(1).get_by_text("Overdue")).to_be_visible()
    expect(page.get_by_text("kill")).to_have_count(0)
    snap(page, "queue")
    page.get_by_role("button", name="Take over from the AI for Ada Moss").first.press("Enter")
    expect(page.get_by_text("You have this conversation.")).to_be_visible()
    assert talk.complaints == []


def test_a_coach_takes_over_answers_and_hands_back(talk: Talk, snap: Callable[[Page, str], None]) -> None:
    conversation = waiting(talk, minutes=7)
    chat = talk.chat(conversation.pk)
    desk = talk.window(talk.house.coach)
    desk.goto(f"/admin/queue/{conversation.pk}/")
    expect(desk.locator("#presence")).to_contain_text("here now")
    expect(desk.locator(".brief__lines")).to_contain_text("Ada Moss pressed “Ask for a coach”.")
    snap(desk, "waiting")
    chat.locator("#text").press_sequentially("Are you")
    expect(desk.locator("#status-text")).to_have_text("Ada Moss is typing…")
    desk.get_by_role("button", name="Draft a reply").click()
    expect(desk.locator("#text")).to_have_value(re.compile("^Start with"))
    expect(desk.locator("#draft-about")).to_contain_text("The Team Handbook")
    snap(desk, "drafted")
    desk.locator("#text").press("Control+End")
    desk.locator("#text").press_sequentially(" Shall we talk?")
    desk.locator("#text").press("Enter")
    expect(desk.get_by_text("You have this conversation.")).to_be_visible()
    expect(chat.get_by_text("Shall we talk?")).to_be_visible()
    said = Message.objects.get(conversation=conversation, sender_type="human_coach")
    assert said.metadata["drafted_by_ai"] is True
    assert said.metadata["edit_distance"] == len(" Shall we talk?")
    ask(chat, "Yes please")
    expect(desk.get_by_text("Yes please")).to_be_visible()
    snap(desk, "with-me")
    desk.get_by_role("button", name="Hand back to the AI").click()
    expect(desk.get_by_text("Nobody has asked for a person; you read along.")).to_be_visible()
    expect(chat.locator("#log").get_by_text("Ben Hart has handed the conversation back")).to_be_visible()
    ask(chat, "What did we agree?")
    expect(desk.locator(".message--ai")).to_have_count(2)
    assert talk.complaints == []


def test_a_second_coach_is_told_who_has_it_and_keeps_the_text(
    talk: Talk, snap: Callable[[Page, str], None]
) -> None:
    conversation = waiting(talk, minutes=40)
    Handoff.objects.update(escalated_at=timezone.now())
    second = talk.window(talk.house.other_coach)
    second.goto(f"/admin/queue/{conversation.pk}/")
    expect(second.get_by_role("heading", name="You see the words when you take over")).to_be_visible()
    expect(second.locator("[data-sender]")).to_have_count(0)
    snap(second, "escalated")
    second.locator("#text").fill("Hello Ada, this is Cleo.")
    first = talk.window(talk.house.coach)
    first.goto(f"/admin/queue/{conversation.pk}/")
    first.get_by_role("button", name="Take over").click()
    expect(first.get_by_text("You have this conversation.")).to_be_visible()
    expect(second.locator("#standing")).to_contain_text("Ben Hart has this conversation.")
    expect(second.get_by_role("heading", name="Ben Hart has this conversation")).to_be_visible()
    second.locator("#text").press("Enter")
    expect(second.locator("#refusal")).to_have_text("Ben Hart already has this conversation.")
    expect(second.locator("#text")).to_have_value("Hello Ada, this is Cleo.")
    snap(second, "taken-by-another")
    assert not Message.objects.filter(conversation=conversation, sender=talk.house.other_coach).exists()
    assert talk.complaints == []


def test_a_private_conversation_opens_only_when_its_client_agrees(
    talk: Talk, snap: Callable[[Page, str], None]
) -> None:
    conversation = talk.conversation(visibility="private")
    chat = talk.chat(conversation.pk)
    ask(chat, "I want to kill myself")
    expect(chat.get_by_role("button", name="Let them read it")).to_be_visible()
    desk = talk.window(talk.house.coach)
    desk.goto(f"/admin/queue/{conversation.pk}/")
    expect(desk.get_by_role("heading", name="Ada Moss keeps this conversation private")).to_be_visible()
    snap(desk, "hidden")
    ask(desk, "I am here, Ada. Shall I call you?")
    expect(chat.get_by_text("Shall I call you?")).to_be_visible()
    expect(desk.get_by_text("Shall I call you?")).to_be_visible()
    expect(desk.get_by_text("kill")).to_have_count(0)
    desk.locator("#text").fill("Half a sentence")
    chat.get_by_role("button", name="Let them read it").click()
    expect(desk.get_by_text("I want to kill myself").first).to_be_visible()
    expect(desk.locator("#text")).to_have_value("Half a sentence")
    snap(desk, "agreed")
    assert talk.complaints == []


def test_without_a_script_the_forms_do_everything(talk: Talk) -> None:
    conversation = waiting(talk)
    desk = talk.window(talk.house.coach, java_script_enabled=False)
    desk.goto("/admin/queue/")
    desk.get_by_role("link", name="Open the conversation of Ada Moss").first.click()
    expect(desk.get_by_text("How do we begin a new team").first).to_be_visible()
    desk.locator("#text").fill("Hello Ada,")
    desk.get_by_role("button", name="Draft a reply").click()
    expect(desk.locator("#text")).to_have_value(re.compile(r"^Hello Ada,\s+Start with"))
    desk.get_by_role("button", name="Send").click()
    expect(desk.get_by_text("You have this conversation.")).to_be_visible()
    expect(desk.locator(".message--coach")).to_have_count(1)
    desk.get_by_role("button", name="Hand back to the AI").click()
    expect(desk.get_by_role("button", name="Take over")).to_be_visible()
    said = Message.objects.get(conversation=conversation, sender_type="human_coach")
    assert said.metadata["drafted_by_ai"] is True


def test_presence_survives_a_tab_in_the_background_and_a_lost_connection(talk: Talk) -> None:
    conversation = waiting(talk)
    chat = talk.chat(conversation.pk)
    desk = talk.window(talk.house.coach)
    desk.goto(f"/admin/queue/{conversation.pk}/")
    expect(desk.locator("#presence")).to_contain_text("here now")
    chat.context.new_page().bring_to_front()
    expect(desk.locator("#presence")).to_contain_text("here now")
    desk.context.set_offline(True)
    desk.evaluate("window.dispatchEvent(new Event('offline'))")
    chat.close()
    desk.context.set_offline(False)
    expect(desk.locator("#presence")).to_have_text("away")


def test_each_visit_is_recorded_and_the_refused_look_like_nothing(talk: Talk) -> None:
    conversation = waiting(talk)
    desk = talk.window(talk.house.coach)
    desk.goto(f"/admin/queue/{conversation.pk}/")
    resource = f"conversation:{conversation.pk}"
    assert AuditEvent.objects.filter(action="conversation.read", resource=resource).count() == 1
    stranger = talk.window(UserFactory.create(organization=talk.house.organization, role="coach"))
    answers = [stranger.goto(f"/admin/queue/{pk}/") for pk in (conversation.pk, uuid4())]
    assert [answer.status for answer in answers if answer] == [404, 404]
    assert AuditEvent.objects.filter(action="conversation.read", resource=resource).count() == 1


def test_a_message_that_waits_keeps_its_draft_over_a_reload(talk: Talk) -> None:
    conversation = waiting(talk)
    desk = talk.window(talk.house.coach)
    desk.add_init_script(OFFLINE)
    desk.goto(f"/admin/queue/{conversation.pk}/")
    desk.get_by_role("button", name="Draft a reply").click()
    expect(desk.locator("#text")).to_have_value(re.compile("^Start with"))
    desk.reload()
    expect(desk.locator("#draft-text")).to_have_value(re.compile("^Start with"))
    desk.locator("#text").press("Enter")
    expect(desk.get_by_text("Will be sent when the connection is back")).to_be_visible()
    desk.evaluate("localStorage.setItem('online', 'yes')")
    desk.reload()
    expect(desk.get_by_text("You have this conversation.")).to_be_visible()
    said = Message.objects.get(conversation=conversation, sender_type="human_coach")
    assert (said.metadata["drafted_by_ai"], said.metadata["edit_distance"]) == (True, 0)
