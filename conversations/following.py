"""A conversation follows its educator to another coach, and takes nobody's trust for granted.

It was shared with the coach whom its owner had. When that coach is not theirs any more, it goes to the new one
closed: neither of them reads what was said before, until its owner shares it. A coach who is in it stays in it until
it is handed back.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime
from functools import partial
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, UUIDField, Value, When
from django.db.models.functions import Coalesce

from accounts import audit
from accounts.models import User
from accounts.roles import Role
from conversations import announcing
from conversations.database import in_db
from conversations.episodes import add_message, open_episode
from conversations.models import Conversation, Message

AT_ONCE = 50
NOBODY = UUID(int=0)
_COACHES = Q(
    ~Q(owner__team_membership__team__coach_id=F("owner_id")),
    owner__team_membership__team__coach__role__in=[Role.COACH, Role.ADMIN],
    owner__team_membership__team__coach__is_active=True,
)
"""Whether the team's coach coaches now, as `accounts.access.coach_for` has it: the queue and the library go by that."""


def follow(*, educators: Collection[UUID], now: datetime) -> None:
    """Take the conversations of these educators to the coaches whom they have now, in the caller's transaction.

    `accounts.teams` calls it through the setting `COACHING_CHANGES`.
    """
    moved = _move(_astray().filter(owner_id__in=educators).select_for_update(of=("self",)), now=now)
    if moved:
        transaction.on_commit(partial(async_to_sync(tell), moved), robust=True)


@transaction.atomic(durable=True)
def find_astray(*, now: datetime) -> list[UUID]:
    """Take conversations along whose educators changed coaches unnoticed, a few at once; return them."""
    some = Conversation.objects.filter(pk__in=_astray().values("pk")[:AT_ONCE])
    return _move(_astray(some).select_for_update(of=("self",), skip_locked=True), now=now)


def settle(conversation: Conversation, *, now: datetime) -> None:
    """Take a locked conversation along that its coach has just left, in the caller's transaction."""
    _move(_astray().filter(pk=conversation.pk), now=now)
    conversation.refresh_from_db()


async def tell(conversations: Iterable[UUID]) -> None:
    """Show the open sockets of these conversations how things stand; the coach who was closes with that."""
    for conversation_id in conversations:
        conversation, _ = await in_db(announcing.load_with_names)(conversation_id)
        await announcing.show(conversation_id, sequence=conversation.last_sequence, with_state=True)


def _astray(among: QuerySet[Conversation] | None = None) -> QuerySet[Conversation]:
    """Return the conversations whose coach is not who coaches the owner now; each has that one as `heir`."""
    # Read from the row itself, which the lock brings up to date. Without a coach, it waits for its end.
    held = Q(owner_state=Conversation.OwnerState.COACH) & (Q(holder_id=F("coach_id")) | Q(coach_id=None))
    found = Conversation.objects.all() if among is None else among
    return (
        found.filter(~held, deleted_at=None)
        .annotate(
            # Joined, not asked for each row: the sweep looks at every conversation there is, once a minute.
            heir=Case(
                When(_COACHES, then="owner__team_membership__team__coach_id"),
                default=Value(NOBODY),
                output_field=UUIDField(),
            ),
            had=Coalesce("coach_id", Value(NOBODY), output_field=UUIDField()),
        )
        .exclude(had=F("heir"))
    )


def _move(astray: QuerySet[Conversation], *, now: datetime) -> list[UUID]:
    """Take conversations along; return them."""
    # All rows are locked before the first line of the record, which lets one transaction at a time write:
    # two that took them in another order could wait for each other.
    rows = list(astray.select_related("owner", "coach").order_by("pk").annotate(to=F("heir")))
    coaches = User.objects.in_bulk({row.to for row in rows})
    closed: Counter[User] = Counter()
    for row in rows:
        closed[row.owner] += _move_one(row, coaches.get(row.to), now=now)
    for owner, count in closed.items():
        audit.record(
            actor=None,
            action="coach_changed",
            resource=audit.person(owner),
            reason=f"shared conversations that are private now: {count}",
            organization_id=owner.organization_id,
        )
    return [row.pk for row in rows]


def _move_one(conversation: Conversation, coach: User | None, *, now: datetime) -> bool:
    """Give a conversation to the owner's coach of now; say whether it was shared and is private now."""
    before = conversation.coach
    if conversation.owner_state == Conversation.OwnerState.COACH:
        # Another coach is in it and goes on; it belongs to nobody until that one hands back.
        conversation.coach = None
        conversation.save(update_fields=["coach"])
        return False
    was_shared = conversation.visibility == Conversation.Visibility.COACHED
    conversation.coach = coach
    conversation.visibility = Conversation.Visibility.PRIVATE
    episode = open_episode(conversation)
    if episode is not None:
        episode.consented = False
        episode.save(update_fields=["consented"])
    if was_shared and conversation.last_sequence:
        add_message(
            conversation,
            sender_type=Message.Sender.SYSTEM,
            text=_notice(before, coach),
            now=now,
            metadata={"kind": "coach_changed"},
        )
    # Its place in the list stays: nobody has said anything.
    conversation.save(update_fields=["coach", "visibility", "updated_at"])
    return was_shared


def _notice(before: User | None, coach: User | None) -> str:
    """Say to the owner who can read what from now on."""
    who_was = f"{before.name} can no longer read this conversation" if before else "It is private now"
    if coach is None:
        return (
            f"{who_was}: they are not your coach any more. When you have another, you decide what they read."
        )
    return f"{coach.name} is your coach now. {who_was}, and {coach.name} reads it only if you share it."
