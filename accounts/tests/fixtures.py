"""Fixtures of the cast, registered by the root conftest for every app."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organization, User
from accounts.tests.cast import Cast, House, build_cast
from accounts.tests.fake_clever import DISTRICT, FakeClever
from accounts.tests.fake_google import FakeGoogle


@pytest.fixture
def cast(db: None) -> Cast:
    """Return both organizations with four people each."""
    return build_cast()


@pytest.fixture
def home(cast: Cast) -> House:
    """Return the organization that the stories are about."""
    return cast.home


@pytest.fixture
def away(cast: Cast) -> House:
    """Return the other organization, which must see nothing."""
    return cast.away


@pytest.fixture
def organization(home: House) -> Organization:
    """Return the home organization."""
    return home.organization


@pytest.fixture
def owner(home: House) -> User:
    """Return Ada, an educator at home."""
    return home.owner


@pytest.fixture
def coach(home: House) -> User:
    """Return Ben, Ada's coach."""
    return home.coach


@pytest.fixture
def other_coach(home: House) -> User:
    """Return Cleo, another coach at home."""
    return home.other_coach


@pytest.fixture
def org_admin(home: House) -> User:
    """Return Dora, the administrator at home."""
    return home.admin


@pytest.fixture
def stranger(away: House) -> User:
    """Return Amir, an educator of the other organization."""
    return away.owner


@pytest.fixture
def generated_menu(settings: Any) -> None:
    """Give the dashboard the menu that it makes itself: the product's own leads to the floors above."""
    settings.UNFOLD = {key: value for key, value in settings.UNFOLD.items() if key != "SIDEBAR"}


@pytest.fixture
def google(settings: Any) -> Iterator[FakeGoogle]:
    """Run a fake Google to which Sideline sends people."""
    with FakeGoogle() as fake:
        _lead_to(settings, "google", fake.places)
        yield fake


@pytest.fixture
def clever(settings: Any) -> Iterator[FakeClever]:
    """Run a fake Clever to which Sideline sends people."""
    with FakeClever() as fake:
        _lead_to(settings, "clever", fake.places)
        yield fake


def _lead_to(settings: Any, provider: str, places: dict[str, Any]) -> None:
    """Let the settings name the places of a fake."""
    known = settings.SOCIALACCOUNT_PROVIDERS
    settings.SOCIALACCOUNT_PROVIDERS = {**known, provider: {**known[provider], **places}}


@pytest.fixture
def riverside(organization: Organization) -> Organization:
    """Return the home organization, whose domain is verified and whose Clever district is known."""
    organization.domains.create(domain="riverside.example", verified_at=timezone.now())
    organization.clever_district_id = DISTRICT
    organization.save(update_fields=["clever_district_id"])
    return organization
