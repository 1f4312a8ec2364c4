"""The queue as a coach sees it: who needs a person, how soon, since when, and what may be known of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from accounts.models import User
from coaching.policies import escalation
from conversations import absence, access, queries
from conversations.models import Conversation, Handoff

ICONS = {
    Handoff.Reason.CRISIS: "heart",
    Handoff.Reason.HIGH_STAKES_DECISION: "flag",
    Handoff.Reason.CLIENT_REQUEST: "raise-hand",
    Handoff.Reason.LOW_CONFIDENCE: "help",
    Handoff.Reason.NEGATIVE_SENTIMENT: "alert",
    Handoff.Reason.REPEATED_FAILURE: "retry",
    Handoff.Reason.ESCALATION_RULE: "bell",
    Handoff.Reason.COACH_INITIATIVE: "coach",
}

URGENCIES = ((100, "now", "At once"), (60, "high", "Urgent"), (35, "soon", "Soon"))
"""From which urgency on what is said of it; below the last, it waits until somebody has time."""


ALL = slice(None)

SHOWN_FOR = timedelta(days=1)
"""How long the queue says what went back to the AI while its coach was away."""


@dataclass(frozen=True, slots=True)
class Row:
    """One open episode in the queue of one coach."""

    conversation: Conversation
    episode: Handoff
    title: str
    """What the conversation is about; empty where the coach may not read its words."""
    reads: bool
    """Whether the coach may read all of it."""
    is_mine: bool
    now: datetime

    @property
    def client(self) -> str:
        """Who waits."""
        return self.conversation.owner.name

    @property
    def holder(self) -> str:
        """The coach who has it; empty while it waits."""
        taken = self.episode.state == Handoff.State.TAKEN
        return self.episode.coach.name if taken and self.episode.coach else ""

    @property
    def icon(self) -> str:
        """The icon of the reason."""
        return ICONS[Handoff.Reason(self.episode.reason)]

    @property
    def urgency(self) -> tuple[str, str]:
        """How soon a person should look: a short name, and the words."""
        return urgency_of(self.episode.reason)

    @property
    def since(self) -> datetime:
        """When the client was told that a coach is asked; once taken, when the coach joined."""
        return (self.episode.taken_at if self.holder else None) or self.episode.requested_at

    @property
    def promised(self) -> int:
        """Within how many minutes somebody is promised to answer."""
        return self.episode.organization.response_minutes

    @property
    def is_overdue(self) -> bool:
        """Whether the promised time has passed and nobody has come."""
        return not self.holder and self.now >= self.since + timedelta(minutes=self.promised)

    @property
    def waited(self) -> str:
        """How long it has been so, in words."""
        return duration(self.now - self.since)


@dataclass(frozen=True, slots=True)
class Queue:
    """All that a coach should look at."""

    waiting: Sequence[Row]
    """The most urgent first, then those that wait longest."""
    taken: Sequence[Row]
    """Those that have a coach."""
    went_back: QuerySet[Handoff]
    recent: QuerySet[Conversation]


def urgency_of(reason: str) -> tuple[str, str]:
    """Return how soon a person should look: a short name, and the words."""
    value = escalation.URGENCY.get(reason, 0)
    return next(
        ((name, words) for least, name, words in URGENCIES if value >= least), ("later", "When you can")
    )


def duration(length: timedelta) -> str:
    """Return a length of time in words, as a person would say it; `queue.js` counts on in the same way."""
    minutes = max(0, int(length.total_seconds() // 60))
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days = hours // 24
    return f"{days} day" if days == 1 else f"{days} days"


def queue(member: User, *, now: datetime, among: slice = ALL) -> Queue:
    """Return what a coach should look at: who waits, who has a coach, what went back, and what clients share.

    Args:
        among: which of the open episodes, those that wait first, as `rows` has them.
    """
    found = rows(member, now=now, among=among)
    return Queue(
        waiting=[each for each in found if not each.holder],
        taken=[each for each in found if each.holder],
        went_back=absence.while_away(member, since=now - SHOWN_FOR),
        recent=queries.recent_coached(member),
    )


def rows(member: User, *, now: datetime, among: slice = ALL) -> Sequence[Row]:
    """Return the open episodes that a coach should see: those that wait first, by urgency, then by time."""
    return [row(member, episode, now=now) for episode in _open(member)[among]]


def count_open(member: User) -> int:
    """Return how many open episodes this coach should see."""
    return _open(member).count()


def count(member: User) -> int:
    """Return how many conversations wait for this coach."""
    return _open(member).filter(state=Handoff.State.QUEUED).count()


def _open(member: User) -> QuerySet[Handoff]:
    return queries.waiting_queue(member).exclude(conversation__owner_id=member.pk)


def row(member: User, episode: Handoff, *, now: datetime) -> Row:
    """Return an open episode as this coach sees it."""
    conversation = episode.conversation
    reads = access.visible_within(member, conversation, episode) == 0
    return Row(
        conversation=conversation,
        episode=episode,
        title=(conversation.title or "New conversation") if reads else "",
        reads=reads,
        is_mine=conversation.holder_id == member.pk,
        now=now,
    )
