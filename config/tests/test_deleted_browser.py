"""A deletion is undone after a reload, in another tab and after a second one: with the keyboard, on a phone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from config.tests.conftest import Talk
from conversations import organizing
from conversations.models import Conversation

pytestmark = [pytest.mark.browser, pytest.mark.processes]

LOOKS = [(width, scheme) for width in (320, 1280) for scheme in ("light", "dark")]
SMALL_TARGETS = """() => [...document.querySelectorAll("main button, main a[href], main .choice")]
  .filter(e => e.checkVisibility({checkVisibilityCSS: true}))
  .map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && (box.height < 43.9 || box.width < 43.9))
  .map(([html, box]) => `${html} ${box.width}x${box.height}`)"""


@pytest.fixture
def snap(artefacts: Path) -> Callable[[Page, str], None]:
    """Return a function that photographs a page on a phone and a desk, by day and by night."""

    def take(page: Page, name: str) -> None:
        for width, scheme in LOOKS:
            page.set_viewport_size({"width": width, "height": 700})
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            page.evaluate(
                "Promise.allSettled(document.getAnimations().map(each => each.finished)).then(() => true)"
            )
            page.screenshot(path=artefacts / f"{name}-{width}-{scheme}.png")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width)
            assert page.evaluate(SMALL_TARGETS) == [], (name, width)

    return take


def begun(talk: Talk, title: str) -> Conversation:
    """Return a conversation of the owner."""
    conversation = talk.conversation()
    return organizing.rename(
        member=talk.house.owner, conversation_id=conversation.pk, title=title, now=timezone.now()
    )


def delete(page: Page, title: str) -> None:
    """Delete a conversation from the list."""
    page.get_by_label(f"More for “{title}”").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The conversation was deleted.")).to_be_visible()


def test_deleted_conversations_are_brought_back(talk: Talk, snap: Callable[[Page, str], None]) -> None:
    for title in ("Norms that hold in a team of new teachers", "Reading results together"):
        begun(talk, title)
    page = talk.window(talk.house.owner)
    page.goto("/")
    delete(page, "Norms that hold in a team of new teachers")
    snap(page, "deleted-notice")
    delete(page, "Reading results together")
    page.reload()
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    other = page.context.new_page()
    other.goto("/")
    other.get_by_role("radio", name="Recently deleted").focus()
    other.keyboard.press("Space")
    back = other.get_by_role("button", name="Bring back “Norms that hold in a team of new teachers”")
    expect(back).to_be_visible()
    expect(other.locator(".row--deleted")).to_have_count(2)
    snap(other, "deleted-list")
    back.focus()
    other.keyboard.press("Enter")
    expect(other.get_by_text("The conversation is back.")).to_be_visible()
    expect(other.get_by_role("link", name="Norms that hold in a team of new teachers")).to_be_visible()
    assert talk.complaints == []
