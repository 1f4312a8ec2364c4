"""Claims and the words of the passages that they stand on."""

import json
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.citations import Citation, Label, resolve
from knowledge.quotes import locate
from knowledge.retrieved import RetrievedPassage

NORMS = (
    "Every team writes its norms in the first month. Norms are reviewed twice a year, and a team that "
    "breaks one says so at once.\n\nA team of 4 to 6 teachers meets for 45 minutes each week. The "
    "principal does not lead the meeting, but she protects its time."
)
DATA = "Common assessments are written before the unit begins. Results are shared within two days."


def passage(number: int, text: str) -> RetrievedPassage:
    return RetrievedPassage(
        passage_id=UUID(int=number),
        document_id=UUID(int=100 + number),
        version_id=UUID(int=200 + number),
        title="Handbook",
        authors=("A. Writer",),
        year=2024,
        chapter_title="Teams",
        headings=("Norms",),
        page_label="12",
        page_index=13,
        text=text,
        score=0.8,
    )


PASSAGES = {1: passage(1, NORMS), 2: passage(2, DATA)}


def only(text: str) -> Citation:
    (citation,) = resolve(text, PASSAGES)
    return citation


def test_a_sentence_taken_word_for_word_is_verified_with_its_place() -> None:
    citation = only("Start here. Norms are reviewed twice a year [1].")
    assert citation.label == Label.VERIFIED
    assert citation.claim == "Norms are reviewed twice a year."
    assert citation.quote == "Norms are reviewed twice a year"
    assert NORMS[citation.quote_start : citation.quote_end] == citation.quote
    assert (citation.number, citation.marker_offset, citation.claim_offset) == (1, 44, 11)
    assert (citation.page_label, citation.page_index, citation.title) == ("12", 13, "Handbook")


@pytest.mark.parametrize(
    "text",
    [
        "every TEAM writes its norms in the first month [1].",
        "“Every team writes its norms\nin the first month.” [1]",
        "- **Every team** writes its norms in the first month. [1]",
        'The handbook says: "Every team writes its norms in the first month" [1], and so should you.',
        "Every team writes it's norms in the first month [1].",
        "Every team wrties its norms in the first month. [1]",
    ],
)
def test_case_blanks_quotation_marks_and_slips_do_not_matter(text: str) -> None:
    citation = only(text)
    assert citation.label == Label.VERIFIED
    assert citation.quote.rstrip(".") == "Every team writes its norms in the first month"


@pytest.mark.parametrize(
    "text",
    [
        "A team of 4 to 9 teachers meets for 45 minutes each week [1].",
        "The principal does lead the meeting, but she protects its time [1].",
        "The handbook promises “a pay rise for every single teacher” [1].",
        "The moon is made of cheese and biscuits [1].",
        "Results are shared within two days [1].",
    ],
)
def test_a_changed_number_a_lost_not_and_an_invented_quotation_are_never_verified(text: str) -> None:
    assert only(text).label != Label.VERIFIED


@pytest.mark.parametrize(
    "text",
    [
        "A team of 4 to 9 teachers meets for 45 minutes each week [1].",
        "The handbook promises “a pay rise for every single teacher” [1].",
        "The moon is made of cheese and biscuits [1].",
        "[1]",
    ],
)
def test_what_the_passage_does_not_say_is_unsupported_and_has_no_quote(text: str) -> None:
    citation = only(text)
    assert (citation.label, citation.quote, citation.quote_start, citation.quote_end) == (
        Label.UNSUPPORTED,
        "",
        0,
        0,
    )


def test_a_paraphrase_names_the_sentence_it_stands_on() -> None:
    citation = only("Teams should look at their norms again and review them twice each year [1].")
    assert citation.label == Label.PARAPHRASE
    assert citation.quote.startswith("Norms are reviewed twice a year")


def test_markers_side_by_side_share_a_claim_and_are_judged_each_for_itself() -> None:
    first, second = resolve("Results are shared within two days [1][2].", PASSAGES)
    assert first.claim == second.claim == "Results are shared within two days."
    assert (first.label, second.label) == (Label.UNSUPPORTED, Label.VERIFIED)


def test_a_marker_after_the_full_stop_belongs_to_the_sentence_before_it() -> None:
    first, second = resolve(
        "Norms are reviewed twice a year. [1] Results are shared within two days. [2]", PASSAGES
    )
    assert (first.claim, second.claim) == (
        "Norms are reviewed twice a year.",
        "Results are shared within two days.",
    )
    assert (first.label, second.label) == (Label.VERIFIED, Label.VERIFIED)


def test_markers_in_code_are_no_citations() -> None:
    assert resolve("Use `norms[1]`.\n```\ndata[2]\n```", PASSAGES) == []


def test_an_answer_without_markers_has_no_citations() -> None:
    assert resolve("Good question!", PASSAGES) == []


def test_a_citation_can_be_stored_as_json() -> None:
    stored = json.loads(json.dumps(only("Norms are reviewed twice a year [1].").as_dict()))
    assert stored["label"] == "verified"
    assert stored["passage_id"] == str(UUID(int=1))
    assert stored["authors"] == ["A. Writer"]


@given(
    text=st.lists(
        st.one_of(
            st.integers(min_value=0, max_value=2000).map(lambda number: f"[{number}]"),
            st.sampled_from([" ", ".", "\n", "`", "[", "]", ",", "Norms are reviewed", "“", "”"]),
            st.text(max_size=6),
        ),
        max_size=30,
    ).map("".join)
)
def test_whatever_the_answer_forges_only_retrieved_passages_are_cited(text: str) -> None:
    for citation in resolve(text, PASSAGES):
        source = PASSAGES[citation.number]
        assert citation.passage_id == str(source.passage_id)
        assert source.text[citation.quote_start : citation.quote_end] == citation.quote
        assert (citation.quote == "") == (citation.label == Label.UNSUPPORTED)


@given(start=st.integers(0, len(NORMS) - 30), length=st.integers(25, 120))
def test_any_stretch_of_whole_words_is_located(start: int, length: int) -> None:
    words = NORMS[start : start + length].split()[1:-1]
    span = locate(" ".join(words), NORMS) if len(words) > 3 else None
    if span:
        assert NORMS[span.start : span.end].split(maxsplit=1)[0].strip("\"'.,;:") == words[0].strip("\"'.,;:")
    else:
        assert len(words) <= 3


def test_a_citation_opens_the_page_of_its_quote_and_not_the_first_of_its_passage() -> None:
    later = NORMS.index("A team of 4")
    spread = {1: replace(passage(1, NORMS), page_offsets=(0, later), page_labels=("12", "13"))}
    first, second = resolve(
        "Norms are reviewed twice a year [1]. A team of 4 to 6 teachers meets for 45 minutes [1].", spread
    )
    assert (first.page_index, first.page_label) == (13, "12")
    assert (second.page_index, second.page_label) == (14, "13")
