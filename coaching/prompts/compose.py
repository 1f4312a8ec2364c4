"""Compose what a model is asked, from values only: no database, no clock, no model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coaching.prompts.library import PROMPTS
from coaching.prompts.quoting import as_material, tagged, without_markers
from coaching.providers.ports import ChatMessage, ChatRequest, SourceText
from coaching.providers.tokens import MESSAGE_OVERHEAD, estimate_tokens

HISTORY_TOKENS = 2000
TRANSCRIPT_TOKENS = 4000
ROUTED_TOKENS = 400
"""Of a question, to say what it is about."""
CLIPPED = " […] "
NO_SOURCES = "No passage of the library matches this question."


@dataclass(frozen=True, slots=True)
class PersonaVoice:
    """How a coach's AI introduces itself and speaks."""

    name: str
    coach_name: str
    bio: str = ""
    tone: str = ""
    instructions: str = ""


def compose_answer(
    *,
    persona: PersonaVoice,
    history: Sequence[ChatMessage],
    question: str,
    sources: Sequence[SourceText],
    notes: Sequence[str] = (),
    handback: str = "",
    asks_back: bool = False,
    history_tokens: int = HISTORY_TOKENS,
) -> ChatRequest:
    """Compose the coaching answer to `question`.

    `history` is the conversation before the question, oldest first: the newest messages that fit into
    `history_tokens` are kept. `notes` are facts about the client, `handback` what a human coach did
    since the AI last spoke. `sources` are cited by their `number`. With `asks_back`, one question back may come
    instead of an answer.
    """
    system = PROMPTS["answer"].fill(
        name=_line(persona.name),
        coach=_line(persona.coach_name),
        bio=_line(persona.bio) or "an assistant for coaching conversations",
        tone=_line(persona.tone) or "warm, curious and concrete",
        instructions=as_material(persona.instructions) or "None.",
        notes="\n".join(tagged("note", note) for note in notes) or "Nothing yet.",
        handback=tagged("handback", handback) if handback else "",
        ask_back=PROMPTS["ask_back"].text if asks_back else "",
    )
    return ChatRequest(
        purpose="answer",
        messages=(
            ChatMessage("system", system.strip()),
            *fitting(_without_old_markers(history), tokens=history_tokens),
            ChatMessage("user", f"{_sources(sources)}\n\n{tagged('question', question)}"),
        ),
        question=question,
        sources=tuple(sources),
        handback=handback,
    )


def compose_draft(
    *, persona: PersonaVoice, history: Sequence[ChatMessage], sources: Sequence[SourceText] = ()
) -> ChatRequest:
    """Compose the reply that the coach may edit; `history` ends with the message to answer."""
    system = PROMPTS["draft"].fill(
        coach=_line(persona.coach_name),
        tone=_line(persona.tone) or "warm, curious and concrete",
        instructions=as_material(persona.instructions) or "None.",
    )
    asked = next((message.content for message in reversed(history) if message.role == "user"), "")
    return ChatRequest(
        purpose="draft",
        messages=(
            ChatMessage("system", system),
            ChatMessage("user", f"{_sources(sources)}\n\n{_transcript(history)}"),
        ),
        question=asked,
        sources=tuple(sources),
        max_output_tokens=600,
    )


@dataclass(frozen=True, slots=True)
class Subjects:
    """What a model answers to `compose_routing`: slugs, which may be wrong."""

    subjects: list[str]


def compose_routing(*, question: str, subjects: Mapping[str, str]) -> ChatRequest:
    """Ask which `subjects`, each described under its slug, a question is about; the answer is `Subjects`."""
    listed = "\n".join(f"- {slug}: {_line(text)}" for slug, text in subjects.items())
    return ChatRequest(
        purpose="routing",
        messages=(
            ChatMessage("system", PROMPTS["routing"].fill(subjects=listed)),
            ChatMessage("user", tagged("question", clipped(question, tokens=ROUTED_TOKENS))),
        ),
        question=question,
        max_output_tokens=100,
    )


def fitting(history: Sequence[ChatMessage], *, tokens: int) -> tuple[ChatMessage, ...]:
    """Keep the newest messages whose estimate fits into `tokens`; a newest one too long is clipped."""
    kept: list[ChatMessage] = []
    left = tokens
    for message in reversed(history):
        cost = MESSAGE_OVERHEAD + estimate_tokens(message.content)
        if cost > left:
            break
        kept.append(message)
        left -= cost
    if history and not kept:
        newest = history[-1]
        kept.append(ChatMessage(newest.role, clipped(newest.content, tokens=tokens - MESSAGE_OVERHEAD)))
    return tuple(reversed(kept))


def clipped(text: str, *, tokens: int) -> str:
    """Cut the middle out of `text` until its estimate fits into `tokens`."""
    estimate = estimate_tokens(text)
    if estimate <= tokens:
        return text
    keep = max(0, int(len(text) * tokens / estimate) - 2 * len(CLIPPED))
    head = keep * 2 // 3
    return text[:head] + CLIPPED + text[len(text) - (keep - head) :]


def _sources(sources: Sequence[SourceText]) -> str:
    if not sources:
        return NO_SOURCES
    return "\n".join(
        tagged(
            "source",
            without_markers(source.voiced),
            number=source.number,
            title=source.title,
        )
        for source in sources
    )


def _transcript(history: Sequence[ChatMessage]) -> str:
    speakers = {"user": "Client", "assistant": "AI", "system": "Note"}
    kept = fitting(history, tokens=TRANSCRIPT_TOKENS)
    return tagged("conversation", "\n".join(f"{speakers[each.role]}: {_line(each.content)}" for each in kept))


def _without_old_markers(history: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Earlier answers numbered other passages; their markers would point at the wrong ones now."""
    return [
        ChatMessage(message.role, without_markers(as_material(message.content)))
        for message in history
        if message.content.strip()
    ]


def _line(text: str) -> str:
    return " ".join(as_material(text).split())
