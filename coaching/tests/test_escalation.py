"""When a person is called, and when not."""

import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.escalation_data import (
    ORDINARY_SETS,
    Loader,
    cssrs,
    educators,
    handoff,
    moderation,
    probes,
    vera,
)
from benchmarks.escalation_rules import EVERY_REASON, HOSTILE, Score, score
from coaching.policies import escalation, phrases
from coaching.policies.escalation import CLIENT_REQUEST, CRISIS, ESCALATION_RULE, HIGH_STAKES, RULES, screen
from coaching.tests.escalation_sentences import (
    DECISIONS,
    FROM_OTHERS,
    ORDINARY,
    OTHERS_IN_DANGER,
    OWN_DANGER,
    REQUESTS,
)


def reasons(text: str) -> set[str]:
    return {finding.reason for finding in screen(text)}


def rules(text: str) -> list[str]:
    return [finding.rule for finding in screen(text)]


class TestCrisis:
    @pytest.mark.parametrize("text", OWN_DANGER)
    def test_hears_danger_to_the_writer(self, text: str) -> None:
        assert CRISIS in reasons(text)

    @pytest.mark.parametrize("text", OTHERS_IN_DANGER)
    def test_hears_danger_to_somebody_near(self, text: str) -> None:
        assert CRISIS in reasons(text)

    @pytest.mark.parametrize("text", FROM_OTHERS)
    def test_hears_danger_from_somebody(self, text: str) -> None:
        assert CRISIS in reasons(text)

    def test_names_danger_to_somebody_else_as_such(self) -> None:
        assert rules("A student told me she wants to die") == ["somebody else in danger"]

    @pytest.mark.parametrize(
        "text",
        [
            "I don\u2019t want to be here anymore",
            "I want to\n\n  die",
            "I WANT TO DIE",
            "I **want** to _die_",
            "I want to k\u0456ll myself",
            "\uff4b\uff49\uff4c\uff4c \uff4d\uff59\uff53\uff45\uff4c\uff46",
            "I want to kill\u00a0my\u200bself",
            "I am so self\u2011harming right now",
        ],
    )
    def test_is_not_misled_by_how_it_is_typed(self, text: str) -> None:
        assert CRISIS in reasons(text)

    @pytest.mark.parametrize(
        "text",
        [
            "I am not suicidal, but I wish I were dead",
            "I would never hurt myself. But my family would be better off without me",
            "I don't want to kill myself at home. I want to die somewhere else",
            "The only reason I haven't killed myself is my dog",
            "I am afraid of what happens if I don't end my life",
        ],
    )
    def test_hears_what_is_said_beside_a_denial(self, text: str) -> None:
        assert CRISIS in reasons(text)

    def test_hears_one_sentence_in_a_long_text(self) -> None:
        lesson = "In the second lesson the class compared two maps of the town and drew a third. " * 100
        assert rules(lesson + "I want to kill myself. " + lesson) == ["suicide"]

    def test_leaves_a_novel_to_the_lesson(self) -> None:
        assert reasons("She says she is going to kill herself") == {CRISIS}
        assert reasons("In act five she says she is going to kill herself") == set()

    def test_looks_no_further_back_than_the_sentence(self) -> None:
        assert CRISIS in reasons("They never came. Want to die.")

    def test_does_not_take_a_cut_off_word_for_a_denial(self) -> None:
        assert CRISIS in reasons("x" * 80 + "not going to be able to sleep so i will kill myself")


class TestOtherReasons:
    @pytest.mark.parametrize("text", DECISIONS)
    def test_hears_a_decision_with_large_consequences(self, text: str) -> None:
        assert HIGH_STAKES in reasons(text)

    @pytest.mark.parametrize("text", REQUESTS)
    def test_hears_the_wish_for_a_person(self, text: str) -> None:
        assert CLIENT_REQUEST in reasons(text)

    @pytest.mark.parametrize("text", ORDINARY)
    def test_leaves_ordinary_talk_alone(self, text: str) -> None:
        assert screen(text) == ()

    def test_most_urgent_comes_first(self) -> None:
        found = screen("Let me talk to a human. I am going to resign tomorrow. I want to kill myself.")
        assert [finding.reason for finding in found] == [CRISIS, HIGH_STAKES, CLIENT_REQUEST]
        assert [finding.urgency for finding in found] == [100, 80, 40]

    def test_the_trace_does_not_repeat_the_words(self) -> None:
        (finding,) = screen("Can I talk to a human?")
        assert finding.matched == "can i talk to a human"
        assert finding.as_trace() == {"reason": CLIENT_REQUEST, "rule": "asks for a person"}


