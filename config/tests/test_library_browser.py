"""The library in a real browser, with a real worker: drop files in, watch them, open what was found."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from accounts.tests.cast import build_house
from accounts.tests.factories import PASSWORD
from config.tests.stack import Stack
from knowledge.models import Document
from knowledge.tests.ingesting import LONG

pytestmark = [pytest.mark.browser, pytest.mark.processes]


def sign_in(page: Page, stack: Stack, email: str) -> None:
    page.goto(f"{stack.url}/admin/knowledge/document/")
    page.fill("input[name=login], input[name=username]", email)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.goto(f"{stack.url}/admin/knowledge/document/")


def test_files_dropped_in_become_searchable_before_ones_eyes(
    live_stack: Stack, page: Page, tmp_path: Path, artefacts: Path
) -> None:
    house = build_house(
        "Riverside School", "riverside.example", ("Ada Moss", "Ben Hart", "Cleo Vale", "Dora Finch")
    )
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    sign_in(page, live_stack, str(house.coach.email))
    expect(page.get_by_text("Nothing to look things up in yet")).to_be_visible()
    for name, text in {"long.md": LONG, "blank.txt": " ", "talk.txt": "We spoke about trust."}.items():
        (tmp_path / name).write_text(text)
    page.set_input_files(
        "input[type=file]", [tmp_path / "long.md", tmp_path / "blank.txt", tmp_path / "talk.txt"]
    )
    page.get_by_role("button", name="Add", exact=True).click()
    entries = page.locator(".library-entry")
    expect(entries).to_have_count(3)
    expect(entries.locator(".badge--good")).to_have_count(2, timeout=30_000)
    expect(entries.locator(".badge--danger")).to_have_count(1, timeout=30_000)
    expect(page.get_by_text("The file has no text in it.")).to_be_visible()
    page.screenshot(path=artefacts / "library.png", full_page=True)
    page.locator(".library-entry a", has_text="long").first.click()
    expect(page.locator(".library-passage").first).to_contain_text("Sentence about topic 1.")
    page.screenshot(path=artefacts / "document.png", full_page=True)
    page.set_viewport_size({"width": 320, "height": 700})
    page.screenshot(path=artefacts / "phone.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".library-entry")).to_have_count(2)
    assert problems == []


def test_what_a_coach_keeps_for_their_own_clients_is_shared_with_nobody_else(
    live_stack: Stack, page: Page, tmp_path: Path
) -> None:
    house = build_house(
        "Riverside School", "riverside.example", ("Ada Moss", "Ben Hart", "Cleo Vale", "Dora Finch")
    )
    sign_in(page, live_stack, str(house.coach.email))
    page.get_by_text("Only my own clients and me").click()
    for name in ("first", "second"):
        (tmp_path / f"{name}.txt").write_text(f"The {name} note.")
    page.set_input_files("input[type=file]", [tmp_path / "first.txt", tmp_path / "second.txt"])
    page.get_by_role("button", name="Add", exact=True).click()
    dropped = page.evaluate_handle(
        "() => { const held = new DataTransfer(); held.items.add(new File(['The third note.'], 'third.txt'));"
        " return held; }"
    )
    page.dispatch_event("[data-drop]", "drop", {"dataTransfer": dropped})
    # What is chosen afterwards is for what comes afterwards.
    page.get_by_text("Everybody in the organization").click()
    expect(page.locator(".library-entry")).to_have_count(3)
    assert set(Document.objects.values_list("title", "coach")) == {
        (title, house.coach.pk) for title in ("first", "second", "third")
    }


def test_choosing_a_new_version_leaves_the_title_alone(live_stack: Stack, page: Page, tmp_path: Path) -> None:
    house = build_house(
        "Riverside School", "riverside.example", ("Ada Moss", "Ben Hart", "Cleo Vale", "Dora Finch")
    )
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    sign_in(page, live_stack, str(house.coach.email))
    (tmp_path / "handbook.txt").write_text("We meet every week.")
    (tmp_path / "changed.txt").write_text("We meet every day.")
    page.set_input_files("input[type=file]", tmp_path / "handbook.txt")
    page.get_by_role("button", name="Add", exact=True).click()
    page.locator(".library-entry a", has_text="handbook").first.click()
    expect(page.get_by_label("Title")).to_have_value("handbook")
    page.get_by_label("Changed file").set_input_files(tmp_path / "changed.txt")
    expect(page.get_by_label("Title")).to_have_value("handbook")
    assert problems == []
