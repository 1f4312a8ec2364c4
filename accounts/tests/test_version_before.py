"""While a new version is put in place, processes of the one before go on writing to the changed tables."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent, Organization, Team, TeamMembership, User
from accounts.tests.version_before import insert

ADDED = {
    "clever_district_id": None,
    "links_accounts": False,
    "allows_share_links": True,
    "monthly_message_limit": None,
    "requests_per_hour": None,
    "ai_turns_per_hour": None,
    "exports_per_day": None,
    "daily_budget_usd": None,
    "keep_archived_days": 730,
    "keep_deleted_days": 30,
    "keep_events_days": 365,
    "closed_at": None,
}
"""What organizations have had since then."""

pytestmark = pytest.mark.django_db


@pytest.fixture
def school() -> dict[str, Any]:
    """Return an organization that the version before has just added."""
    columns = {
        "id": uuid4(),
        "name": "Riverside School",
        "kind": "school",
        "tier": "free",
        "help_lines": "[]",
        "response_minutes": 30,
        "idle_minutes": 30,
        "created_at": timezone.now(),
    }
    insert("accounts_organization", **columns)
    return columns


def add_person(school: dict[str, Any], name: str, role: str) -> UUID:
    """Add somebody as the version before does."""
    key = uuid4()
    insert(
        "accounts_user",
        id=key,
        password="!",
        last_login=None,
        is_superuser=False,
        email=f"{name.lower()}@riverside.example",
        name=name,
        role=role,
        is_active=True,
        created_at=timezone.now(),
        organization_id=school["id"],
    )
    return key


def test_adds_organizations_that_have_what_was_added_since(school: dict[str, Any]) -> None:
    assert {field.attname for field in Organization._meta.concrete_fields} - set(school) == set(ADDED)
    assert Organization.objects.filter(pk=school["id"]).values(*ADDED).get() == ADDED


def test_adds_people_and_teams(school: dict[str, Any]) -> None:
    coach, owner, team = add_person(school, "Ben", "coach"), add_person(school, "Ada", "educator"), uuid4()
    insert(
        "accounts_team",
        id=team,
        name="Mathematics",
        created_at=timezone.now(),
        coach_id=coach,
        organization_id=school["id"],
    )
    insert("accounts_teammembership", member_id=owner, team_id=team)
    assert User.objects.get(email="ben@riverside.example").role == "coach"
    assert Team.objects.get().coach_id == coach
    assert TeamMembership.objects.get().member_id == owner


def test_appends_to_the_record() -> None:
    unknown: dict[str, Any] = dict.fromkeys(("organization_id", "actor_id", "address"))
    blank = dict.fromkeys(("reason", "request_id", "previous_hash", "hash"), "")
    insert(
        "accounts_auditevent",
        at=timezone.now(),
        action="signed_in",
        resource="person:unknown",
        **unknown,
        **blank,
    )
    assert AuditEvent.objects.get().action == "signed_in"
    assert audit.verify().intact
