"""Signing in with Google and with Clever: a real browser, real processes, fakes on the loopback address."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from accounts.tests.cast import build_cast
from accounts.tests.fake_clever import DISTRICT, FakeClever
from accounts.tests.fake_google import FakeGoogle
from config.tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def environment(google: FakeGoogle, clever: FakeClever) -> dict[str, str]:
    """Return the settings with which an operator would name these providers."""
    (client,) = google.places["APPS"]
    return {
        "PASSWORD_SIGN_IN": "no",
        **{f"{name}_CLIENT_ID": client["client_id"] for name in ("GOOGLE", "CLEVER")},
        **{f"{name}_CLIENT_SECRET": client["secret"] for name in ("GOOGLE", "CLEVER")},
        "GOOGLE_AUTHORIZE_URL": google.places["AUTHORIZE_URL"],
        "GOOGLE_TOKEN_URL": google.places["TOKEN_URL"],
        "GOOGLE_KEYS_URL": google.places["KEYS_URL"],
        "GOOGLE_ISSUER": google.places["ISSUER"],
        "CLEVER_AUTHORIZE_URL": clever.places["AUTHORIZE_URL"],
        "CLEVER_TOKEN_URL": clever.places["TOKEN_URL"],
        "CLEVER_API_URL": f"{clever.url}/v3.0",
    }


@pytest.fixture
def url(start_stack: Callable[..., Stack], google: FakeGoogle, clever: FakeClever) -> str:
    """Return where an installation without passwords is, whose providers are the fakes."""
    stack = start_stack(**environment(google, clever))
    organization = build_cast().home.organization
    organization.domains.create(domain="riverside.example", verified_at=timezone.now())
    organization.clever_district_id = DISTRICT
    organization.save(update_fields=["clever_district_id"])
    return stack.url


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """Return what the browser complains of, but for pages that are refused on purpose."""
    found: list[str] = []
    refused = "Failed to load resource: the server responded with a status of 403 (Forbidden)"
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on(
        "console",
        lambda said: found.append(said.text) if said.type == "error" and said.text != refused else None,
    )
    return found


def by_google(page: Page) -> None:
    """Press the button and say at Google who one is, by the keyboard alone."""
    page.get_by_role("button", name="Continue with Google").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="The one you know").focus()
    page.keyboard.press("Enter")


def by_the_portal(page: Page, url: str) -> None:
    """Click on Sideline in Clever's portal and say at Clever who one is."""
    page.goto(f"{url}/accounts/clever/login/callback/?code=of-the-portal")
    page.get_by_role("link", name="The one you know").click()


def heading(page: Page, text: str) -> None:
    """Expect a page under this heading that fits the window."""
    expect(page.get_by_role("heading", name=text)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_people_come_in_by_both_providers_and_students_do_not(  # noqa: PLR0917 -- fixtures
    url: str, google: FakeGoogle, clever: FakeClever, page: Page, complaints: list[str], artefacts: Path
) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{url}/settings/")
    heading(page, "Welcome")
    expect(page.get_by_label("Password")).to_have_count(0)
    page.screenshot(path=artefacts / "sign-in.png")
    by_google(page)
    page.wait_for_url(f"{url}/settings/")
    expect(page.get_by_text("ines@riverside.example")).to_be_visible()

    # The same device, somebody else: the portal knows who sits there now.
    by_the_portal(page, url)
    page.wait_for_url(f"{url}/")
    page.goto(f"{url}/settings/")
    expect(page.get_by_text("tom@riverside.example")).to_be_visible()

    clever.person["roles"] = {"student": {}}
    by_the_portal(page, url)
    heading(page, "Sideline is for educators")
    page.goto(f"{url}/settings/")
    heading(page, "Welcome")

    google.person |= {"sub": "1", "hd": "valley.example", "email": "ida@valley.example"}
    page.emulate_media(color_scheme="dark")
    by_google(page)
    heading(page, "Sideline is not set up for your organization yet")
    page.screenshot(path=artefacts / "not-set-up.png")
    page.get_by_role("link", name="Back to sign in").click()
    heading(page, "Welcome")

    newcomers = User.objects.filter(email__in=["ines@riverside.example", "tom@riverside.example"])
    assert (newcomers.count(), User.objects.count()) == (2, 10)
    assert complaints == []
