"""How many people an organization may have, by its tier."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from accounts.access import NotVisible
from accounts.entry_models import Invitation
from accounts.models import Organization, User


class NoSeatLeft(Exception):
    """Every seat of the organization is taken or promised; nothing was changed."""

    def __init__(self, allowed: int) -> None:
        super().__init__(
            f"All {allowed} seats are taken or promised. Deactivate somebody, withdraw an invitation, or ask "
            "for a larger tier."
        )


@dataclass(frozen=True, slots=True)
class Seats:
    """What an organization has of its seats."""

    used: int
    """Active people."""
    promised: int
    """Invitations that can still be accepted."""
    allowed: int | None
    """None means as many as it likes."""

    @property
    def has_free(self) -> bool:
        """Whether one more person may be added or invited."""
        return self.allowed is None or self.used + self.promised < self.allowed


def seats_of(organization: Organization, *, now: datetime) -> Seats:
    """Return the seats of an organization, as the database has them now."""
    return Seats(
        used=User.objects.filter(organization=organization, is_active=True).count(),
        promised=open_invitations(organization, now=now).count(),
        allowed=settings.SEATS.get(organization.tier),
    )


def open_invitations(organization: Organization, *, now: datetime) -> QuerySet[Invitation]:
    """Return the invitations of an organization that can still be accepted."""
    return Invitation.objects.filter(
        organization=organization, state=Invitation.State.PENDING, expires_at__gt=now
    )


def take_turn(organization_id: UUID) -> Organization:
    """Lock and return the organization whose seats are to be given; always before an invitation to it.

    Raises:
        NotVisible: it is gone, or closed: its erasure has begun.
    """
    still_open = Organization.objects.filter(pk=organization_id, closed_at=None)
    organization = still_open.select_for_update(no_key=True).first()
    if organization is None:
        raise NotVisible
    return organization


def claim(*, organization_id: UUID, now: datetime) -> None:
    """Make sure of a free seat until the transaction ends; whoever else wants one waits here.

    Raises:
        NoSeatLeft: there is none.
        NotVisible: the organization is gone, or closed.
    """
    organization = take_turn(organization_id)
    seats = seats_of(organization, now=now)
    if not seats.has_free:
        raise NoSeatLeft(seats.allowed or 0)
