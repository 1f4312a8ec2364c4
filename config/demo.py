"""The demonstration organization: who is in it, what its library holds, what has been said."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.core.files import File
from django.db import transaction
from django.utils import timezone

from accounts.models import Organization, Team, TeamMembership, User
from coaching.models import Persona
from config import demo_conversations
from conversations import analytics_views
from demo import story
from demo.render import HANDBOOK_AUTHORS, HANDBOOK_TITLE, HANDBOOK_YEAR, render_all
from knowledge import library
from knowledge.domains import sync_domains
from knowledge.ingestion.run import ingest
from knowledge.ingestion_errors import explain
from knowledge.models import Document, DocumentVersion, IngestionStep

Say = Callable[[str], None]

TITLES = {
    "handbook.pdf": HANDBOOK_TITLE,
    "agenda.docx": "Team meeting agenda",
    "transcript.vtt": "Team meeting, recorded",
}


class DemoFailed(Exception):
    """A document of the demonstration could not be read; the text says which and why."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """One person of the demonstration, as the start prints them."""

    role: str
    email: str
    password: str


def build_demo(*, say: Say) -> tuple[SignIn, ...]:
    """Build what is missing of the demonstration, tell of each step, and return who can sign in.

    Running it again changes nothing.

    Raises:
        DemoFailed: a document could not be read.
    """
    told = story.load()
    sync_domains()
    organization, people = _people(told)
    _library(organization, say=say)
    if demo_conversations.build(told, organization, people, now=timezone.now()):
        say(f"{len(told.conversations)} conversations")
        analytics_views.refresh()
    return tuple(SignIn(person.role, person.email, told.password) for person in told.people)


@transaction.atomic
def _people(told: story.Story) -> tuple[Organization, dict[str, User]]:
    """Return the organization and its people by key, made where they are missing."""
    about = told.organization
    organization, _ = Organization.objects.get_or_create(
        name=about.name,
        defaults={
            "kind": about.kind,
            "tier": about.tier,
            "response_minutes": about.response_minutes,
            "idle_minutes": about.idle_minutes,
            "help_lines": [
                {"name": line.name, "contact": line.contact, "hours": line.hours} for line in about.help_lines
            ],
        },
    )
    people = {person.key: _person(organization, person, told.password) for person in told.people}
    for persona in told.personas:
        Persona.objects.get_or_create(
            coach=people[persona.coach],
            defaults={
                "name": persona.name,
                "bio": persona.bio,
                "tone": persona.tone,
                "instructions": persona.instructions,
                "escalation_phrases": list(persona.escalation_phrases),
                "low_confidence_below": persona.low_confidence_below,
            },
        )
    _teams(organization, told, people)
    return organization, people


def _person(organization: Organization, person: story.Person, password: str) -> User:
    known = User.objects.filter(email__iexact=person.email).first()
    return known or User.objects.create_user(
        person.email, password, name=person.name, role=person.role, organization=organization
    )


def _teams(organization: Organization, told: story.Story, people: dict[str, User]) -> None:
    teams = {
        person.key: Team.objects.get_or_create(
            organization=organization, coach=people[person.key], defaults={"name": person.team}
        )[0]
        for person in told.people
        if person.team
    }
    for person in told.people:
        if person.coach:
            TeamMembership.objects.get_or_create(
                member=people[person.key], defaults={"team": teams[person.coach]}
            )


def _library(organization: Organization, *, say: Say) -> None:
    """Render the documents and have those read that are not in the library yet."""
    present = set(
        DocumentVersion.objects.filter(organization=organization, coach=None, live=True).values_list(
            "filename", flat=True
        )
    )
    if present >= set(TITLES):
        return
    with tempfile.TemporaryDirectory() as folder:
        for path in render_all(Path(folder)):
            if path.name not in present:
                _read(organization, path, say=say)


def _read(organization: Organization, path: Path, *, say: Say) -> None:
    with path.open("rb") as content:
        added = library.add(
            shelf=library.Shelf(organization.pk),
            filename=path.name,
            content=File(content, name=path.name),
            now=timezone.now(),
            title=TITLES[path.name],
            start=False,
        )
    version = added.version
    stages: list[str] = []

    def watch(stage: IngestionStep.Stage, _done: int, _total: int) -> None:
        if stage.label not in stages:
            stages.append(stage.label)
            say(f"{path.name}: {stage.label.lower()} …")

    ingest(version_id=version.pk, watch=watch)
    version.refresh_from_db()
    if version.state != DocumentVersion.State.READY:
        explained = explain(version.cause, version.failed_stage)
        raise DemoFailed(f"{path.name}: {explained}")
    if path.name == "handbook.pdf":
        Document.objects.filter(pk=version.document_id).update(
            authors=list(HANDBOOK_AUTHORS), year=HANDBOOK_YEAR
        )
    say(f"{path.name}: ready, {version.passages.count()} passages")
