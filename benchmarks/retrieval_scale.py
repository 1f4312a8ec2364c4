"""Retrieval among 100,000 passages: of 100 organizations of very unequal size, then of a single one.

    python -m benchmarks.retrieval_scale [--queries N] [--keep]

Prints latency and recall of the vector leg per size of scope, against an exact comparison in memory, and the
latency and client CPU of a whole search. One connection, server-side binding, statements prepared, each measured
after ten executions: the set-up in which a generic plan would take the wrong index. The naive statement, with
everything left to the planner, is measured beside it. The database of the settings is used for its server only.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import django
import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
os.environ["EMBEDDING_MODEL"] = "coaching.providers.minilm.from_settings"
django.setup()

from django.db import connection

from accounts.models import Organization
from benchmarks import retrieval_corpus as corpus
from coaching.providers import registry
from knowledge import retrieval, spaces, vector_search
from knowledge.models import EmbeddingSpace, PassageEmbedding
from knowledge.scope import Scope

DATA = Path(os.environ.get("SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
MANY, ONE = "sideline_bench_many", "sideline_bench_one"
PASSAGES = 100_000
ORGANIZATIONS = 100
NEAREST = 10
WARM_UP = 10
ROUNDS = 3
"""Other work on the machine disturbs a round; the best of several is what the work itself takes."""
Vectors = NDArray[np.float32]

NAIVE = (
    "SELECT passage_id FROM knowledge_passageembedding WHERE live AND space_id = {space} AND organization_id = %s "
    "ORDER BY embedding::halfvec(384) <#> %s::halfvec(384) LIMIT 10"
)


@dataclass(frozen=True, slots=True)
class House:
    """An organization with the vectors of its passages, for the exact comparison in memory."""

    scope: Scope
    passages: list[UUID]
    vectors: Vectors

    def exact(self, vector: Vectors) -> set[UUID]:
        best = np.argpartition(-(self.vectors @ vector), NEAREST)[:NEAREST]
        return {self.passages[place] for place in best}

    def queries(self, count: int, *, seed: int = 3) -> Vectors:
        """Return unit vectors near to passages of the house, as questions are."""
        chance = np.random.default_rng(seed)
        near = self.vectors[chance.integers(0, len(self.vectors), count)]
        moved = near + 0.6 * chance.standard_normal(near.shape).astype(np.float32) / np.sqrt(near.shape[1])
        queries: Vectors = moved / np.linalg.norm(moved, axis=1, keepdims=True)
        return queries


def sizes() -> list[int]:
    """Return sizes that fall as one by the rank: 19,277 down to 193."""
    shares = 1 / np.arange(1, ORGANIZATIONS + 1)
    counts = np.floor(PASSAGES * shares / shares.sum()).astype(int)
    counts[0] += PASSAGES - counts.sum()
    return [int(count) for count in counts]


def build(database: str, counts: Sequence[int]) -> tuple[EmbeddingSpace, list[House]]:
    """Load organizations of these sizes, with the index that the product would build."""
    started = time.perf_counter()
    corpus.use_database_of_its_own(database)
    model = registry.embeddings()
    space = corpus.space_of(provider=model.provider, model=model.model, dimensions=model.dimensions)
    paragraphs = corpus.squad(DATA, "paragraphs.jsonl")
    houses = []
    for number, vectors in enumerate(corpus.synthetic_vectors(counts)):
        texts = corpus.mixed_texts(paragraphs, len(vectors), seed=number)
        organization, ids = corpus.load(
            name=f"organization {number}", space=space, texts=texts, vectors=vectors
        )
        houses.append(House(Scope(organization), ids, vectors))
    loaded = time.perf_counter() - started
    force_index(space)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    print(
        f"{sum(counts):,} passages of {len(counts)} organizations: {loaded:.0f} s, with index {time.perf_counter() - started:.0f} s"
    )
    return space, houses


def reuse(database: str, counts: Sequence[int]) -> tuple[EmbeddingSpace, list[House]]:
    """Go on with a database that an earlier run kept; its vectors are made again from the same seed."""
    corpus.use_database(database)
    houses = []
    for number, vectors in enumerate(corpus.synthetic_vectors(counts)):
        organization = Organization.objects.get(name=f"organization {number}")
        rows = PassageEmbedding.objects.filter(organization=organization).order_by("pk")
        houses.append(House(Scope(organization.pk), list(rows.values_list("passage_id", flat=True)), vectors))
    return EmbeddingSpace.objects.get(), houses


def force_index(space: EmbeddingSpace) -> None:
    """Build the HNSW index whatever the sizes: it has to be there for the trap to be open."""
    usual, vector_search.EXACT_UP_TO = vector_search.EXACT_UP_TO, 0
    spaces.ensure_index(space)
    vector_search.EXACT_UP_TO = usual


def prepared_connection() -> None:
    """Go on with one connection on which statements are bound by the server and prepared."""
    connection.close()
    connection.settings_dict["OPTIONS"] = {
        **connection.settings_dict.get("OPTIONS", {}),
        "server_side_binding": True,
        "prepare_threshold": 1,
    }
    connection.settings_dict["CONN_MAX_AGE"] = None


def measure(
    ask: Callable[[Vectors], set[UUID]], house: House, queries: Vectors
) -> tuple[float, float, float]:
    """Return p50 and p95 in milliseconds, and recall@10, after ten executions; the best of `ROUNDS` rounds."""
    for vector in queries[:WARM_UP]:
        ask(vector)
    recalls: list[float] = []
    rounds: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        spent = []
        for vector in queries[WARM_UP:]:
            started = time.perf_counter()
            found = ask(vector)
            spent.append((time.perf_counter() - started) * 1000)
            recalls.append(len(found & house.exact(vector)) / NEAREST)
        rounds.append((float(np.percentile(spent, 95)), float(np.percentile(spent, 50))))
    most, half = min(rounds)
    return half, most, float(np.mean(recalls))


def vector_leg(
    space: EmbeddingSpace, house: House, strategy: vector_search.Strategy | None
) -> Callable[[Vectors], set[UUID]]:
    def ask(vector: Vectors) -> set[UUID]:
        found = vector_search.nearest(
            scope=house.scope, space=space, vector=vector, limit=NEAREST, strategy=strategy
        )
        return {hit.passage_id for hit in found}

    return ask


def naive(space: EmbeddingSpace, house: House) -> Callable[[Vectors], set[UUID]]:
    def ask(vector: Vectors) -> set[UUID]:
        with connection.cursor() as cursor:
            cursor.execute(
                NAIVE.format(space=space.pk), [house.scope.organization_id, vector_search.as_literal(vector)]
            )
            return {row[0] for row in cursor.fetchall()}

    return ask


def report_scope(space: EmbeddingSpace, house: House, count: int) -> None:
    queries = house.queries(count + WARM_UP)
    chosen = vector_search.choose(scope=house.scope, space=space)
    lines: dict[str, Callable[[Vectors], set[UUID]]] = {
        f"chosen: {chosen}": vector_leg(space, house, None),
        "exact": vector_leg(space, house, vector_search.Strategy.EXACT),
        "hnsw": vector_leg(space, house, vector_search.Strategy.HNSW),
        "left to the planner": naive(space, house),
    }
    for name, ask in lines.items():
        half, most, recall = measure(ask, house, queries)
        print(f"{len(house.passages):>9,}  {name:<22}{half:>9.2f}{most:>9.2f}{recall:>9.3f}")


def report_search(house: House, questions: Sequence[str], count: int) -> None:
    """Print what a whole search costs, text leg and all, first with nothing remembered about the words."""
    vectors, own = house.queries(count), set(house.passages)
    rounds: list[tuple[float, float, float]] = []
    for _ in range(1 + ROUNDS):
        spent, cpu = [], time.process_time()
        for place in range(count):
            started = time.perf_counter()
            found = retrieval.retrieve(scope=house.scope, question=questions[place], vector=vectors[place])
            spent.append((time.perf_counter() - started) * 1000)
            assert {passage.passage_id for passage in found.passages} <= own
        each = (time.process_time() - cpu) * 1000 / count
        rounds.append((float(np.percentile(spent, 95)), float(np.percentile(spent, 50)), each))
    for name, (most, half, each) in {"first time": rounds[0], "again": min(rounds[1:])}.items():
        print(f"{len(house.passages):>9,}  search, {name:<14}{half:>9.2f}{most:>9.2f}{'':>9}{each:>9.2f}")


def report(space: EmbeddingSpace, houses: Sequence[House], count: int) -> None:
    prepared_connection()
    questions = [str(row["question"]) for row in corpus.squad(DATA, "questions.jsonl")]
    chance = np.random.default_rng(5).permutation(len(questions))
    print(f"{'scope':>9}  {'':<22}{'p50 ms':>9}{'p95 ms':>9}{'recall':>9}{'CPU ms':>9}")
    for house in houses:
        report_scope(space, house, count)
        report_search(house, [questions[place] for place in chance], count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--keep", action="store_true", help="keep the databases")
    parser.add_argument("--reuse", action="store_true", help="use the databases that an earlier run kept")
    options = parser.parse_args()
    before = str(connection.settings_dict["NAME"])
    plain = dict(connection.settings_dict.get("OPTIONS", {}))
    for database, counts in ((MANY, sizes()), (ONE, [PASSAGES])):
        connection.settings_dict["OPTIONS"] = dict(plain)
        corpus.use_database(before)
        space, houses = (reuse if options.reuse else build)(database, counts)
        picked = [houses[0], houses[1], houses[9], houses[-1]] if len(houses) > 1 else houses
        report(space, picked, options.queries)
        if not options.keep:
            connection.settings_dict["OPTIONS"] = dict(plain)
            corpus.drop_database(database, back_to=before)


if __name__ == "__main__":
    main()
