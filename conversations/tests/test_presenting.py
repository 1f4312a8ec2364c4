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
