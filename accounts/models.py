"""People, the organizations and teams they belong to, and the record of sensitive acts."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from typing_extensions import override
from uuid_utils.compat import uuid7

from accounts.roles import Role, includes


class Organization(models.Model):
    """A school, a district or a coaching practice: the wall that no data crosses."""

    class Kind(models.TextChoices):
        SCHOOL = "school", "School"
        DISTRICT = "district", "District"
        OTHER = "other", "Other"

    class Tier(models.TextChoices):
        FREE = "free", "Free"
        BASIC = "basic", "Basic"
        PREMIUM = "premium", "Premium"
        ENTERPRISE = "enterprise", "Enterprise"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200)
    kind = models.CharField("type", max_length=20, choices=Kind, default=Kind.SCHOOL)
    tier = models.CharField(max_length=20, choices=Tier, default=Tier.FREE)
    help_lines = models.JSONField(
        default=list,
        blank=True,
        help_text='Shown at once in a crisis: a list of {"name": …, "contact": …, "hours": …}.',
    )
    response_minutes = models.PositiveSmallIntegerField(
        default=30, help_text="The time within which a coach promises to answer a waiting conversation."
    )
    idle_minutes = models.PositiveSmallIntegerField(
        default=30, help_text="A session of use closes after this many idle minutes."
    )
    keep_archived_days = models.PositiveSmallIntegerField(
        default=730,
        validators=[MinValueValidator(90), MaxValueValidator(3650)],
        help_text="Archived conversations are deleted after this many days (90 to 3650).",
    )
    keep_deleted_days = models.PositiveSmallIntegerField(
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(30)],
        help_text="A deleted conversation can be brought back for this many days (1 to 30).",
    )
    keep_events_days = models.PositiveSmallIntegerField(
        default=365,
        validators=[MinValueValidator(90), MaxValueValidator(1095)],
        help_text="Single events become monthly totals after this many days (90 to 1095).",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(
                    keep_archived_days__range=(90, 3650),
                    keep_deleted_days__range=(1, 30),
                    keep_events_days__range=(90, 1095),
                ),
                name="organization_keeps_within_bounds",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=["school", "district", "other"]), name="organization_kind_known"
            ),
            models.CheckConstraint(
                condition=models.Q(response_minutes__gte=1), name="organization_response_minutes_positive"
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Finds people by e-mail address, whatever its case."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        """Create a person; without a password the account can only be used by single sign-on."""
        user = self.model(email=self.normalize_email(email).strip(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        """Create a member of staff who may run the installation, outside every organization."""
        return self.create_user(email, password, is_superuser=True, role=Role.ADMIN, **fields)

    @override
    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the person with this e-mail address, whatever its case."""
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person; the e-mail address is the identity of password accounts."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=200)
    role = models.CharField(max_length=20, choices=Role, default=Role.EDUCATOR)
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="members", null=True, blank=True
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = ["name"]

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), name="user_email_unique"),
            models.CheckConstraint(
                condition=models.Q(role__in=["educator", "coach", "admin"]), name="user_role_known"
            ),
            models.CheckConstraint(
                condition=models.Q(organization__isnull=False) | models.Q(is_superuser=True),
                name="user_belongs_somewhere",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        """Return the name; the dashboard asks for it under this name."""
        return self.name

    @property
    def is_coach(self) -> bool:
        """Whether this person may use what coaches use (administrators may, for features)."""
        return includes(self.role, Role.COACH)

    @property
    def is_admin(self) -> bool:
        """Whether this person administers the organization."""
        return includes(self.role, Role.ADMIN)

    @property
    def is_staff(self) -> bool:
        """Whether the dashboard is open to this person."""
        return self.is_active and (self.is_superuser or self.is_coach)


class Team(models.Model):
    """A coach's group of educators."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="teams")
    coach = models.ForeignKey(User, on_delete=models.PROTECT, related_name="coached_teams")
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    @override
    def __str__(self) -> str:
        return self.name


class TeamMembership(models.Model):
    """An educator's place in the team of one coach."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    member = models.OneToOneField(User, on_delete=models.CASCADE, related_name="team_membership")

    @override
    def __str__(self) -> str:
        return f"{self.member} in {self.team}"


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
        ]

    @override
    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.action} {self.resource}"


class AccountExport(models.Model):
    """One person's copy of their own data: the row that drives the work, and how long the file is kept."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Being put together"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"
        EXPIRED = "expired", "Expired"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
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
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+", null=True)
    asked_by_id = models.UUIDField(editable=False, help_text="The person, or an administrator.")
    state = models.CharField(max_length=10, choices=State, default=State.SCHEDULED)
    requested_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField()
    waits_for = models.CharField(max_length=40, blank=True, help_text="Why it could not begin when due.")
    attempts = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
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
