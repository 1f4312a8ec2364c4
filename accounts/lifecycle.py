"""What each app knows about a person: how it is handed out, and how it is erased.

Accounts is the lowest floor and knows nothing of what stands above it. Each app therefore answers for its own
models, by a class that `ACCOUNT_DATA` in the settings names; the order of that list is the order of erasing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings
from django.db.models import Model
from django.utils.module_loading import import_string

from accounts.models import User


class StillNeeded(Exception):
    """Something must be finished before this person's data may go; `reason` is stable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Records:
    """A file of an export with one JSON object on each line; the rows are read while it is written."""

    name: str
    rows: Callable[[], Iterable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Text:
    """A file of an export for a person to read."""

    name: str
    pieces: Callable[[], Iterable[str]]


Part = Records | Text


class AccountData(Protocol):
    """One app's answer to what it holds about a person."""

    covers: frozenset[type[Model]]
    """The models that `export` and `erase` take care of."""

    exempt: Mapping[type[Model], str]
    """Models that hold nothing of a person, or that stay, each with the reason."""

    def waits_for(self, person: User) -> str:
        """Return why the person's data cannot go yet, or nothing."""
        ...

    def export(self, person: User) -> Sequence[Part]:
        """Return what there is about the person, as files that are read one after the other."""
        ...

    def erase(self, person: User, *, now: datetime) -> dict[str, int]:
        """Erase what there is about the person and return what went, as counts.

        It may be called again after it was interrupted anywhere, and then does the rest.

        Raises:
            StillNeeded: something has come up since `waits_for` was asked.
        """
        ...


def parts() -> list[tuple[str, AccountData]]:
    """Return each app's answer with its name, in the order of erasing."""
    return [(path.partition(".")[0], import_string(path)()) for path in settings.ACCOUNT_DATA]
