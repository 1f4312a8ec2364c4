"""People take their data with them, or leave, in a real browser against real processes."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from accounts.lifecycle_models import Erasure
from accounts.models import User
from accounts.tests.cast import Cast
from accounts.tests.factories import PASSWORD
from config.tests.stack import Stack
from conversations.tests.factories import begin, say

pytestmark = [pytest.mark.browser, pytest.mark.processes]

SAID = "How do we start a new team well?"


@pytest.fixture
def page_of(live_stack: Stack, page: Page, transactional_db: None) -> "PageOf":
    """Return what opens the pages of a person."""
    return PageOf(live_stack, page)


class PageOf:
    """Signs somebody in through the sign-in page."""

    def __init__(self, stack: Stack, page: Page) -> None:
        self.stack = stack
        self.page = page

    def __call__(self, person: User, path: str) -> Page:
        """Return the page at `path` as the person sees it."""
        self.page.goto(f"{self.stack.url}/accounts/login/?next={path}")
        self.page.get_by_label("Email").fill(person.email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        return self.page


def test_a_copy_is_made_while_one_waits_and_downloaded(
    live_stack: Stack, page_of: PageOf, cast: Cast, artefacts: Path
) -> None:
    say(cast.home.owner, begin(cast.home.owner), SAID)
    page = page_of(cast.home.owner, "/settings/")
    page.set_viewport_size({"width": 320, "height": 640})
    page.get_by_role("link", name="Your data").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Make a copy").click()
    link = page.get_by_role("link", name="Download")
    expect(link).to_be_visible(timeout=30_000)
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page.screenshot(path=artefacts / "copy.png", full_page=True)
    with page.expect_download() as downloading:
        link.click()
    copy = zipfile.ZipFile(io.BytesIO(Path(downloading.value.path()).read_bytes()))
    manifest = json.loads(copy.read("manifest.json"))
    assert manifest["person"]["email"] == cast.home.owner.email
    assert SAID in copy.read("messages.jsonl").decode()


def test_an_erasure_is_asked_for_and_taken_back(page_of: PageOf, cast: Cast, artefacts: Path) -> None:
    page = page_of(cast.home.owner, "/settings/your-data/")
    page.set_viewport_size({"width": 320, "height": 640})
    page.get_by_role("link", name="What goes and what stays").click()
    page.screenshot(path=artefacts / "erase.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page.get_by_label("Type the email address of the account").fill(cast.home.owner.email)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Erase my account in 7 days").click()
    expect(page.get_by_text("To keep it, sign in before then and cancel.")).to_be_visible()
    page = page_of(cast.home.owner, "/settings/your-data/")
    page.get_by_role("button", name="Cancel and keep my account").click()
    expect(page.get_by_text("Your account stays. Nothing was erased.")).to_be_visible()
    assert Erasure.objects.get().state == "cancelled"


def test_an_administrator_sees_what_goes_in_the_dashboard(
    page_of: PageOf, cast: Cast, artefacts: Path
) -> None:
    page = page_of(cast.home.admin, f"/admin/accounts/user/{cast.home.owner.pk}/change/")
    page.get_by_role("link", name="Erase account").click()
    expect(page.get_by_role("heading", name="What stays")).to_be_visible()
    page.screenshot(path=artefacts / "dashboard.png", full_page=True)
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") == 320
