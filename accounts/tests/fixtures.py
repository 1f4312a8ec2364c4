"""Fixtures of the cast, registered by the root conftest for every app."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import Organization, User
from accounts.tests.cast import Cast, House, build_cast
from accounts.tests.fake_clever import DISTRICT, FakeClever
from accounts.tests.fake_google import FakeGoogle
from accounts.tests.fake_provider import FakeProvider


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
        _lead_to(settings, fake)
        yield fake


@pytest.fixture
def clever(settings: Any) -> Iterator[FakeClever]:
    """Run a fake Clever to which Sideline sends people."""
    with FakeClever() as fake:
        _lead_to(settings, fake)
        yield fake


def _lead_to(settings: Any, fake: FakeProvider) -> None:
    """Let the settings name the places of a fake."""
    known = settings.SOCIALACCOUNT_PROVIDERS
    settings.SOCIALACCOUNT_PROVIDERS = {**known, fake.called: {**known[fake.called], **fake.places}}


@pytest.fixture
def riverside(organization: Organization) -> Organization:
    """Return the home organization, whose domain is verified and whose Clever district is known."""
    organization.domains.create(domain="riverside.example", verified_at=timezone.now())
    organization.clever_district_id = DISTRICT
    organization.save(update_fields=["clever_district_id"])
    return organization


@pytest.fixture
def agreed(riverside: Organization) -> Organization:
    """Return the home organization, which lets addresses link accounts as well."""
    riverside.links_accounts = True
    riverside.save(update_fields=["links_accounts"])
    return riverside


@pytest.fixture
def no_passwords(settings: Any) -> None:
    """Run the installation as production does: passwords open nothing."""
    settings.PASSWORD_SIGN_IN = False


@pytest.fixture
def fresh_limits() -> Iterator[None]:
    """Begin and end with an empty cache: no attempts counted, no keys of Google kept."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def as_owner(client: Client, owner: User) -> Client:
    """Return a browser in which Ada is signed in."""
    client.force_login(owner)
    return client
