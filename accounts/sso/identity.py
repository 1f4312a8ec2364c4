"""What a provider says about somebody, once it has been checked."""

import re
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.models import DOMAIN_SHAPE

EMAIL_LENGTH = 254
NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who is signed in at a provider."""

    provider: str
    subject: str
    """What the provider calls this person, always: the only thing by which they are known again."""
    name: str = ""
    email: str = ""
    """Empty when there is none."""
    email_verified: bool = False
    domain: str = ""
    """The Google Workspace domain that the account belongs to; empty for a personal account."""
    district: str = ""
    """The Clever district."""

    @property
    def email_domain(self) -> str:
        """The part of the address behind the @."""
        return self.email.rpartition("@")[2]

    @property
    def home(self) -> str:
        """What names the organization, in words: the domain or the district."""
        return self.domain or f"the district {self.district}"


def readable_name(*parts: object) -> str:
    """Return a name made of the parts that are text, on one line and not too long."""
    text = " ".join(part for part in parts if isinstance(part, str))
    shown = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.split())[:NAME_LENGTH].strip()


def usable_email(value: object) -> str:
    """Return the address when mail could be sent there, otherwise nothing."""
    if (
        not isinstance(value, str)
        or len(value) > EMAIL_LENGTH
        or not (value.isascii() and value.isprintable())
    ):
        return ""
    try:
        validate_email(value)
    except ValidationError:
        return ""
    return value.lower()


def usable_domain(value: object) -> str:
    """Return the domain in small letters when it is one, otherwise nothing."""
    domain = value.lower() if isinstance(value, str) else ""
    return domain if re.fullmatch(DOMAIN_SHAPE, domain) else ""
