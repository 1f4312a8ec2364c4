"""Conversations, what is said in them, who holds them, and the turns and episodes that change that."""

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from typing_extensions import override
from uuid_utils.compat import uuid7

from accounts.models import Organization

# Django looks for an app's models here.
from conversations.outward import Export, ShareLink

__all__ = [
    "Conversation",
    "Export",
    "Feedback",
    "Handoff",
    "Interaction",
    "Message",
    "Session",
    "ShareLink",
]


class Conversation(models.Model):
    """What one educator says to one coach and the coach's AI."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        ARCHIVED = "archived", "Archived"

    class Channel(models.TextChoices):
        WEB = "web", "Web"
        API = "api", "API"
        TRANSCRIPT = "transcript", "Transcript"

    class Visibility(models.TextChoices):
        PRIVATE = "private", "Private"
        COACHED = "coached", "Shared with my coach"

    class OwnerState(models.TextChoices):
        AI = "ai", "AI"
        QUEUED = "queued", "Waiting for a coach"
        COACH = "coach", "Coach"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    coach = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    title = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=12, choices=Status, default=Status.ACTIVE)
    channel = models.CharField(max_length=12, choices=Channel, default=Channel.WEB)
    visibility = models.CharField(max_length=12, choices=Visibility, default=Visibility.COACHED)
    owner_state = models.CharField(max_length=8, choices=OwnerState, default=OwnerState.AI)
    epoch = models.PositiveIntegerField(default=0, help_text="Raised by every change of the owner state.")
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        help_text="The coach who has the conversation now.",
    )
    last_sequence = models.PositiveIntegerField(default=0)
    begun_with = models.UUIDField(null=True, help_text="What a page began it with; a second click finds it.")
    deleted_at = models.DateTimeField(null=True, help_text="Deleted by its owner; undone or purged later.")
    archived_at = models.DateTimeField(
        null=True, help_text="When it was archived; kept for a time from then."
    )
    pseudonyms = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        blank=True,
        help_text="The letters of the students named here, by a keyed hash of the name.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="When its owner last named, archived or shared it; lists do not go by it.",
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(owner_state="coach", holder__isnull=False)
                | (~models.Q(owner_state="coach") & models.Q(holder__isnull=True)),
                name="conversation_coach_state_has_a_holder",
            ),
            models.CheckConstraint(
                condition=models.Q(owner_state__in=["ai", "queued", "coach"]),
                name="conversation_owner_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(visibility__in=["private", "coached"]),
                name="conversation_visibility_known",
            ),
            models.UniqueConstraint(fields=["owner", "begun_with"], name="conversation_begun_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["owner", "status", "-updated_at"], name="conversation_list"),
            models.Index(
                fields=["organization", "owner_state"],
                condition=~models.Q(owner_state="ai"),
                name="conversation_needs_a_person",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"conversation {self.pk}"

    @property
    def last_touched_at(self) -> datetime:
        """When something was last said in it, or done with it by its owner."""
        return max(self.updated_at, self.changed_at or self.updated_at)


class Session(models.Model):
    """Continuous use of one conversation; closes after idle minutes."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="sessions")
    started_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation"], condition=models.Q(closed_at=None), name="session_one_open"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"session from {self.started_at:%Y-%m-%d %H:%M}"


class Message(models.Model):
    """One message; its sequence number orders the conversation for everybody."""

    class Sender(models.TextChoices):
        CLIENT = "client", "Client"
        AI = "ai", "AI"
        HUMAN_COACH = "human_coach", "Coach"
        SYSTEM = "system", "System"

    class State(models.TextChoices):
        STREAMING = "streaming", "Being written"
        COMPLETE = "complete", "Complete"
        STOPPED = "stopped", "Stopped"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    sequence = models.PositiveIntegerField()
    sender_type = models.CharField(max_length=12, choices=Sender)
    sender = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True
    )
    state = models.CharField(max_length=10, choices=State, default=State.COMPLETE)
    content = models.TextField(blank=True)
    citations = models.JSONField(default=list, blank=True)
    domains = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    retrieval = models.JSONField(default=dict, blank=True, help_text="Passages found and their scores.")
    metadata = models.JSONField(
        default=dict,
        blank=True,
        help_text="Attribution: is_handoff, is_handback, handoff_reason, ai_confidence_before, "
        "human_duration_minutes, drafted_by_ai.",
    )
    client_id = models.UUIDField(null=True, help_text="The sender's idempotency key.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["conversation", "sequence"], name="message_sequence_unique"),
            models.UniqueConstraint(fields=["conversation", "client_id"], name="message_client_id_unique"),
            models.CheckConstraint(
                condition=models.Q(sender_type__in=["client", "ai", "human_coach", "system"]),
                name="message_sender_type_known",
            ),
            models.CheckConstraint(
                condition=models.Q(state="complete") | models.Q(sender_type="ai"),
                name="message_only_ai_streams",
            ),
            models.CheckConstraint(condition=models.Q(sequence__gte=1), name="message_sequence_from_1"),
        ]

    @override
    def __str__(self) -> str:
        return f"message {self.sequence}"


