"""What a search brings up, in which order, and on which scale."""

import numpy as np
import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from accounts.tests.cast import House
from knowledge import retrieval, text_search
from knowledge.models import EmbeddingSpace, Passage, PassageEmbedding
from knowledge.retrieval import retrieve
from knowledge.scope import Scope
from knowledge.tests.shelf import put, question

SHELF = (
    "Every team writes its norms in the first month and reviews them twice a year.",
    "A common assessment is short: five to ten questions on one essential standard.",
    "The principal protects the meeting time of each team and reads its minutes.",
    "Students who have not learned yet get help during the school day, not after it.",
)


def ask(home: House, asked: str, **more: object) -> list[str]:
    result = retrieve(scope=Scope(home.organization.pk), question=asked, vector=question(asked), **more)  # type: ignore[arg-type]
    return [passage.text for passage in result.passages]


def test_the_passage_that_answers_comes_first(home: House) -> None:
    put(home.organization, *SHELF)
    assert ask(home, "How many questions has a common assessment?")[0] == SHELF[1]
    assert ask(home, "who protects the meeting time")[0] == SHELF[2]


def test_a_result_says_where_it_comes_from(home: House) -> None:
    passages = put(home.organization, *SHELF, title="Handbook")
    asked = "How many questions has a common assessment?"
    result = retrieve(scope=Scope(home.organization.pk), question=asked, vector=question(asked))
    best = result.passages[0]
    assert best.passage_id == passages[1].pk
    assert (best.version_id, best.document_id) == (passages[1].version_id, passages[1].version.document_id)
    assert (best.title, best.authors, best.page_index, best.page_label) == (
        "Handbook",
        ("A. Writer",),
        1,
        "2",
    )
    assert set(best.legs) == {"text", "text_rank", "vector", "vector_rank", "fused"}
    assert best.legs["text_rank"] == best.legs["vector_rank"] == 1
    assert result.confidence == best.score
    assert 0 < result.passages[-1].score <= best.score < 1
    assert result.considered == 4
    assert result.trace["vector"] == "exact"


def test_without_a_vector_the_words_do_it_alone(home: House) -> None:
    put(home.organization, *SHELF)
    result = retrieve(scope=Scope(home.organization.pk), question="common assessment", vector=None)
    assert [passage.text for passage in result.passages] == [SHELF[1]]
    assert set(result.passages[0].legs) == {"text", "text_rank", "fused"}
    assert result.trace["vector"] == "no vector of the active space"


def test_a_vector_of_another_model_is_not_compared(home: House) -> None:
    put(home.organization, *SHELF)
    EmbeddingSpace.objects.update(model="another-model")
    result = retrieve(
        scope=Scope(home.organization.pk), question="common assessment", vector=question("principal time")
    )
    assert [passage.text for passage in result.passages] == [SHELF[1]]
    wrong_size = np.ones(7, np.float32)
    assert retrieve(scope=Scope(home.organization.pk), question="norms", vector=wrong_size).considered == 1


def test_a_question_of_stop_words_is_answered_by_its_vector(home: House) -> None:
    put(home.organization, *SHELF)
    assert len(ask(home, "what is it")) == 4
    assert ask(home, "") != []


@pytest.mark.parametrize(
    "asked",
    [
        "norms' | !team & (:* <-> \\ 'x",
        "%s %(x)s {0} {query}",
        "no\0rms",
        "'; DROP TABLE knowledge_passage; --",
        "🤖 \u202enorms\u202c \ufdfd",
        "norms " * 4_000,
    ],
)
def test_strange_questions_break_nothing(home: House, asked: str) -> None:
    put(home.organization, *SHELF)
    ask(home, asked)
    assert ask(home, "norms in the first month")[0] == SHELF[0]


def test_at_most_the_limit_comes_back(home: House) -> None:
    put(home.organization, *(f"Team number {word} meets weekly." for word in ("one", "two", "three", "four")))
    assert len(ask(home, "which team meets weekly", limit=3)) == 3


def test_nearly_the_same_passage_comes_once(home: House) -> None:
    put(home.organization, SHELF[0], title="First")
    put(home.organization, SHELF[0], title="Copy")
    put(home.organization, SHELF[2], title="Other")
    assert sorted(ask(home, "norms of a team")) == sorted([SHELF[0], SHELF[2]])


