"""First questions for an empty conversation, from what the library can answer."""

from conversations.models import Conversation
from knowledge.scope import Scope
from knowledge.suggestions import suggested_questions

HOW_MANY = 4


def first_questions(conversation: Conversation) -> list[str]:
    """Return questions that the library of this conversation answers."""
    scope = Scope(conversation.organization_id, conversation.coach_id)
    return suggested_questions(scope, limit=HOW_MANY)
