"""A coach's AI as its coach writes it: what it is called, how it speaks, and when it calls its coach."""

from dataclasses import asdict, dataclass, replace
from typing import TypedDict

from django.db import transaction
from django.http import HttpRequest

from accounts import access, audit
from accounts.models import User
from coaching.models import Persona
from coaching.prompts.compose import PersonaVoice, compose_answer

UNNAMED = "Sideline"
"""What an AI is called whose coach has written nothing."""


@dataclass(frozen=True, slots=True)
class Written:
    """All that a coach decides about their AI."""

    name: str = UNNAMED
    bio: str = ""
    tone: str = ""
    instructions: str = ""
    escalation_phrases: tuple[str, ...] = ()
    low_confidence_below: float = 0.2


class Change(TypedDict, total=False):
    """What a coach decides anew about their AI; what is not named stays."""

    name: str
    bio: str
    tone: str
    instructions: str
    escalation_phrases: tuple[str, ...]
    low_confidence_below: float


@dataclass(frozen=True, slots=True)
class Preview:
    """How the AI would present itself, and how each of its prompts would begin."""

    name: str
    opening: str
    wishes: str


def own(coach: User) -> Written:
    """Return what the coach has written; what an AI is without that, where they have written nothing."""
    persona = Persona.objects.filter(coach=coach).first()
    return Written() if persona is None else _written(persona)


@transaction.atomic(durable=True)
def write(*, coach: User, change: Change, request: HttpRequest | None = None) -> list[str]:
    """Change what the coach has written about their own AI; return the names of what is new, none of the words.

    The first change makes the persona. What is as it was leaves no trace on the record; what somebody else writes
    at the same moment and is not named here stays.

    Raises:
        AccountDeactivated: the coach's account was closed meanwhile, or is being erased.
    """
    access.hold_open(coach)
    everyones = Persona.objects.select_for_update()
    persona, is_new = everyones.get_or_create(coach=coach, defaults=asdict(Written()))
    before = _written(persona)
    after = replace(before, **change)
    changed = [name for name in asdict(after) if getattr(after, name) != getattr(before, name)]
    if not changed:
        if is_new:
            persona.delete()
        return []
    for name in changed:
        setattr(persona, name, getattr(after, name))
    persona.save(update_fields=[*changed, "updated_at"])
    audit.record(
        actor=coach,
        action="persona_written",
        resource=f"persona:{persona.pk}",
        reason=", ".join(changed),
        request=request,
    )
    return changed


def preview(*, coach: User, written: Written) -> Preview:
    """Return how the AI would present itself and how a prompt would begin; nothing is kept."""
    voice = PersonaVoice(
        name=written.name,
        coach_name=coach.name,
        bio=written.bio,
        tone=written.tone,
        instructions=written.instructions,
    )
    request = compose_answer(persona=voice, history=(), question="", sources=())
    opening, _, rules = request.messages[0].content.partition("\n# ")
    # The wishes may have headings of their own: they end before the last of the prompt.
    wishes = rules.partition("\n# Wishes")[2].rpartition("\n# ")[0]
    return Preview(name=written.name, opening=opening.strip(), wishes=wishes.partition("\n")[2].strip())


def _written(persona: Persona) -> Written:
    return Written(
        name=persona.name,
        bio=persona.bio,
        tone=persona.tone,
        instructions=persona.instructions,
        escalation_phrases=tuple(persona.escalation_phrases),
        low_confidence_below=persona.low_confidence_below,
    )
