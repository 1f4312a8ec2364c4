"""What programs bring and leave: keys that act for a person, and the replies that are kept for a repeated request."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from typing_extensions import override
from uuid_utils.compat import uuid7


class ApiToken(models.Model):
    """A key with which a program acts for a person. Only its hash is kept; the key itself is shown once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    scopes = ArrayField(models.CharField(max_length=20))
    hash = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=4, editable=False, help_text="The last characters of the key.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, editable=False, help_text="To the hour.")
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(
                    scopes__contained_by=[
                        "read",
                        "write",
                        "account",
                        "coach",
                        "persona",
                        "documents",
                        "admin",
                        "organization",
                    ]
                )
                & ~models.Q(scopes=[]),
                name="token_scopes_known",
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("created_at")), name="token_ends_after_it_begins"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["owner", "-created_at"], name="token_owner")]

    @override
    def __str__(self) -> str:
        return f"{self.name} (…{self.hint})"


class SavedReply(models.Model):
    """What an unsafe request of the API was answered under a key of its sender: the same again gets the same."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="A hash of what was asked.")
    claimed_at = models.DateTimeField(default=timezone.now)
    status = models.PositiveSmallIntegerField(
        null=True, help_text="Empty while the request is being answered."
    )
    body = models.BinaryField(default=bytes)
    about = models.UUIDField(null=True, help_text="What the reply tells of, and goes with: a conversation.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "key"], name="saved_reply_once_per_key")
        ]
        indexes: ClassVar = [
            models.Index(fields=["claimed_at"], name="saved_reply_age"),
            models.Index(fields=["about"], condition=models.Q(about__isnull=False), name="saved_reply_about"),
        ]

    @override
    def __str__(self) -> str:
        return f"reply {self.status or 'pending'}"
