"""What a coach needs who steps in: three lines with quotes, and on request the AI's draft of a reply.

The brief is put together from the messages that this coach may read, without any model, and is never stored.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from conversations.models import Conversation, Handoff, Message
from conversations.waiting import ICONS, urgency_of

LONGEST_QUOTE = 180

RULES: dict[str, Callable[[str], str]] = {
    "pressed the button": "{} pressed “Ask for a coach”.".format,
    "asks for a person": "{} asked in words for a person.".format,
    "suicide or self-harm": "Words of {} may point to suicide or self-harm.".format,
    "violence or danger": "Words of {} may point to violence or danger.".format,
    "a decision with large consequences": "{} may be about to make a decision with large consequences.".format,
    "a phrase of the coach": "{} used one of the phrases that call the coach.".format,
    "the sources do not support an answer": "The library does not carry an answer to what {} asked.".format,
}
"""The rules that call a person, in words, with the name of the client."""

AI_STANDS = {
    Message.State.COMPLETE: "answered",
    Message.State.STREAMING: "is writing",
    Message.State.STOPPED: "was stopped",
    Message.State.FAILED: "could not answer",
}


@dataclass(frozen=True, slots=True)
class Quote:
    """The words of a message, shortened, and where they stand."""

    message_id: UUID
    text: str


@dataclass(frozen=True, slots=True)
class Brief:
    """Why a person is needed, what the client said, and where the AI stands."""

    reason: str
    icon: str
    urgency: str
    urgency_words: str
    why: tuple[str, ...]
    """The rules that applied, in words; empty where the words behind them are hidden."""
    confidence: int | None
    """The AI's confidence before the episode in per cent."""
    client: Quote | None
    ai: Quote | None
    ai_stands: str
    """How the AI's last turn ended."""


def brief(
    conversation: Conversation, episode: Handoff | None, messages: Sequence[Message], *, words_hidden: bool
) -> Brief:
    """Return the brief of a conversation from the messages that the coach may read, oldest first."""
    ai = _last(messages, Message.Sender.AI)
    known = episode is not None and not words_hidden
    urgency, urgency_words = urgency_of(episode.reason) if episode else ("", "")
    return Brief(
        reason=Handoff.Reason(episode.reason).label if episode else "Nobody has asked for a person",
        icon=ICONS[Handoff.Reason(episode.reason)] if episode else "eye",
        urgency=urgency,
        urgency_words=urgency_words,
        why=trace_in_words(episode, conversation.owner.name) if episode and known else (),
        confidence=_percent(episode.confidence) if episode and known else None,
        client=_quote(_what_called(messages, episode) or _last(messages, Message.Sender.CLIENT)),
        ai=_quote(ai),
        ai_stands=AI_STANDS[Message.State(ai.state)] if ai else "",
    )


def trace_in_words(episode: Handoff, client: str) -> tuple[str, ...]:
    """Return the rules that called a person as sentences, each once, in the order in which they applied."""
    names = dict.fromkeys(str(each.get("rule", "")) for each in episode.rule_trace)
    return tuple(
        RULES[name](client) if name in RULES else f"A rule applied: {name}." for name in names if name
    )


def _percent(confidence: float | None) -> int | None:
    return None if confidence is None else round(confidence * 100)


def _what_called(messages: Sequence[Message], episode: Handoff | None) -> Message | None:
    """Return the client's message that called a person, if it may be read."""
    if episode is None or episode.trigger_id is None:
        return None
    called = (message for message in messages if message.pk == episode.trigger_id)
    return next((message for message in called if message.sender_type == Message.Sender.CLIENT), None)


def _last(messages: Sequence[Message], sender_type: str) -> Message | None:
    said = (message for message in reversed(messages) if message.sender_type == sender_type)
    return next((message for message in said if message.content), None)


def _quote(message: Message | None) -> Quote | None:
    if message is None:
        return None
    text = " ".join(message.content.split())
    short = text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE].rsplit(" ", 1)[0] + "…"
    return Quote(message.pk, short)
