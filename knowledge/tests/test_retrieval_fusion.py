"""Putting two rankings together, and remembering for a little while."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.fusion import (
    BOTH_LEGS,
    TEXT_ONLY,
    Stretch,
    fuse,
    nearly_the_same,
    of_domain,
    without_repeats,
)
from knowledge.remembered import Remembered

HERE = Stretch(version="v1", ordinal=3, start=1000, end=2000, pages=(4, 4), text="one two three")


def test_what_both_rankings_have_comes_before_what_one_has() -> None:
    fused = fuse([(1.0, ["a", "b", "c"]), (1.0, ["b", "d"])])
    assert list(fused) == ["b", "a", "d", "c"]
    assert fused["b"] == pytest.approx(1 / 7 + 1 / 6)


def test_a_heavier_ranking_decides() -> None:
    assert next(iter(fuse([(1.0, ["a"]), (1.5, ["b"])]))) == "b"


@given(rankings=st.lists(st.lists(st.integers(0, 20), unique=True, max_size=10), max_size=4))
def test_every_passage_comes_once_and_the_first_of_all_rankings_first(rankings: list[list[int]]) -> None:
    fused = fuse((1.0, ranking) for ranking in rankings)
    assert set(fused) == {key for ranking in rankings for key in ranking}
    assert list(fused.values()) == sorted(fused.values(), reverse=True)
    if rankings and all(rankings) and len({ranking[0] for ranking in rankings}) == 1:
        assert next(iter(fused)) == rankings[0][0]


def test_ten_of_a_domain_are_taken_in_order() -> None:
    tagged = {"a": ["assessment"], "b": ["leadership"], "c": ["leadership", "assessment"]}
    assert of_domain(["a", "b", "c", "d"], tagged, "assessment", most=10) == ["a", "c"]
    assert of_domain(["a", "b", "c"], tagged, "assessment", most=1) == ["a"]


@given(similarity=st.floats(-1, 1), words=st.floats(0, 2), more=st.floats(0, 1))
def test_the_scale_is_a_probability_that_grows_with_each_measure(
    similarity: float, words: float, more: float
) -> None:
    for curve in (BOTH_LEGS, TEXT_ONLY):
        low = curve.probability(similarity=similarity, words=words)
        assert 0 < low < 1
        assert curve.probability(similarity=similarity + more, words=words) >= low
        assert curve.probability(similarity=similarity, words=words + more) >= low


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (replace(HERE, ordinal=4, start=1400, end=2400, pages=(5, 5)), True),
        (replace(HERE, ordinal=4, start=1900, end=2900), True),
        (replace(HERE, ordinal=4, start=1900, end=2900, pages=(4, 5)), False),
        (replace(HERE, ordinal=4, start=2000, end=3000), False),
        (replace(HERE, ordinal=9, start=9000, end=9900), False),
        (replace(HERE, ordinal=4, start=1900, end=2900, pages=(None, None)), False),
        (replace(HERE, version="v2"), True),
        (replace(HERE, version="v2", text="four five six"), False),
        (replace(HERE, version="v2", text="one two three " * 5), False),
    ],
)
def test_overlaps_neighbours_on_a_page_and_copies_are_nearly_the_same(other: Stretch, same: bool) -> None:
    assert nearly_the_same(HERE, other) is same
    assert nearly_the_same(other, HERE) is same


def test_the_better_of_two_repeats_is_kept_and_the_place_goes_to_another() -> None:
    copy = replace(HERE, version="v2")
    other = replace(HERE, version="v3", text="four five six")
    stretches = {"best": HERE, "copy": copy, "other": other}
    assert without_repeats(["best", "copy", "other"], stretches.__getitem__, most=2) == ["best", "other"]


class TestRemembered:
    def test_forgets_after_its_time(self) -> None:
        now = [0.0]
        remembered: Remembered[str, int] = Remembered(seconds=60, most=10, clock=lambda: now[0])
        assert remembered.put("a", 1) == 1
        now[0] = 60.0
        assert remembered.get("a") == 1
        now[0] = 60.1
        assert remembered.get("a") is None

    def test_never_holds_more_than_its_most(self) -> None:
        remembered: Remembered[int, int] = Remembered(seconds=60, most=3)
        for number in range(10):
            remembered.put(number, number)
        assert [number for number in range(10) if remembered.get(number) is not None] == [9]

    def test_forgets_when_told(self) -> None:
        remembered: Remembered[int, int] = Remembered(seconds=60, most=3)
        remembered.put(1, 1)
        remembered.forget()
        assert remembered.get(1) is None
