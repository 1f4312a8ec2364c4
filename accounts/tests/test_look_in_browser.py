"""The look in a real browser: phone and desk, light and dark, keyboard, and a strict content policy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.entry_models import SignedIn
from accounts.models import User
from accounts.tests.cast import build_cast
from accounts.tests.factories import PASSWORD

pytestmark = [
    pytest.mark.browser,
    pytest.mark.urls("accounts.tests.urls"),
    pytest.mark.usefixtures("generated_menu"),
    pytest.mark.django_db(transaction=True),
]

SIZES = {"phone": (320, 640), "desk": (1280, 800)}
PAGES = {
    "sign-in": "/accounts/login/",
    "settings": "/settings/",
    "sign-out": "/accounts/logout/",
    "password": "/accounts/password/change/",
    "gallery": "/gallery/",
    "missing": "/nothing/",
}
SMALL_TARGETS = """() => [...document.querySelectorAll("a[href], button, input, summary, textarea, select")]
  .filter(e => e.offsetParent && !e.closest("p, dd, .message__body") && e.type !== "hidden" && e.type !== "radio")
  .map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && (box.height < 43.9 || box.width < 43.9))
  .map(([html, box]) => `${html} ${box.width}x${box.height}`)"""
NAMELESS = """() => [...document.querySelectorAll("a[href], button, summary, input:not([type=hidden]), textarea")]
  .filter(e => e.offsetParent)
  .filter(e => !(e.getAttribute("aria-label") || e.textContent.trim() || (e.labels && e.labels.length)))
  .map(e => e.outerHTML.slice(0, 80))"""


@pytest.fixture
def address(live_server: Any) -> str:
    """Return where the pages are; the cast lives there."""
    build_cast()
    return str(live_server.url)


@pytest.fixture
def open_page(browser: Browser, address: str) -> Callable[..., Page]:
    """Return a function that opens a window of a size and a colour scheme."""

    def open_(
        size: str = "desk",
        scheme: Literal["light", "dark"] = "light",
        *,
        signed_in: bool = True,
        **options: Any,
    ) -> Page:
        width, height = SIZES[size]
        context: Any = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",
            base_url=address,
            **options,
        )
        page: Page = context.new_page()
        if signed_in:
            page.goto("/accounts/login/?next=/settings/")
            page.get_by_label("Email").fill("ada@riverside.example")
            page.get_by_label("Password", exact=True).fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url("**/settings/")
        return page

    return open_


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_names_its_controls_and_obeys_the_policy(
    open_page: Callable[..., Page], artefacts: Path, size: str, scheme: str
) -> None:
    page = open_page(size, scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for name, path in PAGES.items():
        if name == "sign-in":
            continue
        page.goto(path)
        page.screenshot(path=artefacts / f"{name}.png")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert page.evaluate(SMALL_TARGETS) == [], name
        assert page.evaluate(NAMELESS) == [], name
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(250, 246, 239)" if scheme == "light" else "rgb(22, 27, 27)"
        )
    not_found = "Failed to load resource: the server responded with a status of 404 (Not Found)"
    assert [complaint for complaint in complaints if complaint != not_found] == []
    entrance = open_page(size, scheme, signed_in=False)
    entrance.goto("/accounts/login/")
    entrance.screenshot(path=artefacts / "sign-in.png")
    assert entrance.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert entrance.evaluate(SMALL_TARGETS) == []


def test_the_theme_button_changes_the_look_and_the_server_remembers(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.get_by_role("button", name="Switch to dark appearance").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.get_by_label("Dark").is_checked()
    page.get_by_label("As my device").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Your settings are saved.").wait_for()
    assert page.locator("html").get_attribute("data-theme") is None
    page.get_by_role("button", name="Close this message").click()
    assert page.get_by_text("Your settings are saved.").count() == 0


def test_moments_are_told_on_the_readers_own_clock_or_with_their_zone(
    open_page: Callable[..., Page], artefacts: Path
) -> None:
    page = open_page(timezone_id="America/Chicago")
    page.goto("/settings/sessions/")
    began = SignedIn.objects.get().first_used_at
    shown = page.get_by_role("definition").filter(has_text=":").first
    expect(shown).to_have_text(f"{began.astimezone(ZoneInfo('America/Chicago')):%-d %B %Y, %H:%M}")
    page.route("**/*.js", lambda route: route.abort())
    page.reload()
    expect(shown).to_have_text(f"{began:%-d %B %Y, %H:%M} UTC")


def test_signing_in_needs_no_script_and_no_mouse(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=address)
    page = context.new_page()
    page.goto("/accounts/login/?next=/settings/")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"
    page.get_by_label("Email").focus()
    page.keyboard.type("ada@riverside.example")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings/")
    page.get_by_label("Your name").fill("Ada Moor")
    page.keyboard.press("Enter")
    page.get_by_text("Your settings are saved.").wait_for()
    assert User.objects.get(email="ada@riverside.example").name == "Ada Moor"


def test_menus_and_dialogs_close_with_the_keyboard(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/gallery/")
    menu = page.locator("details.menu")
    page.get_by_label("More").focus()
    page.keyboard.press("Enter")
    assert menu.get_attribute("open") is not None
    page.keyboard.press("Escape")
    assert menu.get_attribute("open") is None
    page.get_by_label("More").click()
    page.get_by_role("button", name="Delete").first.click()
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_dashboard_works_under_its_policy(
    open_page: Callable[..., Page], artefacts: Path, scheme: str
) -> None:
    page = open_page("desk", scheme, signed_in=False)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/admin/accounts/user/")
    page.get_by_label("Email").fill("dora@riverside.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Ada Moss").wait_for()
    page.screenshot(path=artefacts / "people.png")
    page.get_by_role("link", name="Ada Moss").click()
    page.get_by_label("Name").wait_for()
    page.screenshot(path=artefacts / "person.png")
    assert complaints == []
