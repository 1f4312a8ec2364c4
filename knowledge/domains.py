"""The seven domains of coaching: their descriptions and examples, and the vectors of both.

Tagging compares passages with these vectors, routing compares questions.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from coaching.providers.ports import EmbeddingModel
from knowledge.models import Domain

DOMAINS_FILE = Path(__file__).with_name("domains.toml")
EMBED_DEADLINE_S = 45.0

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DomainVectors:
    """Unit vectors of the domains' texts, one row a text; `owners[i]` is the index of its domain in `slugs`."""

    slugs: tuple[str, ...]
    texts: Vectors
    owners: NDArray[np.intp]

    def centroids(self) -> Vectors:
        """Return one unit vector a domain, the mean of its texts: shape (domains, dimensions)."""
        sums = np.zeros((len(self.slugs), self.texts.shape[1]), np.float32)
        np.add.at(sums, self.owners, self.texts)
        centroids: Vectors = sums / np.linalg.norm(sums, axis=1, keepdims=True).clip(min=1e-6)
        return centroids

    def nearest(self, vectors: Vectors) -> Vectors:
        """Return the cosine of each vector to the nearest text of each domain: shape (vectors, domains)."""
        cosines = vectors @ self.texts.T
        best = np.full((len(vectors), len(self.slugs)), -1.0, np.float32)
        for text, owner in enumerate(self.owners):
            best[:, owner] = np.maximum(best[:, owner], cosines[:, text])
        return best


_Key = tuple[str, str, tuple[tuple[str, tuple[str, ...]], ...]]
_known: dict[_Key, DomainVectors] = {}


@cache
def names() -> dict[str, str]:
    """Return how each domain is called, by its slug."""
    return {row["slug"]: row["name"] for row in _listed()}


def _listed() -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = tomllib.loads(DOMAINS_FILE.read_text())["domain"]
    return listed


def sync_domains() -> int:
    """Write the domains of `domains.toml` into the table and return how many there are; safe to repeat."""
    listed = _listed()
    with transaction.atomic():
        for row in listed:
            values = {
                "name": row["name"],
                "description": row["description"].strip(),
                "examples": row["examples"],
            }
            Domain.objects.update_or_create(slug=row["slug"], defaults=values)
    return len(listed)


def domain_texts() -> dict[str, tuple[str, ...]]:
    """Return name with description, then the examples, of each domain; the first call fills the table."""
    if not Domain.objects.exists():
        sync_domains()
    return {
        domain.slug: (f"{domain.name}. {domain.description}", *domain.examples)
        for domain in Domain.objects.order_by("slug")
    }


async def embed_domains(model: EmbeddingModel, texts: dict[str, tuple[str, ...]]) -> DomainVectors:
    """Embed what `domain_texts` returned with `model`, once per process and text."""
    key: _Key = (model.provider, model.model, tuple(texts.items()))
    if key not in _known:
        flat = [text for group in texts.values() for text in group]
        owners = [index for index, group in enumerate(texts.values()) for _ in group]
        embedded = await model.embed(flat, deadline_s=EMBED_DEADLINE_S)
        _known[key] = DomainVectors(tuple(texts), embedded.vectors, np.array(owners, np.intp))
    return _known[key]
