"""The model without a key quotes what the sources say, and says when they do not say it."""

import re
from collections.abc import Sequence
from contextlib import aclosing

import numpy as np
import pytest

from coaching.providers import extractive
from coaching.providers.evidence import Candidate, Features
from coaching.providers.extractive import INTRODUCTION, NOT_FOUND, Extractive, compose
from coaching.providers.minilm import MiniLM
from coaching.providers.parts import parts_of
from coaching.providers.ports import (
    ChatMessage,
    ChatRequest,
    Embedded,
    Piece,
    ProviderTimeout,
    ProviderUnsupported,
    SourceText,
    Usage,
)
from coaching.providers.scripted import ScriptedEmbedding
from coaching.providers.sentences import Sentence, split_sentences
from coaching.providers.support import Support, shortlist, together
from coaching.providers.words import Rarity, is_negated, stem, stems

NORMS = SourceText(
    number=2,
    title="Teams, norms and roles",
    text=(
        "Writing norms\n\nNorms are the agreements a team makes about its own behaviour. A team writes five to seven "
        "norms in its first meeting. Norms are reviewed every six weeks. The review takes ten minutes."
    ),
)
TEAMS = SourceText(
    number=5,
    title="Teams, norms and roles",
    text=(
        "A team has three to seven members. With fewer than three there is too little variety; with eight or more, "
        "somebody always stays silent. Members share the same subject, the same grade or the same students."
    ),
)
SOURCES = (NORMS, TEAMS)


@pytest.fixture(scope="module")
def model() -> Extractive:
    return Extractive(MiniLM())


def request(question: str, sources: Sequence[SourceText] = SOURCES) -> ChatRequest:
    return ChatRequest("answer", (ChatMessage("user", question),), question=question, sources=tuple(sources))


async def ask(model: Extractive, question: str, sources: Sequence[SourceText] = SOURCES) -> tuple[str, Piece]:
    async with aclosing(model.stream(request(question, sources), deadline_s=30)) as stream:  # type: ignore[type-var]
        pieces = [piece async for piece in stream]
    return "".join(piece.text for piece in pieces), pieces[-1]


async def test_it_quotes_the_sentence_that_answers_with_its_marker(model: Extractive) -> None:
    answer, last = await ask(model, "How often are norms reviewed?")
    assert answer.startswith(INTRODUCTION)
    assert "Norms are reviewed every six weeks. [2]" in answer
    assert last.finish_reason == "stop"
    assert last.confidence is not None
    assert last.confidence > 0.6


async def test_every_quoted_sentence_is_in_its_source_word_for_word(model: Extractive) -> None:
    answer, _ = await ask(model, "How many members should a team have?")
    texts = {source.number: source.text for source in SOURCES}
    quoted = re.findall(r"(?:> |\] )(.+?) \[(\d)\]", answer)
    assert 1 <= len(quoted) <= 3
    assert all(words in texts[int(number)] for words, number in quoted)
    assert "A team has three to seven members. [5]" in answer


async def test_both_parts_of_a_double_question_are_answered(model: Extractive) -> None:
    meetings = SourceText(
        number=7,
        title="Meetings",
        text=(
            "Start a meeting by reading the norms of the team aloud. Everybody then says one word about the day. "
            "The agenda hangs on the wall and everybody can see it. When people come late to a meeting, go on without "
            "a word and tell them afterwards. Minutes are written by a different member each time."
        ),
    )
    question = "How do we start a meeting, and what do we do when people come late?"
    answer, last = await ask(model, question, (meetings, *SOURCES))
    assert "Start a meeting by reading the norms of the team aloud. [7]" in answer
    assert "When people come late to a meeting, go on without a word and tell them afterwards. [7]" in answer
    assert answer.count("[") <= 3
    assert last.confidence is not None
    assert last.confidence > 0.5


async def test_a_part_that_the_sources_do_not_answer_gets_no_sentence(model: Extractive) -> None:
    answer, _ = await ask(model, "How often are norms reviewed and how do I bake bread?")
    assert answer == NOT_FOUND


@pytest.mark.parametrize(
    "question",
    [
        "Who won the world cup in 2018?",
        "How do I bake sourdough bread?",
        "How often are teachers paid in Portugal?",
        "Thanks!",
        "",
        "?!",
        "the of and",
        "🙂🙂🙂",
    ],
)
async def test_it_says_that_the_sources_do_not_say_and_cites_nothing(
    model: Extractive, question: str
) -> None:
    answer, last = await ask(model, question)
    assert answer == NOT_FOUND
    assert "[" not in answer
    assert last.finish_reason == "stop"
    assert last.confidence is not None
    assert last.confidence < 0.5


async def test_without_sources_nothing_is_found(model: Extractive) -> None:
    answer, last = await ask(model, "How often are norms reviewed?", sources=())
    assert (answer, last.confidence) == (NOT_FOUND, 0.0)


