"""Three lines for the coach who steps in: what it is about, in the client's own words, and where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass

from conversations.models import Conversation, Handoff, Message

LONGEST_QUOTE = 180


@dataclass(frozen=True, slots=True)
class Brief:
    """Why a person is needed, what the client said, and what the AI said last."""

    reason: str
    client_quote: str
    ai_quote: str


def brief(conversation: Conversation, episode: Handoff | None, messages: Sequence[Message]) -> Brief:
    """Return the brief of a conversation from the messages that the coach may read."""
    return Brief(
        reason=Handoff.Reason(episode.reason).label if episode else "Nobody has asked for a person",
        client_quote=_last(messages, Message.Sender.CLIENT),
        ai_quote=_last(messages, Message.Sender.AI),
    )


def _last(messages: Sequence[Message], sender_type: str) -> str:
    for message in reversed(messages):
        if message.sender_type == sender_type and message.content:
            text = " ".join(message.content.split())
            return text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE].rsplit(" ", 1)[0] + "…"
    return ""
