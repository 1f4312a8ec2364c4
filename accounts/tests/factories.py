"""People, organizations and teams for tests; every text is fixed, so that assertions can be exact."""

from typing import Any

from factory.declarations import LazyFunction, SelfAttribute, Sequence, SubFactory, Trait
from factory.django import DjangoModelFactory
from factory.helpers import post_generation
from typing_extensions import override

from accounts.models import Organization, Team, TeamMembership, User
from accounts.roles import Role

PASSWORD = "a quiet walk by the river"
"""The password of everybody whom these factories make."""


class OrganizationFactory(DjangoModelFactory[Organization]):
    """A school with one help line."""

    class Meta:
        model = Organization

    name = Sequence(lambda n: f"School {n}")
    help_lines = LazyFunction(
        lambda: [{"name": "Listening line", "contact": "555 0100", "hours": "day and night"}]
    )


class UserFactory(DjangoModelFactory[User]):
    """An educator; `coach=True`, `admin=True` or `staff=True` make somebody else."""

    class Meta:
        model = User

    class Params:
        coach = Trait(role=Role.COACH)
        admin = Trait(role=Role.ADMIN)
        staff = Trait(role=Role.ADMIN, organization=None, is_superuser=True)

    email = Sequence(lambda n: f"person{n}@school.example")
    name = Sequence(lambda n: f"Person {n}")
    role = Role.EDUCATOR
    organization = SubFactory(OrganizationFactory)
    password = PASSWORD

    @classmethod
    @override
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        return model_class.objects.create_user(*args, **kwargs)


class TeamFactory(DjangoModelFactory[Team]):
    """A team with its coach; `members=[…]` puts educators into it."""

    class Meta:
        model = Team
        skip_postgeneration_save = True

    name = Sequence(lambda n: f"Team {n}")
    organization = SubFactory(OrganizationFactory)
    coach = SubFactory(UserFactory, coach=True, organization=SelfAttribute("..organization"))

    @post_generation
    def members(self: Any, create: bool, extracted: list[User] | None, **_kwargs: Any) -> None:
        """Put the given educators into the team."""
        for member in extracted or []:
            TeamMembership.objects.create(team=self, member=member)
