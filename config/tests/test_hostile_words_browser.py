"""Hostile words in a real browser: said by a person, repeated by a model that obeys, read again, and by the coach."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, Request, expect

from config.embedded_redis import Redis
from config.tests.conftest import Talk
from config.tests.obedient import ORDER, PAYLOADS
from config.tests.stack import Stack, running_stack
from config.tests.test_chat_browser import spoken
from conversations.models import Conversation, Message
from conversations.tests.factories import add

pytestmark = [pytest.mark.browser, pytest.mark.processes]

TOGETHER = 10
"""How many payloads one message carries."""
MANY_TOGETHER = 60
AN_ANSWER = ".message--ai .message__body"
WHAT_COULD_RUN = """() => [...document.querySelectorAll("#messages *")].filter(each =>
    ["SCRIPT", "IFRAME", "OBJECT", "EMBED", "STYLE", "LINK", "META", "BASE", "IMG", "VIDEO", "AUDIO"].includes(each.tagName)
    || [...each.attributes].some(({name, value}) => /^on/i.test(name) || /^\\s*(javascript|data|vbscript):/i.test(value))
  ).map(each => each.outerHTML.slice(0, 120))"""
"""Elements and attributes that words must never become; the page's own markup has none of them either."""


@dataclass
class Watch:
    """What a page does that it should not: scripts that run, requests that leave, policies broken."""

    home: str
    dialogs: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    windows: list[str] = field(default_factory=list)

    def over(self, page: Page) -> Page:
        """Watch a page."""
        page.on("dialog", self._note_dialog)
        page.on("request", self._note_request)
        page.on("popup", lambda opened: self.windows.append(opened.url))
        return page

    def _note_dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((self.home, "data:image/")):
            self.left.append(request.url)

    @property
    def everything(self) -> list[str]:
        """All of it."""
        return [*self.dialogs, *self.left, *self.windows]


@pytest.fixture(scope="module")
def chat_stack(
    database_url: str, redis_server: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Run the processes with the model that obeys, once for this module."""
    folder = tmp_path_factory.mktemp("hostile")
    redis_server.start(redis_server.port)
    with running_stack(
        database_url=database_url,
        redis_url=redis_server.url,
        media=folder / "media",
        logs=folder / "logs",
        extra={"CHAT_MODEL": "config.tests.obedient.from_settings"},
    ) as stack:
        yield stack


@pytest.fixture
def watched(talk: Talk) -> Watch:
    """Return the watch over the pages of a test."""
    return Watch(talk.stack.url)


def say(page: Page, text: str, *, answers: int) -> None:
    """Say something and wait for the answer to be whole."""
    page.get_by_label("Your message").fill(text)
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".message--ai:not(.message--streaming)")).to_have_count(answers)


def shown(page: Page) -> list[str]:
    """Return the markup of every message, as the browser has it."""
    bodies: list[str] = page.locator(".message__body").evaluate_all(
        "all => all.map(each => each.innerHTML.trim())"
    )
    return bodies


def ask_all(talk: Talk, watched: Watch, texts: list[str]) -> tuple[Conversation, list[str]]:
    """Have the model repeat each text; return what the page shows after the last one."""
    conversation = talk.conversation()
    page = watched.over(talk.chat(conversation.pk))
    for number, text in enumerate(texts, 1):
        say(page, ORDER + text, answers=number)
    assert page.evaluate(WHAT_COULD_RUN) == []
    assert "owned" not in page.title()
    return conversation, shown(page)


def read_again(talk: Talk, watched: Watch, conversation: Conversation, streamed: list[str]) -> None:
    """Open the conversation anew, as its owner and as the coach: the same is shown, and nothing happens."""
    page = watched.over(talk.chat(conversation.pk))
    assert shown(page) == streamed
    assert page.evaluate(WHAT_COULD_RUN) == []
    console = watched.over(talk.window(talk.house.coach))
    console.goto(f"/admin/queue/{conversation.pk}/")
    expect(console.locator(AN_ANSWER)).to_have_count(len(streamed) // 2)
    assert console.evaluate(WHAT_COULD_RUN) == []
    index = watched.over(talk.window(talk.house.owner))
    index.goto("/")
    expect(index.get_by_role("main")).to_be_visible()


def test_a_model_that_obeys_an_attacker_reaches_nobody(talk: Talk, watched: Watch) -> None:
    assert len(PAYLOADS) == len(set(PAYLOADS)) == 30
    conversation, streamed = ask_all(talk, watched, list(PAYLOADS))
    read_again(talk, watched, conversation, streamed)
    assert watched.everything == []
    assert talk.complaints == []
    # The system may say by itself that a coach was asked; the model has spoken as itself alone.
    said = [each for each in spoken(conversation) if each[0] != "system"]
    assert [sender for sender, _text in said] == ["client", "ai"] * 30
    # What looks like the number of a source that was not found is taken out, the rest is kept as it was said.
    kept = [text for _sender, text in said[1::2]]
    assert sum(text in kept for text in PAYLOADS) == 28
    answers = Message.objects.filter(conversation=conversation, sender_type="ai")
    cited = [citation for answer in answers for citation in answer.citations]
    # A number of a passage that was found may be named; that it supports what is said is never claimed.
    assert {citation["title"] for citation in cited} <= {"The Team Handbook"}
    assert [citation for citation in cited if citation["label"] == "verified"] == []


def test_no_payload_of_the_corpus_runs_while_it_streams_or_later(
    talk: Talk, watched: Watch, shared_data: Path
) -> None:
    lines = (shared_data / "security-inputs" / "xss.jsonl").read_text(encoding="utf-8").splitlines()
    payloads = [json.loads(line)["payload"].replace("\0", "") for line in lines][:150]
    assert len(payloads) == 150
    texts = ["\n\n".join(payloads[at : at + TOGETHER]) for at in range(0, len(payloads), TOGETHER)]
    conversation, streamed = ask_all(talk, watched, texts)
    read_again(talk, watched, conversation, streamed)
    assert watched.everything == []
    assert talk.complaints == []
    assert {sender for sender, _text in spoken(conversation)} == {"client", "ai"}


def test_no_payload_of_the_whole_corpus_becomes_markup_that_could_run(
    talk: Talk, watched: Watch, shared_data: Path
) -> None:
    lines = (shared_data / "security-inputs" / "xss.jsonl").read_text(encoding="utf-8").splitlines()
    payloads = [json.loads(line)["payload"].replace("\0", "") for line in lines]
    assert len(payloads) == 3_293
    conversation = talk.conversation()
    for at in range(0, len(payloads), MANY_TOGETHER):
        text = "\n\n".join(payloads[at : at + MANY_TOGETHER])
        for sender in ("client", "ai"):
            add(conversation, text, by=sender)
    messages = 2 * -(-len(payloads) // MANY_TOGETHER)
    page = watched.over(talk.chat(conversation.pk))
    expect(page.locator(".message__body")).to_have_count(messages)
    assert page.evaluate(WHAT_COULD_RUN) == []
    assert watched.everything == []
    assert talk.complaints == []
