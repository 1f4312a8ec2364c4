"""The text leg: Postgres full text, ranked as BM25 ranks.

Plain `ts_rank` does not know that a rare word says more than a common one. Here each word of the question
weighs by how few passages of the scope have it; `ts_rank` is used for one word at a time, where it is a
saturating function of how often the passage has the word. Candidates are the passages with the rarest
words, or with several of the common ones together, so that no search reads a large part of the library.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from uuid import UUID

from django.db import connection

from accounts import prepared
from knowledge.remembered import Remembered
from knowledge.scope import Scope

MOST_WORDS = 24
"""Words of a question that are looked up: the rarest."""
BUDGET = 1_000
"""Candidates that one search ranks, roughly."""
LIKELY = 30
"""More candidates than asked for are ranked exactly; their first order counts each word once."""
COUNTED_UP_TO = 5_000
"""A word in more passages than this is common; how common is not counted further."""
COMBINED = 5
"""Common words that are combined."""
USUAL_TOKENS = 300.0
"""A longer passage has words by chance; its fit counts a little less."""

LEXEMES = "tsvector_to_array(to_tsvector('english', %s::text))"
"""The words of a question as full text knows them: of statements that have the question to give."""
COUNTS = """
    SELECT word, (SELECT count(*) FROM (
        SELECT 1 FROM knowledge_passage
        WHERE live AND search @@ ((%s::text || ' & ' || word)::tsquery) LIMIT {most}) found)
    FROM unnest(%s::text[]) AS word
"""
WORDS = """
    word AS MATERIALIZED (SELECT query, weight FROM unnest(%s::tsquery[], %s::float8[]) AS given (query, weight))
"""
"""The words as rows, read once; its parameters are `weighed` of the words."""
SCORE = f"""
    COALESCE((SELECT sum(weight * ts_rank('{{1,1,1,1}}', search, query)) FROM word), 0)
        / sqrt(0.5 + 0.5 * token_count / {USUAL_TOKENS})
"""  # noqa: S608 - constants
"""How well a row of passages fits the words of `WORDS`."""
RANKED = f"""
    WITH {WORDS}, hit AS (
        SELECT found.id, sought.weight FROM unnest(%s::tsquery[], %s::float8[]) AS sought (query, weight)
        CROSS JOIN LATERAL (SELECT id FROM knowledge_passage WHERE live AND search @@ sought.query) AS found
    ), likely AS (SELECT id FROM hit GROUP BY id ORDER BY sum(weight) DESC, id LIMIT %s)
    SELECT id, domains, {SCORE} AS score FROM likely JOIN knowledge_passage USING (id)
    WHERE live AND organization_id IS NOT DISTINCT FROM %s AND (coach_id IS NULL OR coach_id = %s)
    ORDER BY score DESC, id LIMIT %s
"""  # noqa: S608 - constants
SCORED = f"""
    WITH {WORDS} SELECT id, {SCORE} FROM knowledge_passage
    WHERE id = ANY(%s) AND live
        AND organization_id IS NOT DISTINCT FROM %s AND (coach_id IS NULL OR coach_id = %s)
"""  # noqa: S608 - constants
# "IS NOT DISTINCT FROM" is "=" that no index serves: the few likely rows are looked up one by one, and the
# planner is not led to read the whole organization.


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the question, quoted as a query, and its weight in the scope: the rarer, the heavier."""

    query: str
    weight: float
    passages: int


@dataclass(frozen=True, slots=True)
class Worded:
    """A passage and how well its words fit the question's, in the units of the weights."""

    passage_id: UUID
    score: float
    domains: tuple[str, ...]


_sizes: Remembered[Scope, int] = Remembered(seconds=60, most=10_000)
_counts: Remembered[tuple[Scope, str], int] = Remembered(seconds=300, most=50_000)


def scope_size(*, scope: Scope) -> int:
    """Return how many passages the scope has, counted within the last minute."""
    known = _sizes.get(scope)
    if known is not None:
        return known
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM knowledge_passage WHERE live AND organization_id = %s "
            "AND (coach_id IS NULL OR coach_id = %s)",
            [scope.organization_id, scope.coach_id],
        )
        return _sizes.put(scope, int(cursor.fetchone()[0]))


