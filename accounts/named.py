"""What somebody names in writing, on a command line or in a form: by name, by address, or by id."""

from uuid import UUID

from django.db.models import Q

from accounts.models import Organization, User


class NotOne(LookupError):
    """What was named is missing, or there are several."""


def organization(text: str) -> Organization:
    """Return the organization of a name or an id.

    Raises:
        NotOne: there is none, or there are several.
    """
    wanted = Q(name__iexact=text)
    if (key := as_id(text)) is not None:
        wanted |= Q(pk=key)
    match list(Organization.objects.filter(wanted)[:2]):
        case [only]:
            return only
        case _:
            raise NotOne(text)


def person(text: str) -> User:
    """Return the person of an address or an id.

    Raises:
        NotOne: there is none in any organization.
    """
    wanted = Q(email__iexact=text)
    if (key := as_id(text)) is not None:
        wanted |= Q(pk=key)
    found = User.objects.filter(wanted, organization__isnull=False).first()
    if found is None:
        raise NotOne(text)
    return found


def as_id(text: str) -> UUID | None:
    """Return the id that a text is, if it is one."""
    try:
        return UUID(text)
    except ValueError:
        return None
