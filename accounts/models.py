"""People, and the organizations and teams they belong to; the other rows of this app are imported here."""

from typing import ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from typing_extensions import override
from uuid_utils.compat import uuid7

import accounts.entry_models
import accounts.lifecycle_models  # noqa: F401 -- Django looks for models here
from accounts.program_models import ApiToken, SavedReply
from accounts.record_models import AuditEvent, ChainCheck
from accounts.roles import Role, includes

__all__ = [
    "DOMAIN_SHAPE",
    "ApiToken",
    "AuditEvent",
    "ChainCheck",
    "MonthlyUse",
    "Organization",
    "OrganizationDomain",
    "SavedReply",
    "Team",
    "TeamMembership",
    "User",
    "UserManager",
]

DOMAIN_SHAPE = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])$"
"""A domain name in small letters, with a dot in it; names in other scripts in their ASCII form."""


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
    clever_district_id = models.CharField(
        "Clever district",
        max_length=64,
        unique=True,
        null=True,
        blank=True,
        help_text="The id of the district in Clever, whose people may then sign in.",
    )
    links_accounts = models.BooleanField(
        "link accounts by email",
        default=False,
        db_default=False,
        help_text="Somebody whom you added here may sign in with Google at the same, verified address. "
        "Without it, such a person is refused.",
    )
    allows_share_links = models.BooleanField(
        "share links",
        default=True,
        db_default=True,
        help_text="People may let others read a part of their conversation by a link, without signing in. "
        "Without it no link can be made, and those that there are open nothing.",
    )
    monthly_message_limit = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Messages to the AI in a calendar month; empty means as the tier says.",
    )
    requests_per_hour = models.PositiveIntegerField(
        null=True, blank=True, help_text="For each person; empty means as the role says, here and below."
    )
    ai_turns_per_hour = models.PositiveIntegerField(null=True, blank=True)
    exports_per_day = models.PositiveIntegerField(null=True, blank=True)
    daily_budget_usd = models.DecimalField(
        max_digits=8,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="What the AI may cost each person in a day, in US dollars; empty means as the settings say.",
    )
    keep_archived_days = models.PositiveSmallIntegerField(
        default=730,
        db_default=730,
        validators=[MinValueValidator(90), MaxValueValidator(3650)],
        help_text="Archived conversations are deleted after this many days (90 to 3650).",
    )
    keep_deleted_days = models.PositiveSmallIntegerField(
        default=30,
        db_default=30,
        validators=[MinValueValidator(1), MaxValueValidator(30)],
        help_text="A deleted conversation can be brought back for this many days (1 to 30).",
    )
    keep_events_days = models.PositiveSmallIntegerField(
        default=365,
        db_default=365,
        validators=[MinValueValidator(90), MaxValueValidator(1095)],
        help_text="Single events become monthly totals after this many days (90 to 1095).",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    closed_at = models.DateTimeField(
        null=True, editable=False, help_text="When its erasure began, which closes it for everybody."
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(daily_budget_usd__gte=0), name="organization_budget_not_negative"
            ),
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
                condition=models.Q(clever_district_id__regex=r"^[A-Za-z0-9_-]+$"),
                name="organization_clever_district_shape",
            ),
            models.CheckConstraint(
                condition=models.Q(response_minutes__gte=1), name="organization_response_minutes_positive"
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class OrganizationDomain(models.Model):
    """A domain that an organization says is its own. People come in by it once it is verified."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="domains")
    domain = models.CharField(max_length=253)
    verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "domain"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "domain"], name="domain_stated_once"),
            models.UniqueConstraint(
                fields=["domain"],
                condition=models.Q(verified_at__isnull=False),
                name="domain_verified_for_one_organization",
            ),
            models.CheckConstraint(
                condition=models.Q(domain__regex=DOMAIN_SHAPE), name="organization_domain_shape"
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.domain


class MonthlyUse(models.Model):
    """How many messages an organization has sent to the AI in one calendar month."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    month = models.DateField(help_text="The first day of the month.")
    messages = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "month"], name="monthly_use_once"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.messages} messages in {self.month:%Y-%m}"


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
    """A person; the e-mail address is the identity of password accounts.

    Who comes from elsewhere is known by what the provider calls them, and may have no address.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(max_length=254, unique=True, null=True)  # noqa: DJ001 -- unique, and may be missing
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
        return self.name or self.email or "somebody without a name"

    def get_full_name(self) -> str:
        """Return the name; the dashboard asks for it under this name."""
        return self.name

    @property
    def uses_password(self) -> bool:
        """Whether a password opens the account: the person has one, and passwords open something here."""
        return settings.PASSWORD_SIGN_IN and self.has_usable_password()

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
