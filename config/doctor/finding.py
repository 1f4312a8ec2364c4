"""What a check found."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How bad it is: `warn` can wait for the morning, `fail` cannot."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table. It names tables and counts, never people or what they wrote."""

    state: State
    text: str
    next_step: str = ""
    """What to do now; empty when all is well."""


Look = Callable[[], Finding]


def ok(text: str) -> Finding:
    """Return that all is well."""
    return Finding(State.OK, text)


def warn(text: str, next_step: str) -> Finding:
    """Return what can wait for the morning."""
    return Finding(State.WARN, text, next_step)


def fail(text: str, next_step: str) -> Finding:
    """Return what cannot wait."""
    return Finding(State.FAIL, text, next_step)