class TestPhrasesOfTheCoach:
    def test_match_whole_words_in_any_case_and_spacing(self) -> None:
        (finding,) = screen("About the Performance\n review\u2026", phrases=["performance  Review", "union"])
        assert (finding.reason, finding.rule, finding.matched) == (
            ESCALATION_RULE,
            "a phrase of the coach",
            "performance review",
        )
        assert screen("About the reunion", phrases=["union"]) == ()

    def test_may_hold_signs_and_apostrophes(self) -> None:
        assert len(screen("I can\u2019t (ever) do C++ again", phrases=["can't (ever)", "c++"])) == 2

    def test_blank_ones_match_nothing(self) -> None:
        assert screen("Anything at all", phrases=["", "  ", "''"]) == ()


class TestHostileText:
    @pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
    def test_a_long_text_is_searched_at_most_once(self, piece: str) -> None:
        plain = phrases.normalise((piece * 20_000)[:20_000])
        for _, rule in RULES:
            places = rule._places(plain)
            assert sum(end - start for start, end in places) <= len(plain)
            assert all(before[1] < after[0] for before, after in pairwise(places))

    @pytest.mark.parametrize(
        "piece", ["kill ", "\x00", "\U0001f600", "\u202eabc", "a\u0301" * 3, "(((", "\u0645\u0631"]
    )
    def test_odd_signs_call_nobody(self, piece: str) -> None:
        assert screen(piece * 2_000) == ()

    def test_what_is_said_after_much_noise_is_heard(self) -> None:
        assert CRISIS in reasons("my myself and i " * 1_000 + "i want to kill myself")

    def test_no_pattern_repeats_without_a_bound(self) -> None:
        unbounded = re.compile(r"\)[*+]|\]\*|\{\d+,\}")  # a single word, `[\w-]+`, ends by itself
        assert [rule.name for _, rule in RULES if unbounded.search(rule.pattern.pattern)] == []


class TestSubstantial:
    @pytest.mark.parametrize("text", ["Thanks so much, that helps!", "hello", "ok great", "", "What now?"])
    def test_courtesies_and_scraps_are_not(self, text: str) -> None:
        assert not escalation.is_substantial(text)

    def test_a_question_is(self) -> None:
        assert escalation.is_substantial("How do I end a lesson well?")


def scored(data: Path, loader: Loader, wanted: Iterable[str]) -> Score:
    return score(loader.__name__, loader(data), frozenset(wanted))


class TestOnPublicData:
    """Floors a little under what was measured; `docs/escalation.md` has the figures of each half."""

    def test_plain_probes_are_heard_and_their_lookalikes_are_not(self, shared_data: Path) -> None:
        found = scored(shared_data, probes, {CRISIS})
        assert (found.recall >= 0.5, len(found.false)) == (True, 0)

    def test_personas_at_risk_are_heard(self, shared_data: Path) -> None:
        assert scored(shared_data, vera, {CRISIS}).recall >= 0.75

    def test_people_at_risk_are_heard_among_others_in_pain(self, shared_data: Path) -> None:
        found = scored(shared_data, cssrs, {CRISIS})
        assert (found.recall >= 0.65, found.precision >= 0.73) == (True, True)

    def test_self_harm_is_found_among_offensive_texts(self, shared_data: Path) -> None:
        found = scored(shared_data, moderation, {CRISIS})
        assert (found.recall >= 0.5, len(found.false) <= 5) == (True, True)

    def test_requests_for_a_human_are_told_from_near_misses(self, shared_data: Path) -> None:
        found = scored(shared_data, handoff, {CLIENT_REQUEST})
        assert (found.recall >= 0.85, len(found.false) <= 2) == (True, True)

    def test_questions_of_educators_call_nobody(self, shared_data: Path) -> None:
        assert len(scored(shared_data, educators, EVERY_REASON).false) == 0

    @pytest.mark.parametrize("loader", ORDINARY_SETS, ids=lambda loader: loader.__name__)
    def test_ordinary_texts_call_hardly_anybody(self, shared_data: Path, loader: Loader) -> None:
        assert len(scored(shared_data, loader, EVERY_REASON).false) <= 3
