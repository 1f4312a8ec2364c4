"""What a turn needs before a model is asked: values in, values out, read in short database slices."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

from coaching.models import Persona
from coaching.prompts.compose import PersonaVoice, compose_answer
from coaching.providers.ports import ChatMessage, ChatRequest
from conversations.models import Conversation, Message
from conversations.turns import ledger, student_gate
from conversations.turns.understand import Understood
from knowledge.retrieval import retrieve
from knowledge.retrieved import Retrieval, RetrievedPassage
from knowledge.scope import Scope

HISTORY = 10
"""Messages of the conversation that every prompt carries in full."""

LOW_CONFIDENCE_BELOW = 0.2
"""Where a coach has set no threshold of their own."""

_NAMED: dict[str, Literal["user", "assistant"]] = {
    Message.Sender.CLIENT: "user",
    Message.Sender.AI: "assistant",
    Message.Sender.HUMAN_COACH: "assistant",
}
_FEW_WORDS = 6


@dataclass(frozen=True, slots=True)
class Voice:
    """The coach's AI as a prompt needs it, and its threshold."""

    persona: PersonaVoice
    low_confidence_below: float


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the database knows of a turn before anything is looked up."""

    turn_id: UUID
    conversation_id: UUID
    reply_id: UUID
    reply_sequence: int
    organization_id: UUID
    client_id: UUID
    scope: Scope
    voice: Voice
    question: str
    search_text: str
    history: tuple[ChatMessage, ...]
    handback: str
    asked_back: bool = False
    """Whether the AI's last message was allowed to be a question back."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an answer is to stand on, and the passages that its markers stand for."""

    loaded: Loaded
    retrieval: Retrieval
    passages: dict[int, RetrievedPassage]
    asks_back: bool = False
    """Whether the answer may be a question back."""
    domains: tuple[str, ...] = ()
    """What the question is about."""


_PERSONA = ("name", "bio", "tone", "instructions", "low_confidence_below")


def load(turn_id: UUID) -> Loaded | None:
    """Read a running turn with its conversation; None when it is no longer running."""
    turn = ledger.load(turn_id, most=HISTORY)
    if turn is None:
        return None
    earlier = [replace(message, content=student_gate.for_provider(message)) for message in turn.earlier]
    persona = {
        "name": turn.persona_name,
        "bio": turn.bio,
        "tone": turn.tone,
        "instructions": turn.instructions,
        "low_confidence_below": turn.low_confidence_below,
    }
    return Loaded(
        turn_id=turn_id,
        conversation_id=turn.conversation_id,
        reply_id=turn.reply_id,
        reply_sequence=turn.reply_sequence,
        organization_id=turn.organization_id,
        client_id=turn.owner_id,
        scope=Scope(turn.organization_id, turn.coach_id),
        voice=_voice(persona, coach_name=turn.coach_name or ""),
        question=turn.question,
        search_text=_search_text(turn.question, earlier),
        history=tuple(
            ChatMessage(role=_NAMED[message.sender_type], content=message.content)
            for message in earlier
            if message.sender_type in _NAMED and message.content
        ),
        handback=_what_the_coach_did(earlier),
        asked_back=_was_asked_back(earlier),
    )


def voice_of(conversation: Conversation) -> Voice:
    """Return the voice of the conversation's coach, or a plain one where there is no coach."""
    coach = conversation.coach
    persona: Persona | None = getattr(coach, "persona", None) if coach else None
    values = {name: getattr(persona, name) if persona else None for name in _PERSONA}
    return _voice(values, coach_name=coach.name if coach else "")


def _voice(persona: Mapping[str, Any], *, coach_name: str) -> Voice:
    if persona["name"] is None:
        return Voice(PersonaVoice(name="Sideline", coach_name=coach_name), LOW_CONFIDENCE_BELOW)
    voice = PersonaVoice(
        name=persona["name"],
        coach_name=coach_name,
        bio=persona["bio"],
        tone=persona["tone"],
        instructions=persona["instructions"],
    )
    return Voice(voice, persona["low_confidence_below"])


def _search_text(question: str, earlier: Sequence[ledger.Said]) -> str:
    """Return what to look up: a short follow-up is looked up together with the question before it."""
    if len(re.findall(r"\w+", question)) >= _FEW_WORDS:
        return question
    for message in reversed(earlier):
        if message.sender_type == Message.Sender.CLIENT:
            return f"{message.content}\n{question}"
    return question


def _what_the_coach_did(earlier: Sequence[ledger.Said]) -> str:
    """Return what the human said in the episode that was handed back, unless the AI has spoken since."""
    said: list[str] = []
    handed_back = False
    for message in reversed(earlier):
        if message.metadata.get("is_handback"):
            handed_back = True
        elif not handed_back and message.sender_type == Message.Sender.AI:
            break
        elif handed_back and message.sender_type == Message.Sender.HUMAN_COACH:
            said.insert(0, message.content)
        elif handed_back and message.metadata.get("kind") == "takeover":
            break
    return "\n".join(said)


def _was_asked_back(earlier: Sequence[ledger.Said]) -> bool:
    spoken = (said for said in reversed(earlier) if said.sender_type == Message.Sender.AI)
    last = next(spoken, None)
    return last is not None and bool(last.metadata.get("asks_back"))


def unprepared(loaded: Loaded) -> Plan:
    """Return the plan of a turn that ends before anything was looked up."""
    return Plan(loaded, Retrieval(), {})


def look_up(loaded: Loaded, understood: Understood) -> Plan:
    """Retrieve the passages for a turn."""
    found = retrieve(
        scope=loaded.scope,
        question=loaded.search_text,
        vector=understood.vector,
        domains=understood.domains,
    )
    passages = dict(enumerate(found.passages, start=1))
    asks_back = understood.is_vague and not loaded.asked_back
    return Plan(loaded, found, passages, asks_back, understood.domains)


def prompt(plan: Plan) -> ChatRequest:
    """Write the prompt of a turn."""
    loaded = plan.loaded
    return compose_answer(
        persona=loaded.voice.persona,
        history=loaded.history,
        question=loaded.question,
        sources=[passage.as_source(number) for number, passage in plan.passages.items()],
        handback=loaded.handback,
        asks_back=plan.asks_back,
    )
