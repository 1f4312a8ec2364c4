"""The cast: the same eight people in every test that asks who may see what."""

from dataclasses import dataclass
from functools import cache

from django.contrib.auth.hashers import make_password

from accounts.models import Organization, Team, TeamMembership, User
from accounts.tests.factories import PASSWORD, OrganizationFactory, UserFactory

CAST = 8
"""How many people there are before anybody comes."""


@dataclass(frozen=True, slots=True)
class House:
    """One organization with the four people whom the stories need."""

    organization: Organization
    owner: User
    """An educator: the client whose conversation a story is about."""
    coach: User
    """The coach of the owner's team."""
    other_coach: User
    """A coach of the same organization with an own, empty team."""
    admin: User
    """The administrator of the organization."""
    team: Team
    other_team: Team

    @property
    def everybody(self) -> tuple[User, User, User, User]:
        """The four people, from the owner outwards."""
        return self.owner, self.coach, self.other_coach, self.admin


@dataclass(frozen=True, slots=True)
class Cast:
    """Two organizations that must never see each other."""

    home: House
    away: House


@cache
def hashed_password() -> str:
    """Return the hash of everybody's password, made once."""
    return make_password(PASSWORD)


def _unsaved_house(name: str, domain: str, people: tuple[str, str, str, str]) -> House:
    """Return an organization with an owner, her coach, another coach and an administrator."""
    organization = OrganizationFactory.build(name=name)
    owner, coach, other_coach, admin = (
        UserFactory.build(
            name=person,
            email=f"{person.split()[0].lower()}@{domain}",
            organization=organization,
            role=role,
            password=hashed_password(),
        )
        for person, role in zip(people, ("educator", "coach", "coach", "admin"), strict=True)
    )
    team, other_team = (
        Team(name=f"{each.name}'s team", organization=organization, coach=each)
        for each in (coach, other_coach)
    )
    return House(organization, owner, coach, other_coach, admin, team, other_team)


def build_house(name: str, domain: str, people: tuple[str, str, str, str]) -> House:
    """Create an organization with an owner, her coach, another coach and an administrator."""
    house = _unsaved_house(name, domain, people)
    _keep(house)
    return house


def build_cast() -> Cast:
    """Create both organizations: Ada, Ben, Cleo and Dora at home; Amir, Bea, Carl and Dina away."""
    home = _unsaved_house(
        "Riverside School", "riverside.example", ("Ada Moss", "Ben Hart", "Cleo Vale", "Dora Finch")
    )
    away = _unsaved_house(
        "Hillside School", "hillside.example", ("Amir Stone", "Bea Lane", "Carl Wood", "Dina Frost")
    )
    _keep(home, away)
    return Cast(home, away)


def _keep(*houses: House) -> None:
    # Nearly every test begins with these people, so they cost four statements and not forty.
    Organization.objects.bulk_create(house.organization for house in houses)
    User.objects.bulk_create(person for house in houses for person in house.everybody)
    Team.objects.bulk_create(team for house in houses for team in (house.team, house.other_team))
    TeamMembership.objects.bulk_create(
        TeamMembership(team=house.team, member=house.owner) for house in houses
    )
