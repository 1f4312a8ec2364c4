"""Documents, their versions and passages, the vector spaces over them, and the rows of ingestion."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import CombinedSearchVector, SearchVector, SearchVectorField
from django.db import models
from django.db.models.functions import Coalesce
from django.utils import timezone
from pgvector.django import HalfVectorField
from typing_extensions import override
from uuid_utils.compat import uuid7

from accounts.models import Organization


class Domain(models.Model):
    """A field of coaching; one table serves routing, tagging and analytics."""

    slug = models.SlugField(primary_key=True, max_length=40)
    name = models.CharField(max_length=80)
    description = models.TextField()
    examples = ArrayField(models.TextField(), default=list, help_text="Questions that belong here.")

    @override
    def __str__(self) -> str:
        return self.name


class Document(models.Model):
    """Something to look things up in, shared by the organization or kept by one coach."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    coach = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        blank=True,
        help_text="Empty: the whole organization shares it.",
    )
    title = models.CharField(max_length=300)
    authors = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    year = models.PositiveSmallIntegerField(null=True, blank=True)
    chosen_domains = ArrayField(
        models.CharField(max_length=40),
        default=list,
        blank=True,
        help_text="Chosen by a person; empty: each passage is tagged by its text.",
    )
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True, editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["organization", "coach"], name="document_scope")]

    @override
    def __str__(self) -> str:
        return self.title


