"""What a program may do with a person's key: never more than the person may do now."""

from django.db import models

from accounts.roles import Role, includes


class Scope(models.TextChoices):
    """One part of the API that a key can open."""

    READ = "read", "Read my conversations and what is shared with me, search the library"
    WRITE = "write", "Ask, change, share and delete my conversations, give feedback, begin exports"
    COACH = "coach", "Step into conversations and speak as the coach"
    DOCUMENTS = "documents", "Add, watch and delete documents"
    ADMIN = "admin", "See people and feedback, change roles"


_NEEDS = {
    Scope.READ: Role.EDUCATOR,
    Scope.WRITE: Role.EDUCATOR,
    Scope.COACH: Role.COACH,
    Scope.DOCUMENTS: Role.COACH,
    Scope.ADMIN: Role.ADMIN,
}


def offered_to(role: str) -> tuple[Scope, ...]:
    """Return what a person of this role may put into a key."""
    return tuple(scope for scope in Scope if includes(role, _NEEDS[scope]))
