"""The owner's access diary over the API: as its page tells it, and nothing of anybody else's."""

from uuid import uuid4

import pytest

from accounts.models import AuditEvent
from accounts.tests.api_caller import as_program
from accounts.tests.cast import Cast
from conversations import diary, sharing
from conversations.models import Conversation
from conversations.tests.factories import add, begin
from conversations.tests.links import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def conversation(cast: Cast) -> Conversation:
    """Return Ada's conversation, which she shares with her coach."""
    conversation = begin(cast.home.owner)
    add(conversation, "How do we begin?", by="client", sender=cast.home.owner)
    return conversation


class TestTheDiary:
    def test_tells_who_read_when_and_why(self, cast: Cast, conversation: Conversation) -> None:
        for _ in "ab":
            as_program(cast.home.coach)("GET", f"conversations/{conversation.pk}")
        first, last = AuditEvent.objects.filter(action="conversation.read").order_by("sequence")
        found = as_program(cast.home.owner)("GET", "diary")
        assert found.data == {
            "entries": [
                {
                    "at": last.at.isoformat().replace("+00:00", "Z"),
                    "since": first.at.isoformat().replace("+00:00", "Z"),
                    "times": 2,
                    "who": "Ben Hart",
                    "what": "read it",
                    "why": "You shared it with your coach then.",
                    "title": "New conversation",
                    "conversation_id": str(conversation.pk),
                }
            ]
        }
        assert found.meta["next_before"] is None

    def test_of_one_conversation_has_that_alone_and_goes_on_where_it_was_left(
        self, cast: Cast, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = begin(cast.home.owner)
        add(other, "Another question", by="client", sender=cast.home.owner)
        make(cast.home.owner, other)
        make(cast.home.owner, conversation)
        as_program(cast.home.coach)("GET", f"conversations/{conversation.pk}")
        ada = as_program(cast.home.owner)
        monkeypatch.setattr(diary, "PAGE_SIZE", 1)
        page = ada("GET", f"diary?conversation_id={conversation.pk}")
        assert [entry["what"] for entry in page.data["entries"]] == ["read it"]
        rest = ada("GET", f"diary?conversation_id={conversation.pk}&before={page.meta['next_before']}")
        assert [(entry["who"], entry["what"]) for entry in rest.data["entries"]] == [
            ("You", "made a link to it")
        ]
        assert rest.meta["next_before"] is None

    def test_of_somebody_else_is_as_of_nothing(self, cast: Cast, conversation: Conversation) -> None:
        sharing.make(member=cast.home.owner, conversation_id=conversation.pk, now=conversation.created_at)
        for member in (cast.home.coach, cast.home.admin, cast.away.owner):
            api = as_program(member)
            found = api("GET", f"diary?conversation_id={conversation.pk}")
            nowhere = api("GET", f"diary?conversation_id={uuid4()}")
            assert (found.status, found.error) == (404, nowhere.error)
            assert api("GET", "diary").data == {"entries": []}

    @pytest.mark.parametrize("query", ["before=0", "before=soon", "conversation_id=7", "who=ben"])
    def test_nonsense_is_refused(self, cast: Cast, query: str) -> None:
        assert as_program(cast.home.owner)("GET", f"diary?{query}").status == 400
