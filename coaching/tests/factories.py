"""Personas for tests."""

import factory

from coaching.models import Persona


class PersonaFactory(factory.django.DjangoModelFactory[Persona]):
    """The AI of a coach."""

    class Meta:
        model = Persona

    name = "Robin"
    bio = "Helps teams to meet well."
    tone = "warm and brief"
    instructions = "Ask one question at a time."
