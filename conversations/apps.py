"""Application configuration."""

from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    """The conversations app."""

    name = "conversations"
