"""Sharing, the diary, exports and the feedback queue in a real browser, with a real worker."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Browser, Dialog, Page, expect

from accounts.models import User
from accounts.tests.cast import House, build_cast
from config.tests.stack import Stack
from conversations import giving_feedback
from conversations.models import Conversation
from conversations.tests.factories import QUOTE, add, begin, citation

pytestmark = [pytest.mark.browser, pytest.mark.processes]

Window = Callable[..., Page]
SMALL_TARGETS = """() => [...document.querySelectorAll("main a[href], main button, main input, main summary, main select")]
  .filter(e => e.offsetParent && !e.closest("p, dd, .message__body") && !["hidden", "radio", "checkbox"].includes(e.type))
  .map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && (box.height < 43.9 || box.width < 43.9))
  .map(([html, box]) => `${html} ${box.width}x${box.height}`)"""
LOOKS = [("light", 1280), ("dark", 320)]
"""A desk by day, a phone by night."""


@pytest.fixture
def house(live_stack: Stack) -> House:
    """Return the people of the story."""
    return build_cast().home


@pytest.fixture
def complaints() -> list[str]:
    """Return what any page complains of."""
    return []


@pytest.fixture
def window(browser: Browser, live_stack: Stack, complaints: list[str]) -> Window:
    """Return a function that opens a page, signed in as somebody or as a stranger."""

    def open_(person: User | None = None, width: int = 1280, scheme: str = "light") -> Page:
        context = browser.new_context(
            base_url=live_stack.url,
            locale="en-GB",
            viewport={"width": width, "height": 800},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
            permissions=["clipboard-read", "clipboard-write"],
        )
        if person:
            client = Client()
            client.force_login(person)
            session = client.cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": session, "url": live_stack.url}])
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        return page

    return open_


@pytest.fixture
def conversation(house: House) -> Conversation:
    """Return Ada's conversation with a cited answer that she has rated."""
    conversation = begin(house.owner)
    add(conversation, "How often do we review our norms?", by="client", sender=house.owner)
    answer = add(conversation, "**Every six weeks** [1].", citations=[citation()])
    add(conversation, "And who leads that?", by="client", sender=house.owner)
    giving_feedback.give(member=house.owner, message_id=answer.pk, score=-1, reasons=["incomplete"])
    return conversation


def test_a_link_is_previewed_made_copied_opened_and_revoked(
    window: Window, house: House, conversation: Conversation, complaints: list[str]
) -> None:
    page = window(house.owner)
    page.goto(f"/conversations/{conversation.pk}/")
    page.get_by_label("More for this conversation").click()
    page.get_by_role("link", name="Share by a link").click()
    page.wait_for_load_state()
    preview = page.get_by_role("region", name="Preview")
    expect(preview).to_contain_text("And who leads that?")
    page.get_by_label("Up to").select_option(index=1)
    expect(preview).not_to_contain_text("And who leads that?")
    page.get_by_label("Show names").check()
    expect(preview).to_contain_text("Ada Moss")
    previewed = preview.inner_text()
    page.get_by_role("button", name="Make a link to this").click()
    page.get_by_role("button", name="Copy the link").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    address = page.evaluate("navigator.clipboard.readText()")
    stranger = window()
    stranger.goto(address)
    assert stranger.locator("[data-shared]").inner_text() == previewed
    stranger.locator(".citation").click()
    assert stranger.url == f"{address}#source-2-1"
    expect(stranger.locator("#source-2-1")).to_contain_text(QUOTE)
    assert stranger.context.cookies() == []
    page.goto(f"/conversations/{conversation.pk}/share/")
    expect(page.get_by_text("Opened 1 time, last on")).to_be_visible()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("The link opens nothing any more.")).to_be_visible()
    assert complaints == []
    stranger.reload()
    expect(stranger.get_by_role("heading", name="Nothing is here")).to_be_visible()


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_fits_and_obeys_the_policy(
    window: Window,
    conversation: Conversation,
    complaints: list[str],
    artefacts: Path,
    look: tuple[str, int],
) -> None:
    scheme, width = look
    page = window(conversation.owner, width, scheme)
    page.goto(f"/conversations/{conversation.pk}/share/")
    page.get_by_role("button", name="Make a link to this").click()
    address = page.get_by_label("Link", exact=True).input_value()
    page.screenshot(path=artefacts / "made.png", full_page=True)
    for name, path in {
        "holder": address,
        "share": f"/conversations/{conversation.pk}/share/",
        "links": "/links/",
        "diary": "/diary/",
        "exports": "/exports/",
        "settings": "/settings/",
    }.items():
        page.goto(path)
        page.screenshot(path=artefacts / f"{name}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert page.evaluate(SMALL_TARGETS) == [], name
    coach = window(conversation.coach, width, scheme)
    coach.goto("/admin/feedback/")
    coach.screenshot(path=artefacts / "feedback.png", full_page=True)
    assert coach.evaluate("document.documentElement.scrollWidth <= innerWidth")
    coach.get_by_role("link", name="Open the feedback of Ada Moss").click()
    expect(coach.get_by_text("Ada Moss sees in their diary that you have read this.")).to_be_visible()
    coach.screenshot(path=artefacts / "feedback-detail.png", full_page=True)
    assert coach.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto("/diary/")
    expect(page.get_by_text("read an answer you rated, and your comment")).to_be_visible()
    assert complaints == []


def test_an_export_is_made_before_ones_eyes_and_downloaded(
    window: Window, house: House, conversation: Conversation, complaints: list[str]
) -> None:
    page = window(house.owner)
    page.goto("/exports/")
    page.get_by_label("JSON Lines, for programs").check()
    page.get_by_role("button", name="Make it").click()
    link = page.get_by_role("link", name="messages.jsonl")
    expect(link).to_be_visible()
    with page.expect_download() as download:
        link.click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["conversation_id"] for line in lines] == [str(conversation.pk)] * 3
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Its files are deleted.")).to_be_visible()
    assert complaints == []


def test_no_hostile_text_runs_on_the_page_of_a_holder(
    window: Window, house: House, conversation: Conversation, complaints: list[str], shared_data: Path
) -> None:
    payloads = [
        json.loads(line)["payload"]
        for line in (shared_data / "security-inputs" / "xss.jsonl").read_text(encoding="utf-8").splitlines()
    ][:150]
    assert len(payloads) == 150
    for number, payload in enumerate(payloads):
        add(
            conversation,
            payload.replace("\0", ""),
            by="ai" if number % 2 else "client",
            citations=[citation(title=payload.replace("\0", ""))],
        )
    owner = window(house.owner)
    dialogs: list[str] = []
    requests: list[str] = []

    def note_and_dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    owner.goto(f"/conversations/{conversation.pk}/share/")
    owner.get_by_role("button", name="Make a link to this").click()
    address = owner.get_by_label("Link", exact=True).input_value()
    page = window()
    page.on("dialog", note_and_dismiss)
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    expect(page.locator("article")).to_have_count(153)
    host = address.partition("/s/")[0]
    assert [url for url in requests if not url.startswith(host)] == []
    assert (dialogs, complaints) == ([], [])
