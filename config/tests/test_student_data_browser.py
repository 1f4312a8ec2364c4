"""The question about student data in a real browser: by keyboard, on a small phone, and without a script."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from config.tests.conftest import Talk
from conversations.models import Conversation, Message

pytestmark = [pytest.mark.browser, pytest.mark.processes]

NAMED = "My student Maria Lopez hit Tom (4B). What can I try?"
WITH_LETTERS = "My student Student A hit Student B (4B). What can I try?"
PHONE = {"viewport": {"width": 320, "height": 640}}


@pytest.fixture(autouse=True)
def _gate(talk: Talk) -> Iterator[None]:
    talk.open_gate()
    yield
    # A browser without a script notes the status of the page that asks.
    assert [said for said in talk.complaints if "422" not in said] == []


def ask(page: Page, text: str = NAMED) -> None:
    """Write a message and send it with Enter."""
    page.get_by_label("Your message").fill(text)
    page.get_by_label("Your message").press("Enter")


def said(conversation: Conversation) -> list[tuple[str, dict[str, object]]]:
    """Return what the client said, with what was decided."""
    rows = Message.objects.filter(conversation=conversation, sender_type="client").order_by("sequence")
    return list(rows.values_list("content", "metadata"))


def test_the_focus_moves_to_the_question_and_nothing_is_sent(talk: Talk, artefacts: Path) -> None:
    conversation = talk.conversation()
    page = talk.chat(conversation.pk, **PHONE)
    ask(page)
    question = page.get_by_role("group", name="This message seems to name a student.")
    expect(question).to_be_focused()
    expect(page.locator("#announcer")).to_have_text(
        "This message seems to name a student. It has not been sent."
    )
    expect(question.locator("mark")).to_have_text(["Maria Lopez", "Tom"])
    expect(page.get_by_label("Your message")).to_have_value(NAMED)
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page.screenshot(path=artefacts / "question.png")
    assert said(conversation) == []


def test_pseudonyms_come_with_one_press_are_undone_and_sent(talk: Talk) -> None:
    conversation = talk.conversation()
    page = talk.chat(conversation.pk)
    ask(page)
    page.get_by_role("button", name="Use pseudonyms").press("Enter")
    box = page.get_by_label("Your message")
    expect(box).to_have_value(WITH_LETTERS)
    expect(box).to_be_focused()
    page.get_by_role("button", name="Undo").click()
    expect(box).to_have_value(NAMED)
    page.get_by_role("button", name="Use pseudonyms").click()
    box.press("Enter")
    expect(page.locator(".message--client")).to_contain_text(WITH_LETTERS)
    expect(page.locator("#student-data-question")).to_have_count(0)
    expect(page.locator("#announcer")).to_have_text("The answer is complete.")
    assert said(conversation) == [(WITH_LETTERS, {"student_data": {"decision": "pseudonyms"}})]


def test_the_words_are_sent_as_they_are_only_when_that_is_chosen(talk: Talk) -> None:
    conversation = talk.conversation()
    page = talk.chat(conversation.pk)
    ask(page)
    page.get_by_role("button", name="Change it myself").click()
    expect(page.get_by_label("Your message")).to_be_focused()
    page.get_by_label("Your message").press("Enter")
    page.get_by_role("button", name="Send it as it is").click()
    expect(page.locator(".message--client")).to_contain_text(NAMED)
    expect(page.locator("#announcer")).to_have_text("The answer is complete.")
    assert said(conversation) == [(NAMED, {"student_data": {"decision": "send", "kinds": ["name"]}})]


def test_without_a_script_the_page_asks_and_keeps_the_draft(talk: Talk) -> None:
    conversation = talk.conversation()
    page = talk.chat(conversation.pk, java_script_enabled=False)
    page.get_by_label("Your message").fill(NAMED)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_label("Your message")).to_have_value(NAMED)
    page.get_by_role("button", name="Use pseudonyms").click()
    expect(page.get_by_label("Your message")).to_have_value(WITH_LETTERS)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Your message")).to_have_value(NAMED)
    page.get_by_role("button", name="Use pseudonyms").click()
    page.get_by_role("button", name="Send with pseudonyms").click()
    expect(page.locator(".message--client")).to_contain_text(WITH_LETTERS)
    assert [text for text, _ in said(conversation)] == [WITH_LETTERS]
