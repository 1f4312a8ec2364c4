"""The cast: the same eight people in every test that asks who may see what."""

from dataclasses import dataclass

from accounts.models import Organization, Team, User
from accounts.tests.factories import OrganizationFactory, TeamFactory, UserFactory

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

    @property
    def everybody(self) -> tuple[User, User, User, User]:
        """The four people, from the owner outwards."""
        return self.owner, self.coach, self.other_coach, self.admin


@dataclass(frozen=True, slots=True)
class Cast:
    """Two organizations that must never see each other."""

    home: House
    away: House


def build_house(name: str, domain: str, people: tuple[str, str, str, str]) -> House:
    """Create an organization with an owner, her coach, another coach and an administrator."""
    organization = OrganizationFactory.create(name=name)
    owner, coach, other_coach, admin = (
        UserFactory.create(
            name=person, email=f"{person.split()[0].lower()}@{domain}", organization=organization, role=role
        )
        for person, role in zip(people, ("educator", "coach", "coach", "admin"), strict=True)
    )
    team = TeamFactory.create(
        name=f"{coach.name}'s team", organization=organization, coach=coach, members=[owner]
    )
    TeamFactory.create(name=f"{other_coach.name}'s team", organization=organization, coach=other_coach)
    return House(organization, owner, coach, other_coach, admin, team)


def build_cast() -> Cast:
    """Create both organizations: Ada, Ben, Cleo and Dora at home; Amir, Bea, Carl and Dina away."""
    return Cast(
        home=build_house(
            "Riverside School", "riverside.example", ("Ada Moss", "Ben Hart", "Cleo Vale", "Dora Finch")
        ),
        away=build_house(
            "Hillside School", "hillside.example", ("Amir Stone", "Bea Lane", "Carl Wood", "Dina Frost")
        ),
    )
