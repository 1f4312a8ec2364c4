"""Passages and vectors for the benchmarks of retrieval, in a database of their own."""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
from django.core.management import call_command
from django.db import connection
from numpy.typing import NDArray
from uuid_utils.compat import uuid7

from accounts.models import Organization
from knowledge.models import Document, DocumentVersion, EmbeddingSpace

PASSAGE_COLUMNS = (
    "id, version_id, organization_id, ordinal, live, chapter_title, headings, heading_path, page_index, "
    'page_label, page_label_end, start, "end", text, token_count, domains, speaker, '
    "page_offsets"
)
EMBEDDING_COLUMNS = "space_id, organization_id, passage_id, live, embedding"
PASSAGES_OF_A_DOCUMENT = 250


@dataclass(frozen=True, slots=True)
class Text:
    """One passage to load. `title` is its document's; `heading` is found by searches, too."""

    title: str
    body: str
    heading: str = ""


def use_database_of_its_own(name: str) -> None:
    """Create the database `name` on the configured server, empty, migrate it and use it from here on."""
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}"')
    use_database(name)
    call_command("migrate", verbosity=0)


def use_database(name: str) -> None:
    """Use the database `name` of the configured server from here on."""
    connection.close()
    connection.settings_dict["NAME"] = name


def drop_database(name: str, *, back_to: str) -> None:
    """Leave the database `name` and remove it."""
    use_database(back_to)
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def space_of(*, provider: str, model: str, dimensions: int) -> EmbeddingSpace:
    """Create the active space."""
    return EmbeddingSpace.objects.create(
        provider=provider, model=model, dimensions=dimensions, state=EmbeddingSpace.State.ACTIVE
    )


def load(
    *, name: str, space: EmbeddingSpace, texts: Sequence[Text], vectors: NDArray[np.float32]
) -> tuple[UUID, list[UUID]]:
    """Load an organization with `texts` and their unit `vectors`; return its id and the passages' ids."""
    organization = Organization.objects.create(name=name)
    ids = [uuid7() for _ in texts]
    versions = [
        _version(organization, texts[place].title, place)
        for place in range(0, len(texts), PASSAGES_OF_A_DOCUMENT)
    ]
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY knowledge_passage ({PASSAGE_COLUMNS}) FROM STDIN") as copy:
            for row in _passages(versions, texts, ids):
                copy.write_row(row)
        with cursor.copy(f"COPY knowledge_passageembedding ({EMBEDDING_COLUMNS}) FROM STDIN") as copy:
            for passage_id, vector in zip(ids, vectors, strict=True):
                copy.write_row((space.pk, organization.pk, passage_id, True, as_text(vector)))
    return organization.pk, ids


def _passages(
    versions: Sequence[DocumentVersion], texts: Sequence[Text], ids: Sequence[UUID]
) -> Iterator[tuple[object, ...]]:
    for place, (text, passage_id) in enumerate(zip(texts, ids, strict=True)):
        number, ordinal = divmod(place, PASSAGES_OF_A_DOCUMENT)
        version = versions[number]
        tokens = max(1, len(text.body) // 5)
        yield (
            passage_id, version.pk, version.organization_id, ordinal, True, text.heading, [], text.heading, ordinal,
            str(ordinal + 1), "", ordinal * 10_000, ordinal * 10_000 + len(text.body), text.body, tokens, [], "", [],
        )  # fmt: skip


def _version(organization: Organization, title: str, place: int) -> DocumentVersion:
    document = Document.objects.create(organization=organization, title=title)
    return DocumentVersion.objects.create(
        document=document,
        organization=organization,
        filename=f"{place}.txt",
        sha256=f"{place:064d}",
        size=1,
        state=DocumentVersion.State.READY,
        live=True,
    )


def as_text(vector: NDArray[np.float32]) -> str:
    """Return a vector as pgvector reads it."""
    return "[" + ",".join(f"{value:.5g}" for value in vector.tolist()) + "]"


def squad(data: Path, file: str) -> list[dict[str, object]]:
    """Return the rows of a file of the SQuAD set."""
    with (data / "retrieval-squad" / file).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def synthetic_vectors(
    sizes: Iterable[int], *, dimensions: int = 384, topics: int = 400, inner: int = 24, seed: int = 7
) -> Iterator[NDArray[np.float32]]:
    """Yield unit vectors for organizations of these sizes, each mostly about 40 topics of its own."""
    chance = np.random.default_rng(seed)
    centres = chance.standard_normal((topics, dimensions)).astype(np.float32)
    planes = chance.standard_normal((topics, inner, dimensions)).astype(np.float32) / np.sqrt(inner)
    for size in sizes:
        own = chance.choice(topics, 40, replace=False)
        of = np.where(chance.random(size) < 0.8, chance.choice(own, size), chance.integers(0, topics, size))
        inside = chance.standard_normal((size, inner)).astype(np.float32)
        vectors = np.empty((size, dimensions), dtype=np.float32)
        for topic in np.unique(of):
            members = of == topic
            vectors[members] = centres[topic] + inside[members] @ planes[topic]
        vectors += 0.1 * chance.standard_normal(vectors.shape).astype(np.float32)
        yield vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def mixed_texts(paragraphs: Sequence[dict[str, object]], count: int, *, seed: int) -> list[Text]:
    """Return `count` texts put together from the sentences of two paragraphs each."""
    chance = random.Random(seed)
    sentences = [str(paragraph["text"]).split(". ") for paragraph in paragraphs]
    texts = []
    for _ in range(count):
        first, second = chance.sample(range(len(paragraphs)), 2)
        parts = chance.sample(sentences[first], len(sentences[first])) + sentences[second][:3]
        texts.append(Text(title=str(paragraphs[first]["title"]), body=". ".join(parts)))
    return texts
