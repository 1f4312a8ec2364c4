"""The pages about sessions, the second factor, invitations and the record, in a real browser."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from accounts import invitations
from accounts.entry_models import Invitation
from accounts.tasks import check_chain
from accounts.tests.cast import House, build_cast
from accounts.tests.factories import PASSWORD
from accounts.tests.test_look_in_browser import NAMELESS, SIZES, SMALL_TARGETS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.urls("accounts.tests.urls"),
    pytest.mark.usefixtures("generated_menu", "fresh_limits"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def house(live_server: Any) -> House:
    """Return the home organization, in the database of the server."""
    return build_cast().home


@pytest.fixture
def window(browser: Browser, live_server: Any, house: House) -> Iterator[Callable[[], Page]]:
    """Return a function that opens a browser of its own; none may complain of anything."""
    complaints: list[str] = []

    def open_() -> Page:
        page = browser.new_context(
            base_url=live_server.url,
            reduced_motion="reduce",
            locale="en-GB",
            viewport={"width": 1280, "height": 800},
        ).new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        return page

    yield open_
    assert complaints == []


@pytest.fixture
def snap(artefacts: Path) -> Callable[[Page, str], None]:
    """Return a function that photographs a page in each size and scheme; nothing may stick out or be nameless."""

    def take(page: Page, name: str) -> None:
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.screenshot(path=artefacts / f"{name}-{size}-{scheme}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} at {size}"
            if "/admin/" not in page.url:
                assert page.evaluate(SMALL_TARGETS) == [], f"{name} at {size}"
                assert page.evaluate(NAMELESS) == [], f"{name} at {size}"

    return take


def sign_in(page: Page, email: str | None) -> None:
    """Sign in by the form."""
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(str(email))
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def code_for(secret: str) -> str:
    """Return what the app shows now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def test_somebody_signs_out_elsewhere(
    window: Callable[[], Page], house: House, snap: Callable[[Page, str], None]
) -> None:
    here, there = window(), window()
    sign_in(here, str(house.owner.email))
    sign_in(there, str(house.owner.email))
    here.goto("/settings/")
    here.get_by_role("link", name="Where you are signed in").click()
    expect(here.get_by_text("This one")).to_have_count(1)
    snap(here, "sessions")
    here.get_by_role("button", name="Sign out Chrome on Linux").click()
    expect(here.get_by_text("Signed out: Chrome on Linux.")).to_be_visible()
    expect(here.get_by_text("You are signed in nowhere else.")).to_be_visible()
    there.goto("/settings/")
    expect(there.get_by_role("heading", name="Welcome")).to_be_visible()


def test_a_second_factor_from_the_picture_to_the_next_sign_in(
    window: Callable[[], Page], house: House, snap: Callable[[Page, str], None]
) -> None:
    page = window()
    sign_in(page, str(house.owner.email))
    page.goto("/settings/")
    page.get_by_role("link", name="Second factor").click()
    snap(page, "second-factor-off")
    page.get_by_role("link", name="Turn on").click()
    snap(page, "is-it-you")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("img", name="The key below")).to_be_visible()
    assert page.locator("img.qr").evaluate("image => image.naturalWidth > 0")
    secret = page.locator("code.key").inner_text()
    snap(page, "second-factor-key")
    page.get_by_label("Authenticator code").fill(code_for(secret))
    page.get_by_role("button", name="Turn on").click()
    expect(page.locator("code.key")).to_have_count(10)
    expect(page.locator(".notice", has_text="The second factor is on.")).to_be_visible()
    expect(page.locator(".toast")).to_have_count(0)
    snap(page, "recovery-codes")
    recovery = page.locator("code.key").first.inner_text()
    page.goto("/accounts/2fa/")
    snap(page, "second-factor-on")
    other = window()
    sign_in(other, str(house.owner.email))
    snap(other, "your-code")
    other.get_by_label("Code").fill(recovery)
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("link", name="Settings of Ada Moss")).to_be_visible()


def test_an_invitation_from_the_dashboard_to_the_new_account(
    window: Callable[[], Page], house: House, snap: Callable[[Page, str], None]
) -> None:
    page = window()
    sign_in(page, str(house.admin.email))
    page.goto("/admin/accounts/invitation/add/")
    page.locator("input[name=email]").fill("eve@riverside.example")
    snap(page, "invite")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="eve@riverside.example").first).to_be_visible()
    snap(page, "invitations")
    guest = window()
    guest.goto(f"/join/{invitations.token_of(Invitation.objects.get())}/")
    snap(guest, "join")
    guest.get_by_label("Your name").fill("Eve Reed")
    guest.get_by_label("Password", exact=True).fill("another walk along the shore")
    guest.get_by_label("Password (again)").fill("another walk along the shore")
    guest.get_by_role("button", name="Join").click()
    expect(guest.get_by_role("link", name="Settings of Eve Reed")).to_be_visible()


def test_the_record_is_filtered_and_verified(
    window: Callable[[], Page], house: House, snap: Callable[[Page, str], None]
) -> None:
    invitations.invite(
        actor=house.admin,
        organization=house.organization,
        email="eve@riverside.example",
        role="educator",
        team=None,
        now=timezone.now(),
    )
    page = window()
    sign_in(page, str(house.admin.email))
    page.goto("/admin/accounts/auditevent/")
    snap(page, "record")
    page.get_by_role("button", name="Verify now").click()
    expect(page.get_by_text("Every row is being checked")).to_be_visible()
    check_chain()
    expect(page.get_by_text("Every row is as it was written and none is missing.")).to_be_visible()
    page.get_by_label("Did what").select_option(label="Person invited")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".record-table tbody tr")).to_have_count(1)
    snap(page, "record-filtered")