def weigh(*, scope: Scope, lexemes: Sequence[str], size: int) -> list[Word]:
    """Return the words of a question, the heaviest first; `size` is the number of passages in the scope."""
    queries = [quoted(lexeme) for lexeme in lexemes]
    counts = _count(scope, queries)
    words = [
        Word(query=query, weight=_weight(counts[query], size), passages=counts[query]) for query in queries
    ]
    return sorted(words, key=lambda word: -word.weight)[:MOST_WORDS]


def rank(*, scope: Scope, words: Sequence[Word], size: int, limit: int) -> list[Worded]:
    """Return the `limit` passages of the scope that fit the words best, the best first."""
    groups = candidates(words, size)
    if not groups:
        return []
    owners = _owners(scope)
    within = [replace(group, query=f"{owners} & {group.query}") for group in groups]
    parameters = [
        *weighed(words),
        *weighed(within),
        limit + LIKELY,
        scope.organization_id,
        scope.coach_id,
        limit,
    ]
    with prepared.cursor() as cursor:
        cursor.execute(RANKED, parameters)
        return [Worded(passage_id=row[0], domains=tuple(row[1]), score=row[2]) for row in cursor.fetchall()]


def scores(*, scope: Scope, words: Sequence[Word], passages: Sequence[UUID]) -> dict[UUID, float]:
    """Return how well those of `passages` that the scope sees fit the words, in the units of the weights."""
    with prepared.cursor() as cursor:
        cursor.execute(SCORED, [*weighed(words), list(passages), scope.organization_id, scope.coach_id])
        return dict(cursor.fetchall())


def weighed(words: Sequence[Word]) -> tuple[list[str], list[float]]:
    """Return the queries of words and their weights, as parameters of a statement."""
    return [word.query for word in words], [word.weight for word in words]


def best_possible(words: Sequence[Word]) -> float:
    """Return what a passage scores that has every word once: the measure of a score."""
    once = 6 / math.pi**2
    return once * sum(word.weight for word in words)


def candidates(words: Sequence[Word], size: int) -> list[Word]:
    """Return what finds about `BUDGET` passages: each rare word, and common ones enough of them together."""
    rare: list[Word] = []
    common: list[Word] = []
    expected = 0
    for word in words:
        expected += word.passages
        (rare if expected <= BUDGET else common).append(word)
    return rare + _together(common[:COMBINED], size)


def finds_every(words: Sequence[Word]) -> bool:
    """Whether `candidates` leaves out no passage that has one of the words."""
    return sum(word.passages for word in words) <= BUDGET


def quoted(lexeme: str) -> str:
    """Return a lexeme as it stands in a text query."""
    escaped = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _together(words: Sequence[Word], size: int) -> list[Word]:
    """Return the combinations of the fewest words that leave few enough passages."""
    for together in range(1, len(words)):
        groups = [_joined(group, size) for group in combinations(words, together)]
        # Words of one subject come together; twice is what independence would give, roughly.
        if 2 * sum(group.passages for group in groups) <= BUDGET:
            return groups
    return [_joined(words, size)] if words else []


def _joined(words: Sequence[Word], size: int) -> Word:
    """Return words that have to come together as one; how many passages have them is a guess."""
    share = math.prod(word.passages / max(size, 1) for word in words)
    return Word(
        query="(" + " & ".join(word.query for word in words) + ")",
        weight=sum(word.weight for word in words) / len(words),
        passages=round(size * share),
    )


def _owners(scope: Scope) -> str:
    """Return the query for the owners of what the scope sees; each passage has its owner as a word."""
    owners = [scope.organization_id] if scope.coach_id is None else [scope.organization_id, scope.coach_id]
    return "(" + " | ".join(f"'={owner}'" for owner in owners) + ")"


def _count(scope: Scope, queries: Sequence[str]) -> dict[str, int]:
    known = {query: _counts.get((scope, query)) for query in queries}
    missing = [query for query, count in known.items() if count is None]
    if missing:
        with connection.cursor() as cursor:
            cursor.execute(COUNTS.format(most=COUNTED_UP_TO), [_owners(scope), missing])
            for query, count in cursor.fetchall():
                known[query] = _counts.put((scope, query), int(count))
    return {query: count or 0 for query, count in known.items()}


def _weight(passages: int, size: int) -> float:
    size = max(size, passages)
    return math.log(1 + (size - passages + 0.5) / (passages + 0.5))
