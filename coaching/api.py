"""The coach's own AI over the API: what it is called, how it speaks, when it calls its coach."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from accounts.api_envelope import Answer
from accounts.api_operations import Operation
from accounts.api_parsing import StrictSerializer
from accounts.roles import Role
from accounts.scopes import Scope
from coaching import personas
from coaching.forms import LONGEST_PHRASE, MOST_PHRASES, PersonaForm
from coaching.models import LONGEST_BIO, LONGEST_INSTRUCTIONS, LONGEST_NAME, LONGEST_TONE

PER_CENT = "Per cent: with sources that carry an answer less, the coach is called; 0 never does."


class PersonaPreviewShape(serializers.Serializer[Any]):
    """How the AI would present itself."""

    name = serializers.CharField()
    opening = serializers.CharField(help_text="How each of its prompts begins.")
    wishes = serializers.CharField(help_text="What its prompts say of the coach's wishes.")


class PersonaShape(serializers.Serializer[Any]):
    """A coach's AI as its coach has written it."""

    name = serializers.CharField()
    bio = serializers.CharField()
    tone = serializers.CharField()
    instructions = serializers.CharField()
    escalation_phrases = serializers.ListField(child=serializers.CharField())
    low_confidence = serializers.SerializerMethodField(help_text=PER_CENT)
    preview = PersonaPreviewShape()

    @extend_schema_field(serializers.IntegerField(min_value=0, max_value=100))
    def get_low_confidence(self, shown: Mapping[str, Any]) -> int:
        """Return the threshold in per cent."""
        below: float = shown["low_confidence_below"]
        return round(below * 100)


class PersonaChange(StrictSerializer):
    """What a coach writes about their AI; what is not named stays."""

    name = serializers.CharField(max_length=LONGEST_NAME, required=False)
    bio = serializers.CharField(max_length=LONGEST_BIO, required=False, allow_blank=True)
    tone = serializers.CharField(max_length=LONGEST_TONE, required=False, allow_blank=True)
    instructions = serializers.CharField(max_length=LONGEST_INSTRUCTIONS, required=False, allow_blank=True)
    escalation_phrases = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_PHRASE),
        required=False,
        max_length=MOST_PHRASES,
        help_text="Words that always call the coach: all of them from now on.",
    )
    low_confidence = serializers.IntegerField(min_value=0, max_value=100, required=False, help_text=PER_CENT)


class _OfThePersona(Operation):
    """What a coach does with their AI."""

    only_for = Role.COACH

    def change(self) -> personas.Change:
        """Return what the body changes.

        Raises:
            ValidationError: a field is wrong, for the same reasons as on the page.
        """
        named = dict(self.body(PersonaChange))
        if "escalation_phrases" in named:
            named["escalation_phrases"] = "\n".join(named["escalation_phrases"])
        form = PersonaForm(named, coach=self.member, only=named)
        if not form.is_valid():
            raise serializers.ValidationError(
                {name: [str(error) for error in errors] for name, errors in form.errors.items()}
            )
        return form.change()

    def shown(self, written: personas.Written) -> Answer:
        """Answer with an AI as it is written, and how it would begin."""
        preview = personas.preview(coach=self.member, written=written)
        return self.answer(PersonaShape({**asdict(written), "preview": preview}))


class OwnPersona(_OfThePersona):
    """The AI of the coach who asks."""

    needs = {"GET": Scope.PERSONA, "PATCH": Scope.PERSONA}

    @extend_schema(tags=["coaches"], responses=PersonaShape)
    def get(self, _request: Request) -> Answer:
        """Show your AI as you have written it; as it is without that, where you have written nothing."""
        return self.shown(personas.own(self.member))

    @extend_schema(tags=["coaches"], request=PersonaChange, responses=PersonaShape)
    def patch(self, _request: Request) -> Answer:
        """Write about your AI. It speaks so from its next answer on; the record says what was changed, and no word."""
        personas.write(coach=self.member, change=self.change(), request=self.django_request)
        return self.shown(personas.own(self.member))


class PersonaPreview(_OfThePersona):
    """How the AI would be."""

    needs = {"POST": Scope.PERSONA}

    @extend_schema(tags=["coaches"], request=PersonaChange, responses=PersonaShape)
    def post(self, _request: Request) -> Answer:
        """Show how your AI would begin with these changes. Nothing is kept."""
        return self.shown(replace(personas.own(self.member), **self.change()))