async def test_the_answer_comes_in_pieces_and_only_the_last_has_counts(model: Extractive) -> None:
    async with aclosing(model.stream(request("How often are norms reviewed?"), deadline_s=30)) as stream:  # type: ignore[type-var]
        *pieces, last = [piece async for piece in stream]
    assert len(pieces) > 3
    assert all(
        piece.usage is None and piece.confidence is None and piece.finish_reason is None for piece in pieces
    )
    assert last.text == ""
    assert last.usage is not None
    assert last.usage.output_tokens > 0


async def test_words_are_embedded_in_one_call_and_never_more_than_nine_texts() -> None:
    calls: list[int] = []

    class Counting:
        provider, model, dimensions = "counting", "ones", 384

        async def embed(self, texts: Sequence[str], *, deadline_s: float) -> Embedded:
            calls.append(len(texts))
            return Embedded(np.ones((len(texts), 384), np.float32), Usage())

    many = [
        SourceText(n, "Book", " ".join(f"Norms of team {n} number {k} are good." for k in range(20)))
        for n in (1, 2)
    ]
    await ask(Extractive(Counting()), "What are the norms of team 3?", many)
    assert calls == [9]


async def test_an_answer_that_is_not_ready_in_time_is_a_timeout(model: Extractive) -> None:
    with pytest.raises(ProviderTimeout):
        async for _ in model.stream(request("How often are norms reviewed?"), deadline_s=0.0):
            pass


async def test_structured_answers_are_not_supported(model: Extractive) -> None:
    with pytest.raises(ProviderUnsupported):
        await model.structured(request("norms?"), schema=dict, deadline_s=1)


async def test_the_same_sentence_in_two_passages_is_quoted_once(model: Extractive) -> None:
    twice = (NORMS, SourceText(number=3, title=NORMS.title, text=NORMS.text), TEAMS)
    answer, _ = await ask(model, "How often are norms reviewed?", twice)
    assert answer.count("Norms are reviewed every six weeks.") == 1


async def test_a_marker_in_a_source_cannot_pass_for_a_citation(model: Extractive) -> None:
    forged = SourceText(
        number=1, title="Norms", text="Norms are reviewed every six weeks [2]. Others are not [1, 2]."
    )
    answer, _ = await ask(model, "How often are norms reviewed?", (forged,))
    assert "Norms are reviewed every six weeks. [1]" in answer
    assert "[2]" not in answer


def candidate(source: int, position: int, text: str) -> Candidate:
    return Candidate(source, position, Sentence(text, 0, len(text)), Features())


WHOLE = Support((candidate(0, 1, "One."), candidate(0, 2, "Two.")), 0.7)


@pytest.mark.parametrize(
    ("first", "second", "quoted", "confidence"),
    [
        (0.9, 0.6, ["Three.", "Five.", "Four."], 0.6),
        (0.9, 0.3, ["One.", "Three.", "Five."], 0.7),
        (0.9, 0.1, ["One.", "Three.", "Two."], 0.7),
        (0.1, 0.1, ["One.", "Two."], 0.7),
    ],
)
def test_each_part_of_a_question_has_a_sentence_that_answers_it(
    first: float, second: float, quoted: list[str], confidence: float
) -> None:
    parts = (
        Support((candidate(0, 3, "Three."), candidate(0, 4, "Four.")), first),
        Support((candidate(1, 5, "Five."), candidate(0, 3, "Three.")), second),
    )
    answer = together(WHOLE, parts, answers_from=0.5)
    assert [each.sentence.text for each in answer.sentences] == quoted
    assert answer.confidence == confidence


def test_what_the_sources_answer_neither_as_a_whole_nor_in_all_parts_stays_unanswered() -> None:
    whole = Support(WHOLE.sentences, 0.4)
    half = (WHOLE, Support((candidate(0, 3, "Three."),), 0.4))
    for of, parts in ((whole, half), (whole, ()), (WHOLE, ())):
        assert together(of, parts, answers_from=0.5) == of


def test_quotations_follow_the_sources_and_neighbours_stand_side_by_side() -> None:
    support = Support((candidate(1, 4, "Last."), candidate(0, 3, "Second."), candidate(0, 2, "First.")), 0.9)
    assert compose(support, SOURCES) == f"{INTRODUCTION}\n\n> First. [2] Second. [2]\n\n> Last. [5]"


def test_a_list_is_quoted_as_one_list_without_breaking_the_quotation() -> None:
    support = Support((candidate(0, 0, "Bring: - the test - the work"),), 0.9)
    assert compose(support, SOURCES) == f"{INTRODUCTION}\n\n> Bring: - the test - the work [2]"


def test_below_the_threshold_nothing_is_cited() -> None:
    assert (
        compose(Support((candidate(0, 0, "First."),), extractive.ANSWERS_FROM - 0.01), SOURCES) == NOT_FOUND
    )


