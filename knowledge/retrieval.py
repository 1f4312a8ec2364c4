"""The one way to look something up: a question and a scope in, a few passages out.

Two legs, vectors and full text, are fused by reciprocal rank; the best of both are then measured by both
legs on one calibrated scale, put in its order, and freed of near repeats. `docs/retrieval.md` has the
figures.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from accounts import prepared
from coaching.providers import registry
from knowledge import fusion, spaces, text_search, vector_search
from knowledge.models import EmbeddingSpace
from knowledge.retrieved import Retrieval, RetrievedPassage
from knowledge.scope import Scope
from knowledge.utterances import Utterance

__all__ = ["Retrieval", "RetrievedPassage", "retrieve"]

DEPTH = 50
"""Passages that each leg brings up."""
PER_DOMAIN = 10
POOL = 24
"""Passages that are measured by both legs."""
TEXT_WEIGHT = 1.5
DOMAIN_WEIGHT = 0.5
DOMAIN_BONUS = 0.03
"""Added to the score for the order, where a passage belongs to a domain that the question was routed to."""

OPENED_AT_ONCE = 2
"""Passages that are read with their texts, for each one that is asked for: some repeat others."""

_SPACE = ("id", "provider", "model", "dimensions", "state")
BEGUN = f"""
    SELECT {text_search.LEXEMES}, {", ".join(f"s.{name}" for name in _SPACE)}
    FROM (SELECT) AS once LEFT JOIN knowledge_embeddingspace s ON s.state = 'active'
"""  # noqa: S608 -- constants
OPENED = """
    SELECT p.id, v.document_id, p.version_id, d.title, d.authors, d.year, p.chapter_title, p.headings,
        p.page_label, p.page_index, p.page_index_end, p.page_offsets,
        v.page_labels[p.page_index + 1 : p.page_index_end + 1] AS page_labels, p.text, p.domains, p.speaker, p.start_seconds,
        p.utterances,
        p.ordinal, p.start, p."end"
    FROM knowledge_passage p
    JOIN knowledge_documentversion v ON v.id = p.version_id
    JOIN knowledge_document d ON d.id = v.document_id
    WHERE p.id = ANY(%s) AND p.live AND p.organization_id IS NOT DISTINCT FROM %s
        AND (p.coach_id IS NULL OR p.coach_id = %s)
