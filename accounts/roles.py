"""Which role may use which feature. Roles open features, never anybody's words."""

from django.db import models


class Role(models.TextChoices):
    """What a person is in the organization; each role may use what the one before it may."""

    EDUCATOR = "educator", "Educator"
    COACH = "coach", "Coach"
    ADMIN = "admin", "Administrator"


_RANK = {Role.EDUCATOR: 1, Role.COACH: 2, Role.ADMIN: 3}


def includes(role: str, needed: Role) -> bool:
    """Whether `role` may use the features of `needed`; an unknown role may use nothing."""
    return role in Role.values and _RANK[Role(role)] >= _RANK[needed]
