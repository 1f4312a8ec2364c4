"""Names, titles and notes that would like to be markup: on no page for anybody do they become any."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db.models import Model
from typing_extensions import override

from accounts.entry_models import SignedIn
from accounts.models import ApiToken, Organization, Team, User
from accounts.tests.cast import Cast
from coaching.tests.factories import PersonaFactory
from config.tests.access_scene import Scene, build_scene
from config.tests.access_walk import Visitor
from conversations.models import Conversation, Feedback, Message
from conversations.tests.factories import citation
from knowledge.models import Document, DocumentVersion, Passage

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_connection")]

HOSTILE = """"'><canary oncanary=1></title></textarea></script><canary>"""
"""Closes every attribute and element in which a page may hold words, and opens one that no page has."""
NAMED: tuple[tuple[type[Model], tuple[str, ...]], ...] = (
    (Organization, ("name",)),
    (User, ("name",)),
    (Team, ("name",)),
    (ApiToken, ("name",)),
    (SignedIn, ("device",)),
    (Conversation, ("title",)),
    (Message, ("content",)),
    (Feedback, ("comment", "note")),
    (Document, ("title",)),
    (DocumentVersion, ("filename",)),
    (Passage, ("chapter_title", "text")),
)
"""What people write, hand in or bring along, by model."""


class Markup(HTMLParser):
    """Notes the elements and attributes of a page that only the hostile words have."""

    def __init__(self) -> None:
        super().__init__()
        self.hostile: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        if tag == "canary" or "oncanary" in dict(attrs):
            self.hostile.append(str(self.get_starttag_text()))


def plant(cast: Cast) -> Scene:
    """Build the scene, and put the hostile words into all that it has."""
    PersonaFactory.create(
        coach=cast.home.coach, name=HOSTILE, bio=HOSTILE, tone=HOSTILE, instructions=HOSTILE
    )
    scene = build_scene(cast)
    for model, fields in NAMED:
        assert model._default_manager.update(**dict.fromkeys(fields, HOSTILE)), model
    Document.objects.update(authors=[HOSTILE])
    cited = citation(
        title=HOSTILE, quote=HOSTILE, chapter_title=HOSTILE, page_label=HOSTILE, authors=[HOSTILE]
    )
    line = dict.fromkeys(("name", "contact", "hours"), HOSTILE)
    Message.objects.update(
        content=f"{HOSTILE} [1]", citations=[cited], metadata={"help_lines": [line], "notice": HOSTILE}
    )
    return scene


def pages(visitor: Visitor, scene: Scene) -> Iterator[tuple[str, str]]:
    """Yield every page that somebody is shown."""
    for address in scene.addresses.values():
        if "logout" in address:
            continue
        answer: Any = visitor.ask("GET", address)
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            yield address, answer.content.decode()
        answer.close()


@pytest.mark.parametrize("name", ["anonymous", "owner", "coach", "admin"])
def test_no_name_title_or_note_becomes_markup_on_any_page(cast: Cast, name: str) -> None:
    scene = plant(cast)
    became: list[str] = []
    showing = 0
    for address, page in pages(Visitor(name, scene.people[name]), scene):
        showing += "canary" in page
        found = Markup()
        found.feed(page)
        became += [f"{address}: {each}" for each in found.hostile]
    assert became == []
    # The words are really there: by links that open to anybody who has them, and in the pages of members.
    assert showing >= {"anonymous": 2, "owner": 15, "coach": 25, "admin": 30}[name]
