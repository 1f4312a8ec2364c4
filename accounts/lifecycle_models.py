"""The end of an account: the copy that a person takes along, and the erasure."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from typing_extensions import override
from uuid_utils.compat import uuid7


class AccountExport(models.Model):
    """One person's copy of their own data: the row that drives the work, and how long the file is kept."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Being put together"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"
        EXPIRED = "expired", "Expired"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Counted before the work begins.")
    lease_until = models.DateTimeField(null=True)
    done_parts = models.PositiveIntegerField(default=0)
    total_parts = models.PositiveIntegerField(default=0)
    file = models.CharField(max_length=200, blank=True, help_text="Its name in the storage.")
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes.")
    sha256 = models.CharField(max_length=64, blank=True)
    requested_at = models.DateTimeField(default=timezone.now)
    ready_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person"],
                condition=models.Q(state__in=["waiting", "running"]),
                name="account_export_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="ready")
                | (~models.Q(file="") & models.Q(expires_at__isnull=False)),
                name="account_export_ready_has_a_file",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"export {self.state}"


class Erasure(models.Model):
    """The erasure of one person: asked for, open to second thoughts, then done step by step.

    It names the person by id alone, without a key to the row that it removes, and stays as the proof.
    """

    class State(models.TextChoices):
        SCHEDULED = "scheduled", "Scheduled"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    person_id = models.UUIDField(editable=False)
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.CASCADE, related_name="+", null=True
    )
    asked_by_id = models.UUIDField(editable=False, help_text="The person, or an administrator.")
    state = models.CharField(max_length=10, choices=State, default=State.SCHEDULED)
    requested_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField()
    waits_for = models.CharField(max_length=40, blank=True, help_text="Why it could not begin when due.")
    attempts = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    closed_account = models.BooleanField(
        default=False, help_text="Whether it deactivated the account, and may reactivate it."
    )
    steps = models.JSONField(default=dict, blank=True, help_text="What each part removed, as counts.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person_id"],
                condition=models.Q(state__in=["scheduled", "running"]),
                name="erasure_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(state="done", finished_at__isnull=False)
                | (~models.Q(state="done") & models.Q(finished_at__isnull=True)),
                name="erasure_done_has_a_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(state__in=["scheduled", "running"]),
                name="erasure_open",
            )
        ]

    @override
    def __str__(self) -> str:
        return f"erasure {self.state}"
