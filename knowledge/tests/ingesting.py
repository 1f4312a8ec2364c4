"""What the tests of ingestion share: small files, a clock, embedding doubles, and what came out."""

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from asgiref.sync import sync_to_async
from django.core.files.base import ContentFile

from accounts.models import User
from coaching.providers.ports import Embedded, EmbeddingModel
from coaching.providers.scripted import ScriptedEmbedding
from knowledge import library
from knowledge.extraction.document import ExtractedDocument
from knowledge.extraction.sandbox import extract
from knowledge.library import Added, Shelf
from knowledge.models import DocumentVersion, PassageEmbedding

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

BOOK = "# Trust\n\nTrust grows from small promises kept.\n\n# Data\n\nLook at student work before you look at scores.\n"
CHANGED = BOOK.replace("small promises", "many small promises")
LONG = "\n\n".join(
    f"# Chapter {number}\n\n" + f"Sentence about topic {number}. " * 250 for number in range(1, 4)
)


class Clock:
    """A clock that moves a millisecond a look, and more when told to."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def pass_(self, **duration: float) -> None:
        """Move on by a `timedelta` of these parts."""
        self.now += timedelta(**duration)


class InterruptedEmbedding:
    """Calls `interrupt` before each batch of passages of `LONG`, with the number of the batch."""

    def __init__(self, interrupt: "Interrupt", model: EmbeddingModel | None = None) -> None:
        self.inner = model or ScriptedEmbedding()
        self.provider, self.model, self.dimensions = (
            self.inner.provider,
            self.inner.model,
            self.inner.dimensions,
        )
        self.interrupt = interrupt
        self.calls = 0

    async def embed(self, texts: Sequence[str], *, deadline_s: float) -> Embedded:
        """Interrupt, then embed as the double does."""
        if any("Sentence about" in text for text in texts):
            self.calls += 1
            await sync_to_async(self.interrupt)(self.calls)
        return await self.inner.embed(texts, deadline_s=deadline_s)


class Interrupt:
    """Does something at one of the calls."""

    def __init__(self, at: int, what: object) -> None:
        self.at = at
        self.what = what

    def __call__(self, call: int) -> None:
        if call == self.at and callable(self.what):
            self.what()


@cache
def long_document() -> ExtractedDocument:
    """Return `LONG` as extraction reads it."""
    with tempfile.NamedTemporaryFile(suffix=".md") as file:
        file.write(LONG.encode())
        file.flush()
        return extract(Path(file.name), filename="long.md")


def extract_long_at_once(_path: Path, **_options: object) -> ExtractedDocument:
    """Stand in for the extraction of `LONG`, without a child process."""
    return long_document()


def add(shelf: Shelf, text: str | bytes = BOOK, name: str = "book.md", member: User | None = None) -> Added:
    """Add a small file without telling a worker."""
    data = text.encode() if isinstance(text, str) else text
    return library.add(
        shelf=shelf,
        filename=name,
        content=ContentFile(data),
        now=NOW,
        added_by_id=member.pk if member else None,
        start=False,
    )


def passages(version: DocumentVersion) -> list[tuple[object, ...]]:
    """Return all that matters of a version's passages, their vectors included."""
    vectors = {
        row.passage_id: (row.live, tuple(row.embedding))
        for row in PassageEmbedding.objects.filter(passage__version=version)
    }
    fields = (
        "pk",
        "ordinal",
        "live",
        "chapter_title",
        "heading_path",
        "start",
        "end",
        "text",
        "token_count",
        "domains",
    )
    rows = version.passages.order_by("ordinal").values_list(*fields)
    return [(*row[1:-1], tuple(row[-1]), vectors.get(row[0])) for row in rows]


def steps(version: DocumentVersion) -> dict[str, tuple[str, int]]:
    """Return state and attempts of each stage."""
    return {step.stage: (step.state, step.attempts) for step in version.steps.all()}
