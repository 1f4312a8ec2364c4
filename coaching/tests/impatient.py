"""The OpenAI adapter with the patience of a test, for settings that name it."""

from django.conf import settings

from coaching.providers.openai_adapter import OpenAIChat
from coaching.providers.pace import Deadlines

DEADLINES = Deadlines(connect_s=2.0, first_token_s=0.4, idle_s=0.4)


def chat() -> OpenAIChat:
    """Build the chat model for the base URL of the settings."""
    return OpenAIChat(
        model="loopback", api_key="sk-test", base_url=settings.OPENAI_BASE_URL, deadlines=DEADLINES
    )