class DocumentVersion(models.Model):
    """The bytes of a document at one time; a changed file is a new version."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        PROCESSING = "processing", "Being read"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="versions")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    coach = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", null=True, blank=True
    )
    number = models.PositiveIntegerField(default=1)
    file = models.FileField(max_length=300)
    filename = models.CharField(max_length=255, help_text="As the person who added it named it.")
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    file_format = models.CharField(max_length=12, blank=True)
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    live = models.BooleanField(default=False, help_text="Whether searches find this version.")
    cause = models.CharField(max_length=40, blank=True)
    failed_stage = models.CharField(max_length=12, blank=True)
    notices = models.JSONField(
        default=list, blank=True, help_text="What a reader should know, as pages that could not be read."
    )
    page_count = models.PositiveIntegerField(null=True)
    page_labels = ArrayField(models.CharField(max_length=20, blank=True), default=list)
    extracted = models.FileField(max_length=300, blank=True, help_text="The text with its structure.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    published_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["document", "number"], name="version_number_unique"),
            models.UniqueConstraint(
                fields=["organization", "coach", "sha256"],
                nulls_distinct=False,
                name="version_bytes_unique_in_scope",
            ),
            models.UniqueConstraint(
                fields=["document"], condition=models.Q(live=True), name="version_one_live"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="failed") | (~models.Q(cause="") & ~models.Q(failed_stage="")),
                name="version_failure_has_a_cause",
            ),
            models.CheckConstraint(
                condition=models.Q(live=False) | models.Q(state="ready"), name="version_live_is_ready"
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.filename} (version {self.number})"


class IngestionStep(models.Model):
    """One stage of the ingestion of one version: the row that drives the work and survives its worker."""

    class Stage(models.TextChoices):
        EXTRACT = "extract", "Reading the file"
        CLEAN = "clean", "Cleaning the text"
        STRUCTURE = "structure", "Finding chapters"
        SPLIT = "split", "Cutting into passages"
        TAG = "tag", "Tagging"
        EMBED = "embed", "Indexing"
        PUBLISH = "publish", "Publishing"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(DocumentVersion, on_delete=models.CASCADE, related_name="steps")
    stage = models.CharField(max_length=12, choices=Stage)
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Counted before the work begins.")
    lease_until = models.DateTimeField(null=True)
    done_units = models.PositiveIntegerField(default=0)
    total_units = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "stage"], name="step_once_per_version"),
            models.CheckConstraint(condition=models.Q(attempts__lte=3), name="step_at_most_three_attempts"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["lease_until"],
                condition=models.Q(state__in=["waiting", "running"]),
                name="step_unfinished",
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.stage}: {self.state}"


class Passage(models.Model):
    """A retrievable piece of one version of a document."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(DocumentVersion, on_delete=models.CASCADE, related_name="passages")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    coach = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", null=True)
    ordinal = models.PositiveIntegerField(help_text="Place in the version, from 0.")
    live = models.BooleanField(default=False, help_text="Whether searches find this passage.")
    chapter_number = models.PositiveIntegerField(null=True)
    chapter_title = models.CharField(max_length=300, blank=True)
    headings = ArrayField(models.CharField(max_length=300), default=list)
    heading_path = models.TextField(blank=True, help_text="Chapter and headings in one line, for search.")
    page_index = models.PositiveIntegerField(null=True, help_text="First page, from 0.")
    page_index_end = models.PositiveIntegerField(null=True)
    page_label = models.CharField(max_length=20, blank=True, help_text="As printed on the first page.")
    page_offsets = ArrayField(
        models.PositiveIntegerField(), default=list, help_text="Where in the text each of its pages begins."
    )
    page_label_end = models.CharField(max_length=20, blank=True)
    start = models.PositiveIntegerField(help_text="Character offset in the text of the version.")
    end = models.PositiveIntegerField()
    text = models.TextField()
    token_count = models.PositiveIntegerField()
    domains = ArrayField(models.CharField(max_length=40), default=list)
    speaker = models.CharField(max_length=120, blank=True)
    start_seconds = models.FloatField(null=True)
    end_seconds = models.FloatField(null=True)
    utterances = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        help_text="Of a transcript: where in the text each begins, at which second, and who says it.",
    )
    search = models.GeneratedField(
        expression=CombinedSearchVector(
            SearchVector("heading_path", weight="B", config="english")
            + SearchVector("text", weight="A", config="english"),
            "||",
            models.Func(
                Coalesce("coach_id", "organization_id"),
                template="array_to_tsvector(ARRAY['=' || (%(expressions)s)::text])",
                output_field=SearchVectorField(),
            ),
            config=None,
        ),
        output_field=SearchVectorField(),
        db_persist=True,
        help_text="With the owner as a lexeme, so that the index never reads another owner's passages.",
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "ordinal"], name="passage_ordinal_unique"),
            models.CheckConstraint(condition=models.Q(end__gt=models.F("start")), name="passage_not_empty"),
        ]
        indexes: ClassVar = [
            GinIndex(
                fields=["search"], name="passage_search", condition=models.Q(live=True), fastupdate=False
            ),
            models.Index(
                fields=["organization", "coach"], name="passage_scope", condition=models.Q(live=True)
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"passage {self.ordinal}"

    @property
    def heading(self) -> str:
        """Return what it stands under; of a recording, which has no chapters, the path for search says who speaks."""
        return self.heading_path if self.start_seconds is None else ""


class EmbeddingSpace(models.Model):
    """The vectors of one embedding model; one space is active, another may be under construction."""

    class State(models.TextChoices):
        BUILDING = "building", "Being built"
        ACTIVE = "active", "Active"
        RETIRED = "retired", "Retired"

    id = models.BigAutoField(primary_key=True)
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=120)
    dimensions = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=12, choices=State, default=State.BUILDING)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    promoted_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state="active"), name="space_one_active"
            ),
            models.UniqueConstraint(
                fields=["provider", "model", "dimensions"],
                condition=~models.Q(state="retired"),
                name="space_model_unique",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


class PassageEmbedding(models.Model):
    """The vector of a passage in a space. A narrow table of its own: text never slows the scan."""

    id = models.BigAutoField(primary_key=True)
    space = models.ForeignKey(EmbeddingSpace, on_delete=models.CASCADE, related_name="+")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+", db_index=False)
    coach = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", null=True, db_index=False
    )
    passage = models.ForeignKey(Passage, on_delete=models.CASCADE, related_name="embeddings")
    live = models.BooleanField(default=False)
    embedding = HalfVectorField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["passage", "space"], name="embedding_once_per_space"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["space", "organization", "coach"],
                condition=models.Q(live=True),
                name="embedding_scope",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"vector {self.pk}"
