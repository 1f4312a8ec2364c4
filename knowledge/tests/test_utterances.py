"""Who says what, and when, in a passage of a transcript: for the model, for a citation, and on its card."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from accounts.tests.api_caller import as_program
from accounts.tests.browsing import as_
from accounts.tests.cast import House
from coaching.providers.ports import SourceText
from knowledge.citations import resolve
from knowledge.ingestion import run
from knowledge.library import Shelf
from knowledge.retrieval import retrieve
from knowledge.retrieved import RetrievedPassage
from knowledge.scope import Scope
from knowledge.tests.ingesting import add
from knowledge.tests.shelf import question
from knowledge.utterances import Utterance, place_of, speakers_of

TEXT = "How was it?\n\nSlow at first. Then we all\n\nwrote down one question each.\n\nGood."
CAPTIONS = """WEBVTT

00:01.000 --> 00:03.000
<v Ada>How was it?</v>

00:03.500 --> 00:06.000
<v Ben Okoro>Slow at first.</v>

01:02:05.000 --> 01:02:09.000
<v Ben Okoro>Then each of us wrote down one question.</v>
"""
ADA, BEN = "Ada", "Ben Okoro"
UTTERANCES = (
    Utterance(0, 61.0, ADA),
    Utterance(13, 64.0, BEN),
    Utterance(41, 66.5, BEN),
    Utterance(72, 70.0, ADA),
)
PASSAGE = RetrievedPassage(
    passage_id=UUID(int=1),
    document_id=UUID(int=2),
    version_id=UUID(int=3),
    title="Tuesday's meeting",
    authors=(),
    year=None,
    chapter_title="",
    headings=(),
    page_label="",
    page_index=None,
    text=TEXT,
    score=0.8,
    speaker="Ada, Ben Okoro",
    start_seconds=61.0,
    utterances=UTTERANCES,
)


def voiced(utterances: Sequence[Utterance]) -> str:
    return SourceText(1, "Tuesday's meeting", TEXT, speakers=speakers_of(utterances)).voiced


def test_a_name_stands_before_what_its_speaker_says_once() -> None:
    assert voiced(UTTERANCES) == (
        "Ada: How was it?\n\nBen Okoro: Slow at first. Then we all\n\nwrote down one question each.\n\nAda: Good."
    )


def test_who_is_not_named_is_not_made_up() -> None:
    unnamed = [Utterance(0, 61.0, ""), *UTTERANCES[1:2], Utterance(41, 66.5, ""), *UTTERANCES[3:]]
    assert voiced(unnamed) == (
        "How was it?\n\nBen Okoro: Slow at first. Then we all\n\nSomebody: wrote down one question each.\n\nAda: Good."
    )
    assert voiced(()) == TEXT


def test_a_model_reads_the_names_and_the_words_to_quote_stay_without_them() -> None:
    source = PASSAGE.as_source(2)
    assert (source.number, source.title, source.text, source.score) == (2, "Tuesday's meeting", TEXT, 0.8)
    assert source.speakers == ((0, ADA), (13, BEN), (41, BEN), (72, ADA))
    assert [source.speaker_at(offset) for offset in (0, 12, 13, 71, 72, 90)] == [ADA, ADA, BEN, BEN, ADA, ADA]
    assert replace(PASSAGE, utterances=()).as_source(2).speaker_at(5) == ""


@pytest.mark.parametrize(
    ("answer", "quote", "seconds", "speaker"),
    [
        ("Ben says: “we all wrote down one question each” [1].", TEXT[33:69], 64.0, BEN),
        ("Wrote down one question each [1].", TEXT[41:69], 66.5, BEN),
        ("How was it? [1]", "How was it", 61.0, ADA),
    ],
)
def test_a_citation_says_who_speaks_where_its_quote_begins(
    answer: str, quote: str, seconds: float, speaker: str
) -> None:
    (citation,) = resolve(answer, {1: PASSAGE})
    assert (citation.quote, citation.start_seconds, citation.speaker) == (quote, seconds, speaker)


def test_a_passage_read_before_its_utterances_were_kept_says_who_speaks_in_all_of_it() -> None:
    (citation,) = resolve("Wrote down one question each [1].", {1: replace(PASSAGE, utterances=())})
    assert (citation.start_seconds, citation.speaker) == (61.0, "Ada, Ben Okoro")


@pytest.mark.parametrize(
    ("citation", "place"),
    [
        ({"page_label": "xii", "speaker": "", "start_seconds": None}, "page xii"),
        ({"page_label": "", "speaker": "Ada", "start_seconds": 62.9}, "Ada at 1:02"),
        ({"page_label": "", "speaker": "", "start_seconds": 0.0}, "at 0:00"),
        ({"page_label": "", "speaker": "Ada", "start_seconds": None}, "Ada"),
        ({}, ""),
    ],
)
def test_a_place_is_said_in_words(citation: dict[str, object], place: str) -> None:
    assert place_of(citation) == place


def test_a_recording_that_was_added_is_found_and_cited_with_its_speakers(home: House) -> None:
    added = add(Shelf(home.organization.pk), CAPTIONS, "tuesday.vtt")
    run.ingest(version_id=added.version.pk)
    asked = "What did each of us write down?"
    (found,) = retrieve(scope=Scope(home.organization.pk), question=asked, vector=question(asked)).passages
    assert found.text == "How was it?\n\nSlow at first.\n\nThen each of us wrote down one question."
    assert found.utterances == ((0, 1.0, "Ada"), (13, 3.5, "Ben Okoro"), (29, 3725.0, "Ben Okoro"))
    (citation,) = resolve("“Each of us wrote down one question.” [1]", {1: found})
    assert place_of(citation.as_dict()) == "Ben Okoro at 1:02:05"


def test_a_recording_is_listed_with_its_speakers_and_without_a_heading(home: House) -> None:
    names = [f"<v Person of the Board Number {number}>" for number in range(6)]
    cues = "\n\n".join(f"00:0{at}.000 --> 00:0{at}.900\n{name}I agree." for at, name in enumerate(names, 1))
    version = add(Shelf(home.organization.pk), f"WEBVTT\n\n{cues}\n", "board.vtt").version
    run.ingest(version_id=version.pk)
    listed = as_program(home.coach)("GET", f"documents/{version.document_id}/passages").data["passages"]
    assert [(each["heading"], each["speaker"][:29]) for each in listed] == [
        ("", "Person of the Board Number 0,")
    ]
    page = as_(home.coach).get(f"/admin/knowledge/document/{version.document_id}/change/").content.decode()
    assert page.count("Person of the Board Number 1, Person of the Board Number 2,") == 1


def test_a_recording_is_found_by_the_names_of_its_speakers(home: House) -> None:
    shelf = Shelf(home.organization.pk)
    for name in ("Okoro", "Lind"):
        said = CAPTIONS.replace("Ben Okoro", f"Ben {name}").replace("question", f"question, {len(name)}")
        run.ingest(version_id=add(shelf, said, f"{name}.vtt").version.pk)
    asked = "Lind"
    found = retrieve(scope=Scope(home.organization.pk), question=asked, vector=question(asked)).passages
    assert [each.speaker for each in found if each.legs.get("text_rank")] == ["Ada, Ben Lind"]
