"""What a program may do with a person's key: never more than the person may do now."""

from django.db import models

from accounts.roles import Role, includes


class Scope(models.TextChoices):
    """One part of the API that a key can open."""

    READ = (
        "read",
        "Read my conversations, who looked at them, and my exports; search the library. For a coach also: what is "
        "shared, who waits, the teams with their numbers, and feedback",
    )
    WRITE = (
        "write",
        "Ask the AI and call my coach; change, share and delete my conversations; give feedback; begin and delete "
        "exports. For a coach also: say what became of feedback",
    )
    ACCOUNT = (
        "account",
        "Change my name; see the devices and network addresses where I am signed in; sign me out; list and revoke "
        "my keys",
    )
    COACH = "coach", "Step into conversations and speak as the coach, with drafts of the AI"
    PERSONA = "persona", "Read and write what my AI is called, how it speaks, and when it calls me"
    DOCUMENTS = "documents", "Add, read, change, replace and delete documents of the library"
    ADMIN = (
        "admin",
        "See everybody in the organization: people, teams, who waits for a coach, feedback, numbers, and exports "
        "about them. Change roles, and who may sign in",
    )
    ORGANIZATION = (
        "organization",
        "Run the organization: add and invite people and mail them links to choose a password; decide who coaches "
        "whom; change names, settings, help lines, how long things are kept, and domains; read the record and the "
        "costs",
    )


_NEEDS = {
    Scope.READ: Role.EDUCATOR,
    Scope.WRITE: Role.EDUCATOR,
    Scope.ACCOUNT: Role.EDUCATOR,
    Scope.COACH: Role.COACH,
    Scope.PERSONA: Role.COACH,
    Scope.DOCUMENTS: Role.COACH,
    Scope.ADMIN: Role.ADMIN,
    Scope.ORGANIZATION: Role.ADMIN,
}


def offered_to(role: str) -> tuple[Scope, ...]:
    """Return what a person of this role may put into a key."""
    return tuple(scope for scope in Scope if includes(role, _NEEDS[scope]))
