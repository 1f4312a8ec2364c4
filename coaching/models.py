"""The coach's AI and the ledger of every call to a provider."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from typing_extensions import override
from uuid_utils.compat import uuid7

from accounts.models import Organization

LONGEST_NAME, LONGEST_BIO, LONGEST_TONE, LONGEST_INSTRUCTIONS = 120, 4000, 300, 8000
"""Characters of what a coach writes about their AI."""


class Persona(models.Model):
    """The AI of one coach: how it introduces itself, how it speaks and when it calls its coach."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    coach = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="persona")
    name = models.CharField(max_length=LONGEST_NAME, help_text="How the AI introduces itself.")
    bio = models.TextField(blank=True, max_length=LONGEST_BIO)
    tone = models.CharField(max_length=LONGEST_TONE, blank=True)
    instructions = models.TextField(blank=True, max_length=LONGEST_INSTRUCTIONS)
    escalation_phrases = models.JSONField(
        default=list, blank=True, help_text="Words or phrases that always call the coach."
    )
    low_confidence_below = models.FloatField(
        default=0.2, help_text="Call the coach when the sources support an answer less than this (0 to 1)."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(low_confidence_below__gte=0) & models.Q(low_confidence_below__lte=1),
                name="persona_threshold_between_0_and_1",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class PromptRun(models.Model):
    """One call to a provider: what for, with which prompt, how many tokens, how long, what it cost."""

    class Status(models.TextChoices):
        OK = "ok", "Answered"
        ERROR = "error", "Failed"
        CANCELLED = "cancelled", "Stopped early"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(default=timezone.now, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.SET_NULL, null=True, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    subject_id = models.UUIDField(null=True, help_text="The interaction or document that the call served.")
    purpose = models.CharField(max_length=40)
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=120)
    prompt = models.CharField(max_length=80, blank=True)
    prompt_version = models.CharField(max_length=20, blank=True)
    prompt_hash = models.CharField(max_length=64, blank=True)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    latency_ms = models.PositiveIntegerField(default=0)
    first_token_ms = models.PositiveIntegerField(null=True)
    status = models.CharField(max_length=12, choices=Status)
    error = models.CharField(max_length=60, blank=True)
    request_id = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="The request, frame or job that the call was made for, as the log names it.",
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["organization", "-at"], name="prompt_run_organization"),
            models.Index(fields=["subject_id"], name="prompt_run_subject"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.purpose} {self.provider}/{self.model} {self.status}"


class Budget(models.Model):
    """What the AI has cost one person on one day, and what is set aside for answers under way."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    spent_usd = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    reserved_usd = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    open_turns = models.PositiveIntegerField(default=0, help_text="Answers under way: rows of Reservation.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "day"], name="budget_once"),
            models.CheckConstraint(
                condition=models.Q(spent_usd__gte=0) & models.Q(reserved_usd__gte=0),
                name="budget_not_negative",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.spent_usd} US dollars on {self.day}"


class Reservation(models.Model):
    """What is set aside for one answer until its real cost is known, or nobody works on it any more."""

    subject_id = models.UUIDField(primary_key=True, help_text="The interaction or draft that is to be paid.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    day = models.DateField(help_text="The day whose budget it was taken from.")
    amount_usd = models.DecimalField(max_digits=12, decimal_places=6)
    at = models.DateTimeField(default=timezone.now)

    @override
    def __str__(self) -> str:
        return f"{self.amount_usd} US dollars for {self.subject_id}"


class MonthlyUsage(models.Model):
    """What is kept of the calls to providers once the single ones are gone: totals of a month, and nobody's."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, null=True, related_name="+")
    month = models.DateField(help_text="Its first day.")
    purpose = models.CharField(max_length=40)
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=120)
    status = models.CharField(max_length=12, choices=PromptRun.Status)
    calls = models.PositiveIntegerField()
    input_tokens = models.PositiveBigIntegerField()
    output_tokens = models.PositiveBigIntegerField()
    cost_usd = models.DecimalField(max_digits=14, decimal_places=6)
    latency_ms = models.PositiveBigIntegerField(help_text="Of all calls together.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "month", "purpose", "provider", "model", "status"],
                nulls_distinct=False,
                name="monthly_usage_once",
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.purpose} {self.provider}/{self.model}"
