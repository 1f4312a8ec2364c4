"""A coach writes their AI in the dashboard: live preview, clear errors, and a client who meets it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from config.tests.conftest import Talk

pytestmark = [pytest.mark.browser, pytest.mark.processes]

SIZES = {"320": (320, 640), "1280": (1280, 900)}
SMALL_TARGETS = """() => [...document.querySelectorAll(".desk :is(a[href], button, input, textarea)")]
  .filter(e => e.checkVisibility({checkVisibilityCSS: true}) && e.type !== "hidden")
  .map(e => [e.outerHTML.slice(0, 90), e.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && (box.height < 43.9 || box.width < 43.9))
  .map(([html, box]) => `${html} ${box.width}x${box.height}`)"""


@pytest.fixture
def snap(artefacts: Path) -> Callable[[Page, str], None]:
    """Return a function that photographs a page of the dashboard in every size and scheme."""

    def take(page: Page, name: str) -> None:
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            for scheme in ("light", "dark"):
                page.evaluate("scheme => Alpine.$data(document.documentElement).switchTheme(scheme)", scheme)
                expect(page.locator(f"html.{scheme}")).to_have_count(1)
                page.evaluate(
                    "Promise.allSettled(document.getAnimations().map(each => each.finished)).then(() => true)"
                )
                page.screenshot(path=artefacts / f"{name}-{size}-{scheme}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} at {size}"
            assert page.evaluate(SMALL_TARGETS) == [], f"{name} at {size}"
        page.set_viewport_size({"width": 1280, "height": 900})

    return take


def test_a_coach_writes_their_ai_and_a_client_meets_it(talk: Talk, snap: Callable[[Page, str], None]) -> None:
    page = talk.window(talk.house.coach)
    page.goto("/admin/queue/")
    page.get_by_role("link", name="Your AI").click()
    expect(page.get_by_label("Name")).to_have_value("Ben's companion")
    expect(page.get_by_role("button", name="Preview")).to_be_hidden()
    page.get_by_label("Name").fill("Robin")
    page.get_by_label("About it").fill("I help new teams to find norms that hold.")
    expect(page.get_by_label("The beginning of the prompt")).to_contain_text(
        "You are Robin, the AI assistant of Ben Hart."
    )
    expect(page.get_by_label("The beginning of the prompt")).to_contain_text("I help new teams")
    snap(page, "preview")
    page.get_by_label("Words that always call you").fill("if\nclosing the school")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved yet.")
    expect(page.get_by_text("“if” is too short")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Robin")
    snap(page, "refused")
    page.get_by_label("Words that always call you").fill("closing the school")
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_text("Saved. It speaks so from its next answer on.")).to_be_visible()
    chat = talk.chat(talk.conversation().pk)
    expect(chat.locator("#text")).to_have_attribute("placeholder", "Write to Robin")
    assert [said for said in talk.complaints if "422" not in said] == []


def test_without_a_script_a_button_shows_the_preview(talk: Talk) -> None:
    page = talk.window(talk.house.coach, java_script_enabled=False)
    page.goto("/admin/persona/")
    page.get_by_label("Name").fill("Wren")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_label("The beginning of the prompt")).to_contain_text("You are Wren")
    expect(page.get_by_label("Name")).to_have_value("Wren")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. It speaks so from its next answer on.")).to_be_visible()
