"""First questions for an empty conversation or an empty list, from what the library can answer."""

from accounts.access import coach_for, organization_of
from accounts.models import User
from conversations.models import Conversation
from knowledge.scope import Scope
from knowledge.suggestions import suggested_questions

HOW_MANY = 4


def first_questions(conversation: Conversation) -> list[str]:
    """Return questions that the library of this conversation answers."""
    scope = Scope(conversation.organization_id, conversation.coach_id)
    return suggested_questions(scope, limit=HOW_MANY)


def first_questions_for(member: User) -> list[str]:
    """Return questions that the library of a member's next conversation will answer."""
    coach = coach_for(member)
    return suggested_questions(Scope(organization_of(member).pk, coach.pk if coach else None), limit=HOW_MANY)