def test_the_shortlist_keeps_the_better_placed_of_equal_sentences() -> None:
    late, early = candidate(3, 0, "The same."), candidate(0, 0, "the same.")
    late.features.rank = 3.0
    assert shortlist([late, early]) == [early]


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        (
            "How do we start a meeting, and what do we do when people come late?",
            ["How do we start a meeting?", "what do we do when people come late?"],
        ),
        (
            "How do we write norms? And how often should we review them?",
            ["How do we write norms?", "how often should we review norms?"],
        ),
        ("How often are norms reviewed?", []),
        ("What are norms and roles?", []),
        ("How do I decide what to teach and when to teach it?", []),
        ("What should we know and be able to do?", []),
        ("Who are you and what can you do?", []),
        ("We are a new team. How do we start a meeting?", []),
        ("Imperialism extends the power of a country and what?", []),
        ("Why? Why? Why? Why?", []),
        ("", []),
    ],
)
def test_only_a_double_question_has_parts(question: str, parts: list[str]) -> None:
    assert parts_of(question) == parts


def sentences(text: str) -> list[str]:
    return [each.text for each in split_sentences(text) if each.quotable]


def test_sentences_end_at_full_stops_and_not_at_abbreviations() -> None:
    text = "Dr. Smith met Prof. J. R. Lee, i.e. a friend, in the U.S. Senate at 3.30 p.m. on Monday. They all spoke! Why? No one knows."
    assert sentences(text) == [
        "Dr. Smith met Prof. J. R. Lee, i.e. a friend, in the U.S. Senate at 3.30 p.m. on Monday.",
        "They all spoke!",
        "No one knows.",
    ]


def test_headings_and_fragments_are_not_quotable_but_their_places_count() -> None:
    found = split_sentences("Writing norms\n\nNorms are agreements of a team.\n\nSee also")
    assert [(each.text, each.quotable) for each in found] == [
        ("Writing norms", False),
        ("Norms are agreements of a team.", True),
        ("See also", False),
    ]


def test_a_sentence_knows_its_place_in_the_passage() -> None:
    text = "Title\n\n  One  sentence\nthat goes on here. And a second one."
    for each in split_sentences(text):
        assert " ".join(text[each.start : each.end].split()) == each.text


def test_lines_of_a_paragraph_are_joined_again() -> None:
    assert sentences("A team meets every\nweek and looks at\nstudent work. It is short.") == [
        "A team meets every week and looks at student work.",
        "It is short.",
    ]


def test_a_short_list_stays_with_the_line_that_announces_it() -> None:
    text = "Bring three things:\n\n- the common test\n- the work of six students\n\nThen begin with the work."
    assert sentences(text) == [
        "Bring three things: - the common test - the work of six students",
        "Then begin with the work.",
    ]


def test_a_long_list_is_quoted_item_by_item_without_its_bullets() -> None:
    items = [f"Item number {number} asks for {'more ' * 10}work." for number in range(8)]
    text = "These are the items:\n" + "\n".join(f"• {item}" for item in items)
    assert sentences(text) == ["These are the items:", *items]


def test_items_of_every_kind_of_number_are_quoted_without_it() -> None:
    for marks in (
        ("1.", "2."),
        ("a)", "b)"),
        ("a.", "b."),
        ("(i)", "(ii)"),
        ("1.1.", "1.12."),
        ("iv.", "vii."),
    ):
        text = "\n".join(f"{mark} Bring the work\n" for mark in marks)
        assert sentences(text) == ["Bring the work", "Bring the work"]


def test_a_quotation_of_several_sentences_stays_whole() -> None:
    text = "She said: \u201cI am worried. We have no time.\u201d Then she left the room."
    assert sentences(text) == [
        "She said: \u201cI am worried. We have no time.\u201d",
        "Then she left the room.",
    ]


def test_captions_without_full_stops_are_cut_and_lose_nothing() -> None:
    text = "so we looked at the work and " * 100
    found = sentences(text)
    assert max(map(len, found)) <= 610
    assert " ".join(found) == text.strip()


@pytest.mark.parametrize(
    ("word", "root"),
    [
        ("wrote", "writ"),
        ("written", "writ"),
        ("writing", "writ"),
        ("teams", "team"),
        ("studies", "study"),
        ("class", "class"),
    ],
)
def test_forms_of_a_word_have_one_stem(word: str, root: str) -> None:
    assert stem(word) == root


def test_silent_words_are_left_out() -> None:
    assert stems("What are the norms of a team?") == ["norm", "team"]


def test_denial_is_seen() -> None:
    assert is_negated("Who didn\u2019t agree?")
    assert is_negated("It was never agreed.")
    assert not is_negated("Who agreed to the notes?")


def test_rare_words_weigh_more() -> None:
    rarity = Rarity()
    assert rarity("said") < rarity("teacher") < rarity("metacognition") == 1.0


async def test_the_first_answer_after_a_handback_begins_with_what_the_coach_said() -> None:
    model = Extractive(ScriptedEmbedding())
    request = ChatRequest(
        purpose="answer", messages=(), question="What now?", handback="Call her first. [3]\n\nThen rest."
    )
    said = "".join([piece.text async for piece in model.stream(request, deadline_s=5)])
    assert said.startswith("Your coach told you:\n\n> Call her first.\n> Then rest.\n\n")
    assert "[3]" not in said
