"""How a message looks, whichever way it was rendered."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.template.loader import render_to_string

from conversations.models import Message
from conversations.presenting import TEMPLATE, Names, message_html, view_of

NAMES = Names(client="Ada <Moss> & hole-id.", persona="Ben's companion")


@pytest.mark.parametrize(
    ("sender", "state", "content", "metadata"),
    [
        ("client", "complete", "How do we begin?", {}),
        ("client", "complete", "<b>bold</b> & {{ message.id }} hole-body. \\1 \\g<0>", {}),
        ("ai", "streaming", "", {}),
        ("ai", "streaming", "Begin with", {}),
        ("ai", "stopped", "", {}),
        ("ai", "failed", "Begin", {"error": "ProviderBusy"}),
        ("ai", "complete", "Begin **well**.", {}),
        ("system", "complete", "Ben Hart has joined.", {"kind": "takeover"}),
        ("system", "complete", "Somebody is there.", {"kind": "crisis", "help_lines": [{"name": "Line"}]}),
    ],
)
def test_a_message_in_the_place_of_others_looks_as_it_does_alone(
    sender: str, state: str, content: str, metadata: dict[str, object]
) -> None:
    for number in (7, 8):
        message = Message(
            id=UUID(int=number),
            sequence=number,
            sender_type=sender,
            state=state,
            content=content * number,
            created_at=datetime(2026, 3, 2, 9, number, tzinfo=UTC),
            metadata=metadata,
        )
        view = view_of(message, NAMES)
        assert message_html(view) == render_to_string(TEMPLATE, {"message": view})


QUOTED = {
    "title": "<b>The</b> & {{ it }}",
    "authors": ["R. Moss", "A & B"],
    "quote": "Look \\1 'well'",
    "label": "verified",
}
BARE = {"title": "hole-title0.", "label": "unsupported"}
PLACED = {"title": "Plans", "chapter_title": "<i>Two</i>", "page_label": "0", "label": "paraphrase"}
SPOKEN = {"title": "Talk", "speaker": "Ada & <Ben>", "start_seconds": 62.0, "label": "verified"}


@pytest.mark.parametrize("score", [0, 1, -1])
@pytest.mark.parametrize(
    "cards",
    [[QUOTED], [QUOTED, BARE], [BARE, PLACED, QUOTED], [PLACED, PLACED, QUOTED, BARE], [SPOKEN, PLACED]],
)
def test_an_answer_in_the_place_of_others_names_its_own_sources(
    cards: list[dict[str, object]], score: int
) -> None:
    for turn in (7, 8):
        citations = [
            {
                **card,
                "number": turn * place,
                "title": f"{card['title']} {turn}",
                "document_id": str(UUID(int=place)),
                "version_id": str(UUID(int=turn + place)),
                "passage_id": str(UUID(int=turn * place)),
                "page_index": turn,
                "quote_start": turn,
                "quote_end": turn + place,
            }
            for place, card in enumerate(cards, start=1)
        ]
        message = Message(
            id=UUID(int=turn),
            sequence=turn,
            sender_type="ai",
            state="complete",
            content="".join(f"Begin [{citation['number']}]. " for citation in citations),
            created_at=datetime(2026, 3, 2, 9, turn, tzinfo=UTC),
            citations=citations,
        )
        view = view_of(message, NAMES, score=score)
        assert message_html(view) == render_to_string(TEMPLATE, {"message": view})
        assert message_html(view).count(f" {turn}</span>") == len(cards)
        assert message_html(view).count("Ada &amp; &lt;Ben&gt; at 1:02</span>") == cards.count(SPOKEN)
