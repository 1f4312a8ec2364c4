"""The rows of what leaves the house: links under which others read, and files that somebody takes along."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from typing_extensions import override
from uuid_utils.compat import uuid7

from accounts.models import Organization

LONGEST_LINK = timedelta(days=90)
"""How long a share link can live at most."""


class ShareLink(models.Model):
    """A part of a conversation that anybody may read who knows the token, of which only the hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(
        "conversations.Conversation", on_delete=models.CASCADE, related_name="share_links"
    )
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    first_sequence = models.PositiveIntegerField(help_text="The first message that is shown.")
    last_sequence = models.PositiveIntegerField(help_text="The last one; what is said later is not shown.")
    with_names = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    views = models.PositiveIntegerField(default=0)
    last_viewed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(first_sequence__gte=1, first_sequence__lte=models.F("last_sequence")),
                name="share_link_range_in_order",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    expires_at__gt=models.F("created_at"),
                    expires_at__lte=models.F("created_at") + LONGEST_LINK,
                ),
                name="share_link_lives_90_days_at_most",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"link {self.pk}"


class Export(models.Model):
    """Files that somebody asked for: who, of what, how far they are, and until when they can be fetched."""

    class Kind(models.TextChoices):
        OWN = "own", "My data"
        FEEDBACK = "feedback", "Feedback"
        DAILY_COUNTS = "daily_counts", "Counts per day"

    class Format(models.TextChoices):
        CSV = "csv", "CSV, for spreadsheets"
        JSONL = "jsonl", "JSON Lines, for programs"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Being made"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"
        GONE = "gone", "Deleted"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=16, choices=Kind)
    format = models.CharField(max_length=8, choices=Format)
    first_day = models.DateField(null=True, help_text="From which day on; none: from the beginning.")
    last_day = models.DateField(null=True, help_text="Until which day; none: until it is made.")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    done_rows = models.PositiveIntegerField(default=0)
    total_rows = models.PositiveIntegerField(default=0)
    files = models.JSONField(
        default=list, blank=True, help_text="The files: name, path, rows, bytes, sha256; the manifest last."
    )
    opened = models.JSONField(
        default=dict,
        blank=True,
        help_text="Of whose conversations words are inside: the first message read, by conversation.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True, help_text="When what is left of its files is deleted.")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["own", "feedback", "daily_counts"]), name="export_kind_known"
            ),
            models.CheckConstraint(
                condition=models.Q(format__in=["csv", "jsonl"]), name="export_format_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="ready") | models.Q(expires_at__isnull=False),
                name="export_ready_expires",
            ),
            models.CheckConstraint(
                condition=models.Q(first_day=None)
                | models.Q(last_day=None)
                | models.Q(first_day__lte=models.F("last_day")),
                name="export_days_in_order",
            ),
            models.UniqueConstraint(
                fields=["requested_by"],
                condition=models.Q(state__in=["waiting", "running"]),
                name="export_one_at_a_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["requested_by", "-created_at"], name="export_list"),
            models.Index(
                fields=["expires_at"], condition=models.Q(expires_at__isnull=False), name="export_files_left"
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"export {self.pk}"

    @property
    def fetchable_until(self) -> datetime | None:
        """Until when its files can be fetched; none where it has none."""
        return self.expires_at if self.state == self.State.READY else None
