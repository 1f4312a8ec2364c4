"""Application configuration."""

from django.apps import AppConfig


class CoachingConfig(AppConfig):
    """The coaching app."""

    name = "coaching"