"""


@dataclass(slots=True)
class _Search:
    """What one search has found so far."""

    scope: Scope
    lexemes: Sequence[str]
    space: EmbeddingSpace | None
    """The active one, if the question's vector is at home there."""
    size: int = 0
    words: list[text_search.Word] = field(default_factory=list)
    by_text: list[text_search.Worded] = field(default_factory=list)
    by_vector: list[vector_search.Near] = field(default_factory=list)
    trace: dict[str, object] = field(default_factory=dict)

    def candidates(self) -> list[UUID]:
        """Return every passage found, those of the text leg first."""
        found = [hit.passage_id for hit in self.by_text] + [hit.passage_id for hit in self.by_vector]
        return list(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class _Measures:
    """A pooled passage on the scale of both legs."""

    passage_id: UUID
    score: float
    legs: Mapping[str, float]


def retrieve(
    *,
    scope: Scope,
    question: str,
    vector: NDArray[np.float32] | None,
    domains: Sequence[str] = (),
    limit: int = 6,
) -> Retrieval:
    """Return the passages of `scope` that answer `question` best, at most `limit`, near repeats left out.

    `vector` is the question's unit vector, shape (dimensions,); without one, or when it is not of the
    active space's model, the text leg works alone. `domains` are those that the question was routed to:
    ten passages of each are considered besides the best overall, and preferred when nearly as good.
    """
    started = time.perf_counter()
    search = _begun(scope, question, vector)
    _search_vectors(search, vector)
    _search_words(search)
    tagged = _domains_of(search)
    measured = _measured(search, _pool(search, tagged, domains), vector)
    wanted = set(domains)
    ordered = sorted(
        measured,
        key=lambda each: (
            -(each.score + (DOMAIN_BONUS if wanted.intersection(tagged[each.passage_id]) else 0.0))
        ),
    )
    opened = _opened(search, ordered, at_once=OPENED_AT_ONCE * limit)
    winners = fusion.without_repeats(opened, _stretch, most=limit)
    search.trace["total_ms"] = _ms_since(started)
    return Retrieval(
        passages=tuple(_passage(row, measures) for row, measures in winners),
        considered=len(search.candidates()),
        confidence=max((measures.score for _, measures in winners), default=0.0),
        trace=search.trace,
    )


def _begun(scope: Scope, question: str, vector: NDArray[np.float32] | None) -> _Search:
    """Ask for the words of the question and the active space, in one statement: every search needs both."""
    with prepared.cursor() as cursor:
        cursor.execute(BEGUN, [question.replace("\0", " ")])
        lexemes, *columns = cursor.fetchone()
    space = EmbeddingSpace.from_db(connection.alias, _SPACE, columns) if columns[0] is not None else None
    return _Search(scope=scope, lexemes=lexemes or (), space=space if _at_home(vector, space) else None)


def _at_home(vector: NDArray[np.float32] | None, space: EmbeddingSpace | None) -> bool:
    if space is None or vector is None or space.dimensions != len(vector):
        return False
    return spaces.belongs_to(space, registry.embeddings())


def _search_vectors(search: _Search, vector: NDArray[np.float32] | None) -> None:
    started = time.perf_counter()
    scope, space = search.scope, search.space
    if space is None or vector is None:
        search.trace["vector"] = "no vector of the active space"
        return
    search.size = vector_search.scope_size(scope=scope, space=space)
    strategy = vector_search.choose(scope=scope, space=space)
    search.by_vector = vector_search.nearest(
        scope=scope, space=space, vector=vector, limit=DEPTH, strategy=strategy
    )
    search.trace |= {"vector": str(strategy), "space": space.pk, "vector_ms": _ms_since(started)}


def _search_words(search: _Search) -> None:
    started = time.perf_counter()
    size = search.size or text_search.scope_size(scope=search.scope)
    search.words = text_search.weigh(scope=search.scope, lexemes=search.lexemes, size=size)
    search.by_text = text_search.rank(scope=search.scope, words=search.words, size=size, limit=DEPTH)
    search.trace |= {
        "words": len(search.words),
        "scope": size,
        "text_hits": len(search.by_text),
        "text_ms": _ms_since(started),
    }


def _pool(search: _Search, tagged: Mapping[UUID, Sequence[str]], domains: Sequence[str]) -> dict[UUID, float]:
    """Return the passages to measure with their fused score, best first; `tagged` has their domains."""
    by_vector = [hit.passage_id for hit in search.by_vector]
    by_text = [hit.passage_id for hit in search.by_text]
    rankings = [(1.0, by_vector), (TEXT_WEIGHT, by_text)]
    for domain in dict.fromkeys(domains):
        for weight, ranking in rankings[:2]:
            ranked = fusion.of_domain(ranking, tagged, domain, most=PER_DOMAIN)
            rankings.append((DOMAIN_WEIGHT * weight, ranked))
    fused = fusion.fuse(rankings)
    return dict(list(fused.items())[:POOL])


def _domains_of(search: _Search) -> Mapping[UUID, Sequence[str]]:
    by_vector = {hit.passage_id: hit.domains for hit in search.by_vector}
    return by_vector | {hit.passage_id: hit.domains for hit in search.by_text}


def _measured(
    search: _Search, pool: Mapping[UUID, float], vector: NDArray[np.float32] | None
) -> list[_Measures]:
    """Return the pooled passages, in the order of the pool, each measured by both legs and with its score."""
    similarity = _similarities(search, list(pool), vector)
    fit = _fits(search, list(pool))
    vector_ranks = {hit.passage_id: rank for rank, hit in enumerate(search.by_vector, start=1)}
    text_ranks = {hit.passage_id: rank for rank, hit in enumerate(search.by_text, start=1)}
    best_possible = text_search.best_possible(search.words)
    curve = fusion.BOTH_LEGS if search.space else fusion.TEXT_ONLY
    measured: list[_Measures] = []
    for passage, fused in pool.items():
        words = fit.get(passage, 0.0) / best_possible if best_possible else 0.0
        near = similarity.get(passage, 0.0)
        legs = {
            "text": words,
            "text_rank": text_ranks.get(passage),
            "vector": near if search.space else None,
            "vector_rank": vector_ranks.get(passage),
            "fused": fused,
        }
        score = curve.probability(similarity=near, words=words)
        known = {name: float(value) for name, value in legs.items() if value is not None}
        measured.append(_Measures(passage, score, known))
    return measured


def _opened(
    search: _Search, ordered: Sequence[_Measures], *, at_once: int
) -> Iterator[tuple[Mapping[str, Any], _Measures]]:
    """Read the passages that the scope still sees with their texts, a few at a time as they are wanted."""
    for start in range(0, len(ordered), at_once):
        some = ordered[start : start + at_once]
        rows = _rows(search.scope, [measures.passage_id for measures in some])
        yield from ((rows[measures.passage_id], measures) for measures in some if measures.passage_id in rows)


def _rows(scope: Scope, passages: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    with prepared.cursor() as cursor:
        cursor.execute(OPENED, [list(passages), scope.organization_id, scope.coach_id])
        names = [column.name for column in cursor.description]
        return {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}


def _fits(search: _Search, passages: Sequence[UUID]) -> dict[UUID, float]:
    """Return how well the words of passages fit the question's; those that have none of them may be left out."""
    known = {hit.passage_id: hit.score for hit in search.by_text}
    missing = [passage for passage in passages if passage not in known]
    has_all = len(known) < DEPTH and text_search.finds_every(search.words)
    if missing and not has_all:
        known |= text_search.scores(scope=search.scope, words=search.words, passages=missing)
    return known


def _similarities(
    search: _Search, passages: Sequence[UUID], vector: NDArray[np.float32] | None
) -> dict[UUID, float]:
    if search.space is None or vector is None:
        return {}
    known = {hit.passage_id: hit.similarity for hit in search.by_vector}
    missing = [passage for passage in passages if passage not in known]
    if missing:
        known |= vector_search.similarities(
            scope=search.scope, space=search.space, vector=vector, passages=missing
        )
    return known


def _stretch(opened: tuple[Mapping[str, Any], _Measures]) -> fusion.Stretch:
    row, _ = opened
    return fusion.Stretch(
        version=row["version_id"],
        ordinal=row["ordinal"],
        start=row["start"],
        end=row["end"],
        pages=(row["page_index"], row["page_index_end"]),
        text=row["text"],
    )


def _passage(row: Mapping[str, Any], measures: _Measures) -> RetrievedPassage:
    return RetrievedPassage(
        passage_id=row["id"],
        document_id=row["document_id"],
        version_id=row["version_id"],
        title=row["title"],
        authors=tuple(row["authors"]),
        year=row["year"],
        chapter_title=row["chapter_title"],
        headings=tuple(row["headings"]),
        page_label=row["page_label"],
        page_index=row["page_index"],
        page_index_end=row["page_index_end"],
        page_offsets=tuple(row["page_offsets"]),
        page_labels=tuple(row["page_labels"] or ()),
        text=row["text"],
        score=measures.score,
        legs=measures.legs,
        domains=tuple(row["domains"]),
        speaker=row["speaker"],
        start_seconds=row["start_seconds"],
        utterances=tuple(Utterance(*each) for each in json.loads(row["utterances"])),
    )


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)
