"""Fixtures of the cast, registered by the root conftest for every app."""

from typing import Any

import pytest

from accounts.models import Organization, User
from accounts.tests.cast import Cast, House, build_cast


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
