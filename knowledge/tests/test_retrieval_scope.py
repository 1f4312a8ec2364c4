"""Nobody finds what was not shared with them, and nothing else touches vectors."""

import re
from pathlib import Path
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from accounts.tests.cast import House
from coaching.providers import registry
from knowledge import spaces
from knowledge.models import Passage
from knowledge.retrieval import retrieve
from knowledge.scope import Scope
from knowledge.tests.shelf import put, question
from knowledge.vector_search import Strategy, nearest, similarities

ROOT = Path(__file__).resolve().parents[2]
TEXT = "Every team writes its norms in the first month and reviews them twice a year."
ASKED = "When does a team review its norms?"
APPS = ("config", "assessments", "conversations", "knowledge", "coaching", "accounts", "demo")
COMPARES_VECTORS = re.compile(r"<#>|<=>|<\+>|CosineDistance|MaxInnerProduct|L2Distance|L1Distance")
CALLS_THE_VECTOR_LEG = re.compile(r"knowledge import .*\bvector_search\b|knowledge\.vector_search")
NAMES_VECTORS = re.compile(r"PassageEmbedding\b|knowledge_passageembedding|embeddings__")


def found(scope: Scope, *, asked: str = ASKED) -> list[UUID]:
    return [
        passage.passage_id
        for passage in retrieve(scope=scope, question=asked, vector=question(asked)).passages
    ]


def matching(pattern: re.Pattern[str]) -> set[str]:
    """Return the product's own sources in which the pattern occurs."""
    return {
        str(path.relative_to(ROOT))
        for app in APPS
        for path in (ROOT / app).rglob("*.py")
        if not {"tests", "migrations"}.intersection(path.parts)
        and pattern.search(path.read_text(encoding="utf-8"))
    }


def test_only_one_module_compares_vectors() -> None:
    assert matching(COMPARES_VECTORS) == {"knowledge/vector_search.py"}


def test_only_retrieval_and_the_gate_of_a_new_space_call_it() -> None:
    assert matching(CALLS_THE_VECTOR_LEG) == {
        "config/doctor/schema.py",  # asks for the name of an index, no more
        "knowledge/retrieval.py",
        "knowledge/space_gate.py",
        "knowledge/spaces.py",
    }


def test_nothing_reads_the_table_of_vectors_but_what_makes_publishes_or_compares_them() -> None:
    assert matching(NAMES_VECTORS) == {
        "knowledge/account_data.py",  # says that the vectors go with their passages
        "knowledge/ingestion/publishing.py",
        "knowledge/ingestion/vectors.py",
        "knowledge/models.py",
        "knowledge/retagging.py",
        "knowledge/spaces.py",
        "knowledge/vector_search.py",
    }


class TestScope:
    def test_what_the_organization_shares_is_found_by_everybody_in_it(self, home: House, away: House) -> None:
        (passage,) = put(home.organization, TEXT)
        assert found(Scope(home.organization.pk)) == [passage.pk]
        assert found(Scope(home.organization.pk, home.coach.pk)) == [passage.pk]

    def test_another_organization_finds_nothing(self, home: House, away: House) -> None:
        put(home.organization, TEXT)
        put(home.organization, TEXT + " So says the coach.", coach=home.coach)
        assert found(Scope(away.organization.pk)) == []
        assert found(Scope(away.organization.pk, away.coach.pk)) == []

    def test_another_organization_finds_nothing_with_the_id_of_a_foreign_coach(
        self, home: House, away: House
    ) -> None:
        put(home.organization, TEXT, coach=home.coach)
        assert found(Scope(away.organization.pk, home.coach.pk)) == []

    def test_what_a_coach_keeps_is_found_only_with_that_coach(self, home: House) -> None:
        (passage,) = put(home.organization, TEXT, coach=home.coach)
        assert found(Scope(home.organization.pk, home.coach.pk)) == [passage.pk]
        assert found(Scope(home.organization.pk, home.other_coach.pk)) == []
        assert found(Scope(home.organization.pk)) == []

    def test_shared_and_kept_passages_are_merged(self, home: House) -> None:
        (shared,) = put(home.organization, TEXT)
        (kept,) = put(
            home.organization, "Our own norms: phones away, one voice, reviewed each May.", coach=home.coach
        )
        put(home.organization, "Norms of another coach, reviewed by a team.", coach=home.other_coach)
        assert set(found(Scope(home.organization.pk, home.coach.pk))) == {shared.pk, kept.pk}

    def test_a_version_that_is_not_live_is_not_found(self, home: House) -> None:
        put(home.organization, TEXT, live=False)
        assert found(Scope(home.organization.pk)) == []

    def test_a_deleted_document_leaves_no_ghost(self, home: House) -> None:
        (passage,) = put(home.organization, TEXT)
        assert found(Scope(home.organization.pk)) == [passage.pk]
        passage.version.document.delete()
        assert found(Scope(home.organization.pk)) == []

    @pytest.mark.parametrize("strategy", list(Strategy))
    def test_both_strategies_of_the_vector_leg_keep_the_scope(
        self, home: House, away: House, strategy: Strategy
    ) -> None:
        (shared,) = put(home.organization, TEXT)
        (kept,) = put(home.organization, TEXT + " Ben says so.", coach=home.coach)
        put(home.organization, TEXT + " Cleo says so.", coach=home.other_coach)
        (foreign,) = put(away.organization, TEXT)
        model = registry.embeddings()
        space = spaces.active_space(model)
        scope = Scope(home.organization.pk, home.coach.pk)
        hits = nearest(scope=scope, space=space, vector=question(TEXT), limit=10, strategy=strategy)
        assert [hit.passage_id for hit in hits] == [shared.pk, kept.pk]
        assert hits[0].similarity == pytest.approx(1.0, abs=1e-3)
        ids = list(Passage.objects.values_list("pk", flat=True))
        assert foreign.pk in ids
        seen = similarities(scope=scope, space=space, vector=question(TEXT), passages=ids)
        assert set(seen) == {shared.pk, kept.pk}

    def test_many_near_duplicates_of_others_do_not_crowd_out_the_few_of_ones_own(
        self, home: House, away: House
    ) -> None:
        for number in range(40):
            put(away.organization, f"{TEXT} Note {number}.")
        own = put(
            home.organization, TEXT, "Teams meet weekly for an hour.", "The principal protects the time."
        )
        assert set(found(Scope(home.organization.pk))) == {passage.pk for passage in own}

    def test_an_organization_without_documents_finds_nothing(self, home: House) -> None:
        result = retrieve(scope=Scope(uuid7()), question=ASKED, vector=question(ASKED))
        assert (result.passages, result.considered, result.confidence) == ((), 0, 0.0)
