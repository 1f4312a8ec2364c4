"""What a coach needs who steps in: three lines with quotes, and on request the AI's draft of a reply.

The brief is put together from the messages that this coach may read, without any model, and is never stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from coaching.policies import escalation
from conversations.models import Conversation, Handoff, Message
from conversations.waiting import ICONS, urgency_of
from knowledge.quotes import strip_markup

LONGEST_QUOTE = 180

SENTENCES: dict[str, str] = {
    escalation.CRISIS: "Words of {client} may point to this: {rule}.",
    escalation.HIGH_STAKES: "{client} may be about to make a decision with large consequences.",
    escalation.CLIENT_REQUEST: "{client} asked in words for a person.",
    escalation.ESCALATION_RULE: "{client} used one of the phrases that call the coach.",
    escalation.LOW_CONFIDENCE: "The library does not carry an answer to what {client} asked.",
}
"""Why a rule called a person, by its reason."""

PRESSED = "pressed the button"

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
    return tuple(dict.fromkeys(_sentence(each, client) for each in episode.rule_trace))


def _sentence(applied: Mapping[str, str], client: str) -> str:
    rule = applied.get("rule", "")
    if rule == PRESSED:
        return f"{client} pressed “Ask for a coach”."
    return SENTENCES.get(applied.get("reason", ""), "A rule applied: {rule}.").format(
        client=client, rule=rule
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
    by_ai = message.sender_type == Message.Sender.AI
    text = strip_markup(message.content) if by_ai else " ".join(message.content.split())
    short = text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE].rsplit(" ", 1)[0] + "…"
    return Quote(message.pk, short)
