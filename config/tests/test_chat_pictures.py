"""The educator's pages as people see them: every state, on a phone and a desk, in the light and in the dark."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from config.tests.conftest import Talk
from conversations import handoff, organizing
from conversations.models import Conversation

pytestmark = [pytest.mark.browser, pytest.mark.processes]

SIZES = {"320": (320, 600), "390": (390, 844), "1280": (1280, 800)}
SCHEMES = ("light", "dark")
QUESTION = "How do we start a new team well?"
AT_REST = """async () => {
  for (let quiet = 0; quiet < 3; quiet += 1) {
    await new Promise(requestAnimationFrame);
    if (document.getAnimations().some(each => each.playState === "running")) quiet = -1;
  }
}"""
SMALL_TARGETS = """() => [...document.querySelectorAll("a[href], button, input, summary, textarea")]
  .filter(e => e.checkVisibility({checkVisibilityCSS: true}) && !e.closest("p, .message__body, [hidden]"))
  .filter(e => !["hidden", "radio", "checkbox"].includes(e.type))
  .map(e => [e.outerHTML.slice(0, 90), e.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && (box.height < 43.9 || box.width < 43.9))
  .map(([html, box]) => `${html} ${box.width}x${box.height}`)"""


def picture(page: Page, folder: Path, name: str) -> None:
    """Photograph a page in every size and scheme; nothing may stick out or be too small to touch."""
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.evaluate(AT_REST)
            page.screenshot(path=folder / f"{name}-{size}-{scheme}.png")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} at {size}"
        assert page.evaluate(SMALL_TARGETS) == [], f"{name} at {size}"
    page.set_viewport_size({"width": 1280, "height": 800})


@pytest.fixture
def snap(talk: Talk, artefacts: Path) -> Callable[[Page, str], None]:
    """Return a function that photographs a page; at the end no page may have complained."""
    return lambda page, name: picture(page, artefacts, name)


def ask(page: Page, text: str) -> None:
    """Write a message and send it with Enter."""
    page.get_by_label("Your message").fill(text)
    page.get_by_label("Your message").press("Enter")


def complete(page: Page) -> None:
    """Wait until the last answer is whole."""
    expect(page.locator("#announcer")).to_have_text("The answer is complete.")


def test_the_list_empty_and_full(talk: Talk, snap: Callable[[Page, str], None]) -> None:
    page = talk.window(talk.house.owner)
    page.goto("/")
    expect(page.get_by_role("button", name="What should I know about norms that hold?")).to_be_visible()
    snap(page, "empty-list")
    titles = [
        "Norms for a new team",
        "What to do when two colleagues stop talking to each other",
        "Exit tickets",
    ]
    made = [talk.conversation() for _ in titles]
    now = timezone.now()
    for number, (conversation, title) in enumerate(zip(made, titles, strict=True)):
        Conversation.objects.filter(pk=conversation.pk).update(
            title=title, updated_at=now - timedelta(hours=20 * number)
        )
    handoff.ask_for_coach(member=talk.house.owner, conversation_id=made[1].pk, now=now)
    organizing.set_visibility(
        member=talk.house.owner, conversation_id=made[2].pk, visibility="private", now=timezone.now()
    )
    page.goto("/")
    snap(page, "list")
    assert talk.complaints == []


def test_a_conversation_from_its_first_question_to_its_sources(
    talk: Talk, snap: Callable[[Page, str], None]
) -> None:
    page = talk.chat()
    expect(page.get_by_role("button", name="How do I close a meeting?")).to_be_visible()
    snap(page, "new")
    ask(page, f"{QUESTION} Please wait.")
    expect(page.locator(".message--streaming .plain")).to_contain_text("matters to all of you")
    snap(page, "streaming")
    talk.open_gate()
    complete(page)
    expect(page.locator(".source")).to_have_count(2)
    snap(page, "answered")
    page.locator(".citation").first.click()
    expect(page.get_by_role("dialog").locator("mark")).to_contain_text("Choose one question")
    snap(page, "source")
    page.keyboard.press("Escape")
    page.get_by_text("Shared with Ben Hart").first.click()
    snap(page, "who-reads")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Not helpful").click()
    page.get_by_label("Sources missing").check()
    snap(page, "feedback")
    assert talk.complaints == []


def test_what_goes_wrong(talk: Talk, snap: Callable[[Page, str], None]) -> None:
    page = talk.chat()
    ask(page, "How do we start? Please break.")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    snap(page, "failed")
    assert talk.complaints == []


def test_people(talk: Talk, snap: Callable[[Page, str], None]) -> None:
    conversation = talk.conversation()
    page = talk.chat(conversation.pk)
    ask(page, QUESTION)
    complete(page)
    page.get_by_role("button", name="Ask for a coach").click()
    expect(page.get_by_text("Waiting for Ben Hart.")).to_be_visible()
    snap(page, "waiting")
    talk.as_coach(conversation.pk, "take-over")
    talk.as_coach(
        conversation.pk,
        "speak",
        client_id="0190b5a0-0000-7000-8000-000000000001",
        text="Hello Ada, I read what you asked. Shall we look at *your* team first?",
    )
    expect(page.get_by_text("Ben Hart is here.")).to_be_visible()
    expect(page.get_by_text("Shall we look at")).to_be_visible()
    snap(page, "coach-here")
    assert talk.complaints == []


def test_the_drawer(talk: Talk, snap: Callable[[Page, str], None]) -> None:
    titles = ("Norms for a new team", "Exit tickets")
    for title in titles:
        Conversation.objects.filter(pk=talk.conversation().pk).update(title=title)
    page = talk.chat(viewport={"width": 390, "height": 844})
    page.get_by_role("button", name="Your conversations").click()
    expect(page.get_by_role("link", name="All conversations")).to_be_visible()
    snap(page, "drawer")
    expect(page.get_by_role("link", name="All conversations")).to_be_in_viewport()
    assert talk.complaints == []


def test_help_at_once(talk: Talk, snap: Callable[[Page, str], None]) -> None:
    conversation = talk.conversation(visibility="private")
    page = talk.chat(conversation.pk)
    ask(page, "I want to kill myself")
    expect(page.get_by_role("link", name="555 0100")).to_be_visible()
    expect(page.get_by_role("button", name="Let them read it")).to_be_visible()
    snap(page, "crisis")
    assert talk.complaints == []