class Interaction(models.Model):
    """One turn: the client's message and the reply, the lease of who works on it, and its timings."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        STOPPED = "stopped", "Stopped"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="interactions")
    session = models.ForeignKey(Session, on_delete=models.SET_NULL, null=True, related_name="+")
    question = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="+")
    reply = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="interaction")
    epoch = models.PositiveIntegerField(help_text="The conversation's epoch when the turn was accepted.")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True)
    stop_requested = models.BooleanField(default=False)
    error = models.CharField(max_length=60, blank=True)
    rule_trace = models.JSONField(default=list, blank=True)
    accepted_at = models.DateTimeField(default=timezone.now)
    first_token_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation"], condition=models.Q(state="running"), name="interaction_one_running"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["lease_until"],
                condition=models.Q(state__in=["waiting", "running"]),
                name="interaction_unfinished",
            )
        ]

    @override
    def __str__(self) -> str:
        return f"turn {self.pk}"


class Handoff(models.Model):
    """One episode in which a person was asked for, and perhaps stepped in."""

    class Reason(models.TextChoices):
        CRISIS = "crisis", "Crisis"
        HIGH_STAKES_DECISION = "high_stakes_decision", "High-stakes decision"
        CLIENT_REQUEST = "client_request", "The client asked"
        LOW_CONFIDENCE = "low_confidence", "The sources do not cover it"
        NEGATIVE_SENTIMENT = "negative_sentiment", "Distress"
        REPEATED_FAILURE = "repeated_failure", "The AI failed repeatedly"
        ESCALATION_RULE = "escalation_rule", "A rule of the coach"
        COACH_INITIATIVE = "coach_initiative", "The coach stepped in"

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        TAKEN = "taken", "With a coach"
        RETURNED = "returned", "Handed back"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="handoffs")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    trigger = models.ForeignKey(Message, on_delete=models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(max_length=24, choices=Reason)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    confidence = models.FloatField(null=True, help_text="The AI's confidence before the episode, 0 to 1.")
    rule_trace = models.JSONField(default=list, blank=True)
    coach = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    consented = models.BooleanField(
        default=False, help_text="Whether the client agreed that a coach reads this private conversation."
    )
    escalated_at = models.DateTimeField(null=True, help_text="When the promised time had passed.")
    acted_at = models.DateTimeField(null=True, help_text="When its coach last did something in it.")
    absent_at = models.DateTimeField(null=True, help_text="When its coach was found to have gone.")
    joined_sequence = models.PositiveIntegerField(
        null=True, help_text="The sequence number with which the coach joined."
    )
    requested_at = models.DateTimeField(default=timezone.now)
    taken_at = models.DateTimeField(null=True)
    returned_at = models.DateTimeField(null=True)
    summary = models.JSONField(default=dict, blank=True, help_text="The brief and the draft for the coach.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation"],
                condition=models.Q(state__in=["queued", "taken"]),
                name="handoff_one_open",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="taken") | models.Q(taken_at__isnull=False),
                name="handoff_taken_has_a_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "requested_at"],
                condition=models.Q(state__in=["queued", "taken"]),
                name="handoff_open",
            )
        ]

    @override
    def __str__(self) -> str:
        return f"episode: {self.reason}"


class Attendance(models.Model):
    """When a coach's open socket in a conversation was last seen: what keeps it theirs while they only read."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    coach = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["coach", "conversation"], name="attendance_once")
        ]

    @override
    def __str__(self) -> str:
        return f"seen {self.seen_at:%Y-%m-%d %H:%M:%S}"


class Feedback(models.Model):
    """What a person thinks of one message."""

    class Reason(models.TextChoices):
        INACCURATE = "inaccurate", "Not accurate"
        INCOMPLETE = "incomplete", "Incomplete"
        NOT_RELEVANT = "not_relevant", "Not relevant"
        MISSING_CITATIONS = "missing_citations", "Sources missing"
        OTHER = "other", "Something else"

    class State(models.TextChoices):
        NEW = "new", "New"
        SEEN = "seen", "Seen"
        RESOLVED = "resolved", "Resolved"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="feedback")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    score = models.SmallIntegerField()
    reasons = ArrayField(models.CharField(max_length=24), default=list, blank=True)
    comment = models.TextField(blank=True, max_length=2000)
    state = models.CharField(max_length=8, choices=State, default=State.NEW, db_default=State.NEW)
    note = models.TextField(blank=True, max_length=2000, db_default="", help_text="What was done about it.")
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    handled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["message", "author"], name="feedback_once"),
            models.CheckConstraint(condition=models.Q(score__in=[-1, 1]), name="feedback_up_or_down"),
            models.CheckConstraint(
                condition=models.Q(state__in=["new", "seen", "resolved"]), name="feedback_state_known"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["state", "-id"], name="feedback_queue")]

    @override
    def __str__(self) -> str:
        return f"{self.score:+d}"


class MonthlyFeedback(models.Model):
    """What is kept of feedback once the single thumbs are gone: totals of a month, and nobody's."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    month = models.DateField(help_text="Its first day.")
    score = models.SmallIntegerField()
    reason = models.CharField(max_length=24, blank=True, help_text="Empty: all thumbs, whatever the reason.")
    thumbs = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "month", "score", "reason"], name="monthly_feedback_once"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.score:+d} {self.reason}"
