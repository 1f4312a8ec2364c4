"""The record of sensitive acts, and the checks of whether it is whole."""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from typing_extensions import override

REFUSED = "conversation.refused"
"""Somebody asked for a conversation, or a message of one, and was told that there is none."""


class AuditEvent(models.Model):
    """One line of the append-only record. A database trigger links each row to the one before it."""

    sequence = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(default=timezone.now, editable=False)
    organization_id = models.UUIDField(null=True, editable=False)
    actor_id = models.UUIDField(null=True, editable=False)
    action = models.CharField(max_length=80, editable=False)
    resource = models.CharField(max_length=120, editable=False)
    reason = models.CharField(max_length=200, blank=True, editable=False)
    address = models.GenericIPAddressField(null=True, editable=False)
    request_id = models.CharField(max_length=64, blank=True, editable=False)
    previous_hash = models.CharField(max_length=64, editable=False)
    hash = models.CharField(max_length=64, editable=False)

    class Meta:
        verbose_name = "recorded act"
        indexes: ClassVar = [
            models.Index(fields=["organization_id", "-sequence"], name="audit_organization"),
            models.Index(fields=["resource", "-sequence"], name="audit_resource"),
            models.Index(fields=["organization_id", "action", "-sequence"], name="audit_action"),
            models.Index(
                fields=["actor_id", "-at"], condition=models.Q(action=REFUSED), name="audit_refused"
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.action} {self.resource}"


class ChainCheck(models.Model):
    """One verification of the whole record: asked for, then done. The next one also compares with it."""

    id = models.BigAutoField(primary_key=True)
    asked_at = models.DateTimeField(default=timezone.now, editable=False)
    asked_by = models.UUIDField(null=True, editable=False)
    done_at = models.DateTimeField(null=True, editable=False)
    events = models.BigIntegerField(default=0, editable=False)
    broken_at = models.BigIntegerField(null=True, editable=False)
    newest_sequence = models.BigIntegerField(default=0, editable=False)
    newest_hash = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["done_at"],
                condition=models.Q(done_at=None),
                nulls_distinct=False,
                name="chain_check_one_waits",
            )
        ]

    @override
    def __str__(self) -> str:
        return f"check of {self.asked_at:%Y-%m-%d %H:%M}"
