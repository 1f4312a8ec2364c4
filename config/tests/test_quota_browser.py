"""A person who has asked enough for now: told before, kept waiting with a clock, and never left without the words."""

import re

import pytest
from playwright.sync_api import Page, expect

from config.tests.conftest import Talk
from conversations.models import Handoff, Message

pytestmark = pytest.mark.browser

DRAFT = "And one more thing about norms"


def send(page: Page, text: str) -> None:
    """Write and send a message."""
    page.get_by_label("Your message").fill(text)
    page.get_by_role("button", name="Send").click()


@pytest.fixture
def used_up(talk: Talk) -> Page:
    """Return a page on which the last of five questions has been asked, and one more was refused."""
    talk.house.organization.ai_turns_per_hour = 5
    talk.house.organization.save()
    conversation = talk.conversation()
    page = talk.window(talk.house.owner)
    page.clock.install()
    page.goto(f"/conversations/{conversation.pk}/")
    for number in range(1, 6):
        send(page, f"Question {number} about norms")
        expect(page.locator(".message--ai")).to_have_count(number)
        if number == 4:
            expect(page.locator("#left")).to_have_text("1 question left for now; all 5 in 48 minutes.")
    expect(page.locator("#left")).to_contain_text("No question to the AI is left for now")
    send(page, DRAFT)
    expect(page.locator("#refusal")).to_contain_text("What you wrote is kept")
    return page


class TestSomebodyWhoHasAskedEnough:
    def test_keeps_the_draft_and_sees_the_clock_run_until_it_can_be_sent(
        self, talk: Talk, used_up: Page
    ) -> None:
        box, button = used_up.get_by_label("Your message"), used_up.get_by_role("button", name="Send")
        expect(box).to_have_value(DRAFT)
        expect(button).to_have_attribute("aria-disabled", "true")
        expect(used_up.locator("#wait")).to_have_text(
            re.compile(r"The AI can be asked again in 1[12]:\d\d\.")
        )
        # Seen by nobody, the page does not take ten minutes that were skipped for a server that has gone silent.
        used_up.evaluate("Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' })")
        used_up.clock.fast_forward("10:00")
        expect(used_up.locator("#wait")).to_have_text(re.compile(r"The AI can be asked again in [12]:\d\d\."))
        used_up.clock.fast_forward("02:00")
        expect(button).to_have_attribute("aria-disabled", "false")
        expect(used_up.locator("#wait")).to_be_hidden()
        expect(used_up.locator("#refusal")).to_be_hidden()
        expect(used_up.locator("#announcer")).to_have_text("You can ask the AI again.")
        expect(box).to_have_value(DRAFT)
        assert Message.objects.filter(sender_type="client").count() == 5

    def test_sees_the_clock_again_after_loading_the_page_anew(self, talk: Talk, used_up: Page) -> None:
        used_up.reload()
        expect(used_up.get_by_label("Your message")).to_have_value(DRAFT)
        expect(used_up.locator("#wait")).to_contain_text("The AI can be asked again in 1")

    def test_still_reaches_a_person(self, talk: Talk, used_up: Page) -> None:
        used_up.get_by_label("Your message").fill("I want to die")
        used_up.get_by_role("button", name="Send").click(force=True)
        expect(used_up.locator(".crisis")).to_be_visible()
        assert Handoff.objects.get().reason == "crisis"

    def test_waits_for_nothing_once_the_coach_is_there(self, talk: Talk, used_up: Page) -> None:
        conversation_id = Message.objects.filter(sender_type="client")[0].conversation_id
        talk.as_coach(conversation_id, "take-over")
        button = used_up.get_by_role("button", name="Send")
        expect(button).to_have_attribute("aria-disabled", "false")
        button.click()
        expect(used_up.locator(".message--client")).to_have_count(6)
