"""Reads the cast and the past conversations of the demonstration as frozen values."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class HelpLine:
    """A line that is shown at once in a crisis."""

    name: str
    contact: str
    hours: str


@dataclass(frozen=True, slots=True)
class Organization:
    """The organization everybody of the cast belongs to."""

    name: str
    kind: str
    tier: str
    response_minutes: int
    idle_minutes: int
    help_lines: tuple[HelpLine, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """One of the cast: a coach has a team by name, an educator has a coach by key."""

    key: str
    name: str
    email: str
    role: str
    team: str = ""
    coach: str = ""


@dataclass(frozen=True, slots=True)
class Persona:
    """The AI of one coach, who is named by key."""

    coach: str
    name: str
    bio: str
    tone: str
    instructions: str
    escalation_phrases: tuple[str, ...]
    low_confidence_below: float


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence that stands word for word in a document, named by key (`handbook`)."""

    document: str
    quote: str


@dataclass(frozen=True, slots=True)
class Said:
    """A message; `minute` counts from the start of its conversation.

    `sender` is client, ai, human_coach or system; `by` is the key of the human coach.
    `citations` stand in the order of the markers [1], [2], … of `text`; `feedback` is 1, -1 or 0 for none.
    """

    sender: str
    minute: int
    text: str
    by: str = ""
    domains: tuple[str, ...] = ()
    citations: tuple[Quote, ...] = ()
    feedback: int = 0


@dataclass(frozen=True, slots=True)
class Episode:
    """One handoff, in minutes from the start of its conversation; None has not happened yet."""

    reason: str
    coach: str
    requested_minute: int
    taken_minute: int | None
    returned_minute: int | None
    summary: str


@dataclass(frozen=True, slots=True)
class PastConversation:
    """A conversation that began `minutes_ago` before the demonstration is built."""

    key: str
    owner: str
    title: str
    status: str
    visibility: str
    owner_state: str
    minutes_ago: int
    messages: tuple[Said, ...]
    handoff: Episode | None


@dataclass(frozen=True, slots=True)
class Story:
    """Everything the demonstration begins with, besides its documents."""

    password: str
    organization: Organization
    people: tuple[Person, ...]
    personas: tuple[Persona, ...]
    conversations: tuple[PastConversation, ...]
    first_questions: tuple[str, ...]


def load(folder: Path = SOURCES) -> Story:
    """Return the story told by `people.toml` and `conversations.toml` in the folder."""
    cast = tomllib.loads((folder / "people.toml").read_text(encoding="utf-8"))
    past = tomllib.loads((folder / "conversations.toml").read_text(encoding="utf-8"))
    return Story(
        password=cast["password"],
        organization=_organization(cast["organization"]),
        people=tuple(Person(**row) for row in cast["people"]),
        personas=tuple(_persona(row) for row in cast["personas"]),
        conversations=tuple(_conversation(row) for row in past["conversations"]),
        first_questions=tuple(past["first_questions"]),
    )


def _organization(row: dict[str, Any]) -> Organization:
    return Organization(**{**row, "help_lines": tuple(HelpLine(**line) for line in row["help_lines"])})


def _persona(row: dict[str, Any]) -> Persona:
    texts = {name: row[name].strip() for name in ("bio", "instructions")}
    return Persona(**{**row, **texts, "escalation_phrases": tuple(row["escalation_phrases"])})


def _conversation(row: dict[str, Any]) -> PastConversation:
    handoff = row.get("handoff")
    return PastConversation(
        **{
            **row,
            "messages": tuple(_message(message) for message in row["messages"]),
            "handoff": _episode(handoff) if handoff else None,
        }
    )


def _message(row: dict[str, Any]) -> Said:
    return Said(
        **{
            **row,
            "text": row["text"].strip(),
            "domains": tuple(row.get("domains", ())),
            "citations": tuple(Quote(**quote) for quote in row.get("citations", ())),
        }
    )


def _episode(row: dict[str, Any]) -> Episode:
    return Episode(
        reason=row["reason"],
        coach=row["coach"],
        requested_minute=row["requested_minute"],
        taken_minute=row.get("taken_minute"),
        returned_minute=row.get("returned_minute"),
        summary=row["summary"].strip(),
    )