def test_a_rare_word_weighs_more_than_a_common_one(home: House) -> None:
    put(home.organization, *(f"Our team plans lesson {number} together." for number in range(30)))
    put(home.organization, "The fishbowl lets half of the group watch.")
    result = retrieve(scope=Scope(home.organization.pk), question="fishbowl team", vector=None)
    assert result.passages[0].text == "The fishbowl lets half of the group watch."


def test_a_routed_domain_is_preferred_when_nearly_as_good(home: House) -> None:
    put(home.organization, "Teams set norms for data meetings.", title="A", domains=["collaboration"])
    put(home.organization, "Teams set norms for data talks.", title="B", domains=["data_analysis"])
    for domain, first in (("data_analysis", "B"), ("collaboration", "A")):
        result = retrieve(
            scope=Scope(home.organization.pk),
            question="norms for data",
            vector=question("norms for data"),
            domains=[domain],
        )
        assert result.passages[0].title == first
        assert len(result.passages) == 2


def test_common_words_are_combined_so_that_no_search_reads_the_whole_library() -> None:
    words = [text_search.Word(query=f"'{word}'", weight=1.0, passages=30_000) for word in "abcd"]
    groups = text_search.candidates(words, size=100_000)
    assert [group.query for group in groups] == ["('a' & 'b' & 'c' & 'd')"]
    rare = text_search.Word(query="'rare'", weight=9.0, passages=3)
    assert [group.query for group in text_search.candidates([rare, *words[:2]], size=100_000)] == [
        "'rare'",
        "('a' & 'b')",
    ]


def test_what_only_the_vectors_bring_up_is_measured_by_its_words_too(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval, "DEPTH", 2)
    put(home.organization, *(f"The team writes norms. {text} {text}" for text in SHELF))
    scope, asked = Scope(home.organization.pk), "common norms of a team"
    found = retrieve(scope=scope, question=asked, vector=-question("norms")).passages
    words = text_search.weigh(scope=scope, lexemes=["common", "norm", "team"], size=4)
    fit = text_search.scores(scope=scope, words=words, passages=[each.passage_id for each in found])
    unranked = [each for each in found if "text_rank" not in each.legs]
    assert unranked
    for each in found:
        expected = fit[each.passage_id] / text_search.best_possible(words)
        assert each.legs["text"] == pytest.approx(expected)
        assert each.legs["text"] > 0


def test_goes_on_looking_past_many_repeats(home: House) -> None:
    for copy in range(6):
        put(home.organization, SHELF[1], title=f"Copy {copy}")
    put(home.organization, SHELF[0])
    asked = "How many questions has a common assessment?"
    assert ask(home, asked, limit=2) == [SHELF[1], SHELF[0]]


def test_a_search_costs_few_queries(home: House, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    put(home.organization, *SHELF)
    ask(home, "common assessment")
    vector = question("common assessment")
    with django_assert_num_queries(4):
        retrieve(scope=Scope(home.organization.pk), question="common assessment", vector=vector)


def test_the_vector_leg_is_right_after_ten_executions_on_one_connection(home: House) -> None:
    """A generic plan must not come to prefer the index of the whole space for a small scope."""
    own = put(home.organization, *SHELF)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    for _ in range(12):
        assert ask(home, "common assessment")[0] == SHELF[1]
    assert len(ask(home, "common assessment", limit=10)) == len(own)


def test_is_the_same_however_often_the_connection_has_searched(home: House) -> None:
    put(home.organization, *SHELF)
    asked = ("How many questions has a common assessment?", "who protects the meeting time", "norms")
    first = [ask(home, each) for each in asked]
    assert all([ask(home, each) for each in asked] == first for _ in range(10))


def test_passages_that_fit_equally_keep_their_order_however_the_server_reads_them(home: House) -> None:
    put(home.organization, *SHELF)
    first = ask(home, "norms")
    orders = []
    for off in ("indexscan", "bitmapscan", "nestloop", "hashjoin", "mergejoin"):
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL enable_{off} = off")
        PassageEmbedding.objects.filter(passage__text=first[-2]).update(live=True)
        Passage.objects.filter(text=first[-2]).update(live=True)
        orders.append(ask(home, "norms"))
    assert orders == [first] * 5
