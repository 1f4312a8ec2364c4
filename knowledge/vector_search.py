"""The vector leg: the passages of a scope whose vectors are nearest to a question's.

A small scope is scanned exactly through its own index; a scope that is large, and a large part of its
space, goes through the space's HNSW index with an iterative scan. The choice is forced, never left to the
planner, whose generic plans take the HNSW index for small scopes too and then find next to nothing.
This module is the only one that compares vectors with a question.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

import numpy as np
import orjson
from django.db import connection, transaction
from numpy.typing import NDArray

from accounts import prepared
from knowledge.models import EmbeddingSpace
from knowledge.remembered import Remembered
from knowledge.scope import Scope

Vector = NDArray[np.float32]
_Row = tuple[UUID, float, list[str]]

EXACT_UP_TO = 20_000
"""Vectors in a scope up to which every one of them is compared."""
LEAST_SHARE = 0.15
"""The share of the space below which the HNSW index would walk through too many foreign vectors."""
EF_SEARCH = 400
MAX_SCAN_TUPLES = 60_000

EXACT = """
    SELECT passage_id, (embedding <#> %s::halfvec) + 0 AS distance FROM knowledge_passageembedding
    WHERE live AND space_id = {space} AND organization_id = %s AND coach_id {owner}
    ORDER BY distance, passage_id LIMIT {limit}
"""
NEAREST = """
    SELECT passage_id, embedding::halfvec({dimensions}) <#> %s::halfvec({dimensions}) AS distance
    FROM knowledge_passageembedding
    WHERE live AND space_id = {space} AND organization_id = %s AND {owner}
    ORDER BY distance LIMIT {limit}
"""
WITH_DOMAINS = """
    SELECT n.passage_id, n.distance, p.domains FROM ({nearest}) AS n
    JOIN knowledge_passage p ON p.id = n.passage_id ORDER BY n.distance, n.passage_id LIMIT {limit}
"""
FORCED = {
    "enable_sort": "off",
    "hnsw.iterative_scan": "strict_order",
    "hnsw.ef_search": str(EF_SEARCH),
    "hnsw.max_scan_tuples": str(MAX_SCAN_TUPLES),
}


class Strategy(StrEnum):
    """How the vectors of a scope are searched."""

    EXACT = "exact"
    HNSW = "hnsw"


@dataclass(frozen=True, slots=True)
class Near:
    """A passage, the cosine of its vector to the question's, and its domains."""

    passage_id: UUID
    similarity: float
    domains: tuple[str, ...] = ()


_sizes: Remembered[tuple[int, Scope], int] = Remembered(seconds=60, most=10_000)
_spaces: Remembered[int, tuple[bool, int]] = Remembered(seconds=60, most=100)


def nearest(
    *, scope: Scope, space: EmbeddingSpace, vector: Vector, limit: int, strategy: Strategy | None = None
) -> list[Near]:
    """Return the `limit` passages of `scope` nearest to the unit vector `vector`, nearest first."""
    if (strategy or choose(scope=scope, space=space)) == Strategy.HNSW:
        with _forced():
            rows = _by_index(scope, space, vector, limit)
    else:
        rows = _by_scan(scope, space, vector, limit)
    return [Near(passage_id, -distance, tuple(domains)) for passage_id, distance, domains in rows]


def similarities(
    *, scope: Scope, space: EmbeddingSpace, vector: Vector, passages: Sequence[UUID]
) -> dict[UUID, float]:
    """Return the cosine to `vector` of those of `passages` that the scope sees."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT passage_id, -(embedding <#> %s::halfvec) FROM knowledge_passageembedding WHERE live "
            "AND space_id = %s AND passage_id = ANY(%s) "
            "AND organization_id = %s AND (coach_id IS NULL OR coach_id = %s)",
            [as_literal(vector), space.pk, list(passages), scope.organization_id, scope.coach_id],
        )
        return dict(cursor.fetchall())


def choose(*, scope: Scope, space: EmbeddingSpace) -> Strategy:
    """Return the strategy for a scope of this size; the sizes may be a minute old."""
    size = scope_size(scope=scope, space=space)
    if size <= EXACT_UP_TO:
        return Strategy.EXACT
    has_index, total = _space_facts(space)
    return Strategy.HNSW if has_index and size >= LEAST_SHARE * total else Strategy.EXACT


def scope_size(*, scope: Scope, space: EmbeddingSpace) -> int:
    """Return how many vectors the scope has, counted within the last minute."""
    known = _sizes.get((space.pk, scope))
    if known is not None:
        return known
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM knowledge_passageembedding WHERE live AND space_id = %s "
            "AND organization_id = %s AND (coach_id IS NULL OR coach_id = %s)",
            [space.pk, scope.organization_id, scope.coach_id],
        )
        return _sizes.put((space.pk, scope), int(cursor.fetchone()[0]))


def index_name(space: EmbeddingSpace) -> str:
    """Return the name of the HNSW index of a space."""
    return f"embedding_hnsw_{space.pk}"


def forget_sizes() -> None:
    """Forget what is remembered about scopes and spaces."""
    _sizes.forget()
    _spaces.forget()


def as_literal(vector: Vector) -> str:
    """Return a vector as pgvector reads it."""
    plain = np.ascontiguousarray(vector, dtype=np.float32)
    return orjson.dumps(plain, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _space_facts(space: EmbeddingSpace) -> tuple[bool, int]:
    """Return whether the HNSW index of the space is usable, and roughly how many vectors there are."""
    known = _spaces.get(space.pk)
    if known is not None:
        return known
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce((SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)), false), "
            "coalesce((SELECT reltuples FROM pg_class WHERE oid = to_regclass(%s)), 0)::bigint",
            [index_name(space), index_name(space)],
        )
        has_index, total = cursor.fetchone()
    return _spaces.put(space.pk, (has_index, total))


def _by_scan(scope: Scope, space: EmbeddingSpace, vector: Vector, limit: int) -> list[_Row]:
    """Compare every vector: what is shared and what the coach keeps are two scans of an index, merged."""
    literal = as_literal(vector)
    parameters: list[Any] = [literal, scope.organization_id]
    parts = [EXACT.format(space=int(space.pk), owner="IS NULL", limit=int(limit))]
    if scope.coach_id is not None:
        parts.append(EXACT.format(space=int(space.pk), owner="= %s", limit=int(limit)))
        parameters += [literal, scope.organization_id, scope.coach_id]
    merged = " UNION ALL ".join(f"({part})" for part in parts)
    statement = WITH_DOMAINS.format(nearest=merged, limit=int(limit))
    with prepared.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _by_index(scope: Scope, space: EmbeddingSpace, vector: Vector, limit: int) -> list[_Row]:
    statement = NEAREST.format(
        dimensions=int(space.dimensions),
        space=int(space.pk),
        limit=int(limit),
        owner="coach_id IS NULL" if scope.coach_id is None else "(coach_id IS NULL OR coach_id = %s)",
    )
    parameters: list[Any] = [as_literal(vector), scope.organization_id]
    if scope.coach_id is not None:
        parameters.append(scope.coach_id)
    with connection.cursor() as cursor:
        cursor.execute(WITH_DOMAINS.format(nearest=statement, limit=int(limit)), parameters)
        return list(cursor.fetchall())


@contextmanager
def _forced() -> Iterator[None]:
    """Have the planner take the HNSW index within this block, and put its settings back after it."""
    before = ", ".join(f"current_setting('{name}', true)" for name in FORCED)
    change = ", ".join(f"set_config('{name}', %s, true)" for name in FORCED)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT {before}")
        values = cursor.fetchone()
        cursor.execute(f"SELECT {change}", list(FORCED.values()))
        yield
        cursor.execute(f"SELECT {change}", list(values))
