"""How people come in: the sessions they sign in to, the invitations they follow, and the mail that carries them."""

from typing import ClassVar

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from typing_extensions import override
from uuid_utils.compat import uuid7

from accounts.roles import Role


class SignedIn(models.Model):
    """What a person is told about one of their sessions. The database deletes it with the session."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.OneToOneField(
        # The database's own key cascades: a session may be deleted by anybody, in any way.
        Session,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    device = models.CharField(max_length=80)
    address = models.GenericIPAddressField(null=True)
    first_used_at = models.DateTimeField()
    last_used_at = models.DateTimeField()

    @override
    def __str__(self) -> str:
        return f"{self.device} since {self.first_used_at:%Y-%m-%d %H:%M}"


class Invitation(models.Model):
    """An address that may become a person of the organization, through a link that works once."""

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        ACCEPTED = "accepted", "Accepted"
        WITHDRAWN = "withdrawn", "Withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.CASCADE, related_name="invitations"
    )
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=20, choices=Role, default=Role.EDUCATOR)
    team = models.ForeignKey(
        "accounts.Team", on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    state = models.CharField(max_length=12, choices=State, default=State.PENDING)
    link = models.PositiveIntegerField(default=1, help_text="Which link is the valid one; the last one sent.")
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True
    )
    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                Lower("email"),
                "organization",
                condition=models.Q(state="pending"),
                name="invitation_one_pending",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["pending", "accepted", "withdrawn"]),
                name="invitation_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=["educator", "coach", "admin"]), name="invitation_role_known"
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.email


class OutgoingMail(models.Model):
    """One mail and how far it is. What it says is written when it is sent, from what is true then."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        DROPPED = "dropped", "No longer needed"
        FAILED = "failed", "Could not be sent"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.CASCADE, related_name="+", null=True
    )
    kind = models.CharField(max_length=40)
    about = models.UUIDField(help_text="The row that the mail tells about.")
    recipient = models.EmailField(max_length=254)
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(help_text="When to try; while it is being sent, when to give that up.")
    problem = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state__in=["waiting", "sending", "sent", "dropped", "failed"]),
                name="outgoing_mail_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(state="sent", sent_at__isnull=False)
                | (~models.Q(state="sent") & models.Q(sent_at=None)),
                name="outgoing_mail_sent_has_a_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(state__in=["waiting", "sending"]),
                name="outgoing_mail_due",
            ),
            models.Index(fields=["kind", "about", "-created_at"], name="outgoing_mail_about"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.kind} {self.state}"
