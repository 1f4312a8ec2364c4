"""The story that Sideline is for, from the first sign-in to the hand back, in two real browsers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from accounts.models import User
from config.demo import build_demo
from config.tests.stack import Stack
from conversations.models import Conversation, Handoff, Message

pytestmark = [pytest.mark.browser, pytest.mark.processes]

MODELS = {
    "CHAT_MODEL": "coaching.providers.extractive.from_settings",
    "EMBEDDING_MODEL": "coaching.providers.minilm.from_settings",
}
QUESTIONS = (
    "How often should our team review its norms, and how long does that take?",
    "How many items should a common assessment have?",
    "How long does the tuning protocol take, and what are its steps?",
)


@pytest.fixture
def demo_stack(start_stack: Callable[..., Stack], settings: Any) -> Stack:
    """Run web and worker over the demonstration, without any key."""
    settings.EMBEDDING_MODEL = MODELS["EMBEDDING_MODEL"]
    stack = start_stack(**MODELS)
    build_demo(say=lambda _line: None)
    return stack


@pytest.fixture
def late_browser(demo_stack: Stack, browser_type_launch_args: dict[str, Any]) -> Iterator[Browser]:
    """Return a browser started after the demonstration was built, which needs the event loop for itself."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(**browser_type_launch_args)
        yield launched
        launched.close()


def window(browser: Browser, stack: Stack, complaints: list[str], **options: Any) -> Page:
    """Return a page of a browser of its own; what it complains of is kept."""
    context = browser.new_context(
        **{
            "viewport": {"width": 1280, "height": 850},
            "locale": "en-GB",
            "base_url": stack.url,
            "reduced_motion": "reduce",
            **options,
        }
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    return page


def sign_in(page: Page, email: str) -> None:
    """Sign in as one of the demonstration's people, by the form."""
    page.goto("/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill("riverbend-demo")
    page.get_by_role("button", name="Sign in").click()


def ask(page: Page, question: str, *, answers: int) -> None:
    """Ask and wait until the answer is whole."""
    page.get_by_label("Your message").fill(question)
    page.get_by_label("Your message").press("Enter")
    expect(page.locator(".message--ai[data-state=complete]")).to_have_count(answers, timeout=30_000)


def open_cited_page(page: Page, picture: Path) -> None:
    """Open the page behind the last answer's first citation and see the quote marked on it."""
    page.locator(".message--ai").last.locator("a.citation").first.click()
    viewer = page.get_by_role("dialog")
    expect(viewer).to_contain_text("The Riverbend Handbook")
    expect(viewer.locator("mark").first).to_be_attached()
    expect(viewer.locator("img").first).to_be_visible()
    page.screenshot(path=picture)
    page.keyboard.press("Escape")
    expect(viewer).to_be_hidden()


def ask_three_questions(educator: Page, artefacts: Path) -> None:
    """Ask what the handbook answers, and open the page behind each answer."""
    educator.get_by_role("button", name="New conversation").first.click()
    # Until the page's script is there, Enter begins a new line, as in any box.
    educator.wait_for_url("**/conversations/*-*/")
    for number, question in enumerate(QUESTIONS, start=1):
        ask(educator, question, answers=number)
        educator.screenshot(path=artefacts / f"question-{number}.png")
        open_cited_page(educator, artefacts / f"cited-page-{number}.png")


def step_in_and_out(coach: Page, educator: Page, conversation: Conversation, artefacts: Path) -> None:
    """Take over in the coach's browser, reply, and hand back; the educator sees each step."""
    coach.goto(f"/admin/queue/{conversation.pk}/")
    coach.get_by_role("button", name="Take over").first.click()
    expect(educator.get_by_text("Daniel Okoro is here.")).to_be_visible()
    coach.get_by_label("Your message").fill("Begin with the norm that hurts most. You know which one it is.")
    coach.get_by_label("Your message").press("Enter")
    expect(educator.locator(".message--coach")).to_contain_text("the norm that hurts most")
    educator.screenshot(path=artefacts / "coach-here.png")
    coach.screenshot(path=artefacts / "console.png")
    coach.get_by_role("button", name="Hand back").first.click()
    expect(educator.locator("#log").get_by_text("has handed the conversation back")).to_be_visible()


def test_an_educator_asks_opens_the_pages_and_a_coach_steps_in_and_out(
    demo_stack: Stack, late_browser: Browser, artefacts: Path
) -> None:
    complaints: list[str] = []
    educator = window(late_browser, demo_stack, complaints)
    sign_in(educator, "tess@riverbend.example")
    ask_three_questions(educator, artefacts)
    educator.get_by_role("button", name="Ask for a coach").click()
    expect(educator.get_by_text("Waiting for Daniel Okoro.")).to_be_visible()
    educator.screenshot(path=artefacts / "waiting.png")

    coach = window(late_browser, demo_stack, complaints)
    sign_in(coach, "daniel@riverbend.example")
    coach.goto("/admin/queue/")
    expect(coach.get_by_text("Tess Alvarado").first).to_be_visible()
    coach.screenshot(path=artefacts / "queue.png")
    tess = User.objects.get(name="Tess Alvarado")
    conversation = Conversation.objects.filter(owner=tess).latest("updated_at")
    step_in_and_out(coach, educator, conversation, artefacts)

    ask(educator, "So where do I begin with our norms on Monday?", answers=4)
    expect(educator.locator(".message--ai").last).to_contain_text("Begin with the norm that hurts most.")
    educator.screenshot(path=artefacts / "after-the-handback.png")
    assert Handoff.objects.get(conversation=conversation).state == "returned"
    assert not Message.objects.filter(conversation=conversation, state="streaming").exists()
    assert complaints == []
