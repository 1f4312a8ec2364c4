"""A coach's AI as its coach writes it: what it is called, how it speaks, and when it calls its coach."""

from dataclasses import asdict, dataclass

from django.db import transaction
from django.http import HttpRequest

from accounts import audit
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


@dataclass(frozen=True, slots=True)
class Preview:
    """How the AI would present itself, and how each of its prompts would begin."""

    name: str
    opening: str
    wishes: str


def own(coach: User) -> Written:
    """Return what the coach has written; what an AI is without that, where they have written nothing."""
    persona = Persona.objects.filter(coach=coach).first()
    if persona is None:
        return Written()
    return Written(
        name=persona.name,
        bio=persona.bio,
        tone=persona.tone,
        instructions=persona.instructions,
        escalation_phrases=tuple(persona.escalation_phrases),
        low_confidence_below=persona.low_confidence_below,
    )


@transaction.atomic(durable=True)
def write(*, coach: User, written: Written, request: HttpRequest | None = None) -> list[str]:
    """Keep what the coach has written about their own AI; return the names of what is new, none of the words.

    The first time makes the persona. What is as it was leaves no trace on the record.
    """
    values = {**asdict(written), "escalation_phrases": list(written.escalation_phrases)}
    persona, is_new = Persona.objects.select_for_update().get_or_create(coach=coach, defaults=values)
    changed = list(values) if is_new else [name for name in values if getattr(persona, name) != values[name]]
    if not changed:
        return []
    for name in changed:
        setattr(persona, name, values[name])
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
    opening, *rules = request.messages[0].content.split("\n# ")
    wishes = next(rule for rule in rules if rule.startswith("Wishes"))
    return Preview(name=written.name, opening=opening.strip(), wishes=wishes.partition("\n")[2].strip())
