"""People and turns on given days, for tests of numbers."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from accounts.models import TeamMembership, User
from accounts.tests.cast import House
from accounts.tests.factories import UserFactory
from conversations.models import Conversation, Feedback, Interaction, Message
from conversations.tests.factories import begin
from conversations.turns.accept import accept

FIRST = date(2026, 10, 1)


def enlarged(house: House) -> list[User]:
    """Return six educators of the coach's team: the owner, and five more who join it."""
    others = [
        UserFactory.create(name=f"Educator {number}", organization=house.organization) for number in range(5)
    ]
    for person in others:
        TeamMembership.objects.create(team=house.team, member=person)
    return [house.owner, *others]


def talk(
    member: User,
    text: str = "How do we begin?",
    *,
    on: date = FIRST,
    domains: tuple[str, ...] = ("collaboration",),
    score: int = 0,
    visibility: str = "coached",
) -> Interaction:
    """Have a member ask once in a new conversation, answered in two seconds, the first words after 400 ms."""
    at = datetime(on.year, on.month, on.day, 9, tzinfo=UTC)
    conversation = begin(member, visibility=visibility)
    Conversation.objects.filter(pk=conversation.pk).update(created_at=at)
    accepted = accept(
        member=member, conversation_id=conversation.pk, client_id=uuid4(), text=text, now=at, worker="here"
    )
    assert accepted.reply is not None
    assert accepted.turn_id is not None
    Message.objects.filter(pk=accepted.reply.pk).update(
        state="complete", content="So.", domains=list(domains)
    )
    Interaction.objects.filter(pk=accepted.turn_id).update(
        state="done",
        first_token_at=at + timedelta(milliseconds=400),
        finished_at=at + timedelta(seconds=2),
    )
    if score:
        given = Feedback.objects.create(message_id=accepted.reply.pk, author=member, score=score)
        Feedback.objects.filter(pk=given.pk).update(created_at=at)
    return Interaction.objects.get(pk=accepted.turn_id)
