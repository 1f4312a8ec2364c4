"""A coach who has a conversation and is gone: it goes back, and nobody is left alone with a silent AI.

A coach is here while a socket of theirs is open in the conversation or after they did something in it. Both
are noted in PostgreSQL; Redis may be empty. Who works without a script has no socket and is given longer, and so
is who is in the console of another client just now. `docs/handoff.md` has the times.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest

from accounts import audit
from accounts.models import User
from coaching.policies import escalation
from conversations import access, following
from conversations.episodes import add_message, end, wait_again
from conversations.models import Attendance, Conversation, Handoff, Message

GONE_AFTER = timedelta(seconds=120)
"""How long after their last socket or act a coach is given up."""
GONE_AFTER_WITHOUT_SOCKET = timedelta(minutes=15)
"""The same for a coach whom only their acts can show, or who is with another client meanwhile."""
AT_ONCE = 50


def attend(present: Iterable[tuple[UUID, UUID]], *, now: datetime) -> None:
    """Note that coaches have a socket open: pairs of a conversation and a coach."""
    rows = [
        Attendance(conversation_id=conversation_id, coach_id=coach_id, seen_at=now)
        # In one order in every process, so that two of them cannot wait for each other.
        for conversation_id, coach_id in sorted(set(present))
    ]
    Attendance.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["coach", "conversation"], update_fields=["seen_at"]
    )


def note_act(*, coach: User, conversation_id: UUID, now: datetime) -> None:
    """Note that a coach does something in a conversation; one who does not have it leaves no trace."""
    Handoff.objects.filter(
        conversation_id=conversation_id, coach_id=coach.pk, state=Handoff.State.TAKEN
    ).update(acted_at=now)


def while_away(coach: User, *, since: datetime) -> QuerySet[Handoff]:
    """Return the coach's episodes that ended since then because they had gone, the latest first.

    Each says whether its conversation `is_open_to_me`; one that has a newer episode is no news any more.
    """
    open_to_me = access.coached_conversations(coach).filter(pk=OuterRef("conversation_id"))
    newer = Handoff.objects.filter(
        conversation_id=OuterRef("conversation_id"), requested_at__gt=OuterRef("requested_at")
    )
    return (
        Handoff.objects.filter(
            ~Exists(newer), coach_id=coach.pk, state=Handoff.State.RETURNED, absent_at__gte=since
        )
        .filter(conversation__deleted_at=None)
        .annotate(is_open_to_me=Exists(open_to_me))
        .select_related("conversation__owner")
        .order_by("-absent_at")
    )


def left_by(coach: User, conversation_id: UUID) -> datetime | None:
    """Return when the conversation went back because this coach had gone; None once anything came after that."""
    last = Handoff.objects.filter(conversation_id=conversation_id).order_by("-requested_at").first()
    if last is None or last.coach_id != coach.pk or last.state != Handoff.State.RETURNED:
        return None
    return last.absent_at


@dataclass(frozen=True, slots=True)
class _Silence:
    """An episode whose coach may be gone, and the last signs of them."""

    episode: Handoff
    acted_at: datetime
    socket_at: datetime | None
    """When a socket of theirs was last seen in the conversation."""
    is_long: bool
    """Whether even somebody who works without a socket would have done something by now."""

    @property
    def seen_at(self) -> datetime:
        """The last sign of any kind."""
        return max(self.acted_at, self.socket_at or self.acted_at)

    @property
    def means_absence(self) -> bool:
        """Whether the coach is gone: one without a socket may simply read, unless they have signed out."""
        coach, taken_at = self.episode.coach, self.episode.taken_at
        if self.is_long or coach is None or taken_at is None:
            return True
        if self.socket_at is not None and self.socket_at > taken_at - GONE_AFTER:
            return True
        return audit.is_recorded(
            actor=coach, action="signed_out", resource=audit.person(coach), since=self.acted_at
        )


def give_back(*, now: datetime) -> list[UUID]:
    """Give back what coaches have who are gone; return the conversations."""
    gone = [silence.episode for silence in _silences(now) if silence.means_absence][:AT_ONCE]
    return [episode.conversation_id for episode in gone if _give_back_one(episode, now=now)]


def _silences(now: datetime, **only: UUID) -> list[_Silence]:
    """Return the episodes of coaches without a sign of them, those that are silent longest first."""
    sockets = Attendance.objects.filter(coach_id=OuterRef("coach_id"))
    here = sockets.filter(conversation_id=OuterRef("conversation_id"))
    found = (
        Handoff.objects.filter(state=Handoff.State.TAKEN, **only)
        .annotate(
            socket_at=Subquery(here.values("seen_at")[:1]),
            last_act=Coalesce("acted_at", "taken_at"),
            is_elsewhere=Exists(sockets.filter(seen_at__gt=now - GONE_AFTER)),
        )
        # PostgreSQL's greatest leaves out what is null.
        .annotate(seen_at=Greatest("last_act", "socket_at"))
        .annotate(is_long=Q(seen_at__lte=now - GONE_AFTER_WITHOUT_SOCKET))
        .filter(Q(is_long=True) | Q(seen_at__lte=now - GONE_AFTER, is_elsewhere=False))
        .select_related("coach")
        .order_by("seen_at")
    )
    return [_Silence(each, each.last_act, each.socket_at, each.is_long) for each in found]


@transaction.atomic(durable=True)
def _give_back_one(found: Handoff, *, now: datetime) -> bool:
    """Give one conversation back, unless its coach has come back or somebody does something in it just now."""
    conversation = (
        Conversation.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(pk=found.conversation_id)
        .first()
    )
    silence = next(iter(_silences(now, pk=found.pk)), None)
    if conversation is None or silence is None or not silence.means_absence:
        return False
    episode = silence.episode
    name = episode.coach.name if episode.coach else "Your coach"
    episode.absent_at = now
    episode.save(update_fields=["absent_at"])
    if episode.reason in escalation.AI_MUST_WAIT:
        wait_again(conversation, episode, cause=f"{name} could not be reached any more", now=now)
    else:
        _return_to_the_ai(conversation, silence, name, now=now)
    following.settle(conversation, now=now)
    audit.record(
        actor=None,
        action="conversation.coach_absent",
        resource=f"conversation:{conversation.pk}",
        reason=f"no sign of the coach since {silence.seen_at:%H:%M:%S} UTC",
        organization_id=conversation.organization_id,
    )
    return True


def _return_to_the_ai(conversation: Conversation, silence: _Silence, name: str, *, now: datetime) -> None:
    was_here = silence.seen_at - (silence.episode.taken_at or silence.seen_at)
    end(conversation, silence.episode, state=Handoff.State.RETURNED, now=now)
    add_message(
        conversation,
        sender_type=Message.Sender.SYSTEM,
        text=f"{name} could not be reached any more, so you are with the AI again. "
        "You can ask for a coach at any time.",
        now=now,
        metadata={
            "kind": "handback",
            "is_handback": True,
            "cause": "absent",
            "human_duration_minutes": round(was_here.total_seconds() / 60, 1),
        },
    )
