"""The material of the demonstration is what the demonstration, the router and its benchmark take it for."""

import re
import tomllib
import zipfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import docx
import pymupdf
import pytest
from rapidfuzz import fuzz

from demo import story
from demo.markdown import Heading, plain_text
from demo.render import HANDBOOK_AUTHORS, HANDBOOK_TITLE, handbook_sources, main, render_all

ROOT = Path(__file__).resolve().parents[2]
DOMAINS = {
    "assessment",
    "collaboration",
    "leadership",
    "curriculum",
    "data_analysis",
    "school_culture",
    "student_learning",
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    render_all(folder)
    return folder


@pytest.fixture(scope="module")
def told() -> story.Story:
    return story.load()


def _open(path: Path) -> Any:
    return pymupdf.open(path)  # type: ignore[no-untyped-call]  # PyMuPDF has no types


def _questions() -> list[dict[str, object]]:
    path = ROOT / "benchmarks" / "routing_questions.toml"
    rows: list[dict[str, object]] = tomllib.loads(path.read_text(encoding="utf-8"))["questions"]
    return rows


def _domains() -> list[dict[str, object]]:
    path = ROOT / "knowledge" / "domains.toml"
    rows: list[dict[str, object]] = tomllib.loads(path.read_text(encoding="utf-8"))["domain"]
    return rows


def _examples() -> list[str]:
    return [str(text) for row in _domains() for text in _list(row["examples"])]


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip("?.! ")


class TestRendering:
    def test_writes_the_same_bytes_each_time(self, rendered: Path, tmp_path: Path) -> None:
        again = render_all(tmp_path)
        assert [path.name for path in again] == ["handbook.pdf", "agenda.docx", "transcript.vtt"]
        assert [path.read_bytes() == (rendered / path.name).read_bytes() for path in again] == [True] * 3

    def test_names_the_files_it_wrote(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--out", str(tmp_path / "new")]) == 0
        assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()] == [
            str(tmp_path / "new" / name) for name in ("handbook.pdf", "agenda.docx", "transcript.vtt")
        ]

    def test_says_in_one_line_that_a_folder_cannot_be_written(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "file").touch()
        assert main(["--out", str(tmp_path / "file")]) == 1
        assert capsys.readouterr().err.startswith("Could not write the documents: ")


class TestHandbook:
    def test_numbers_its_front_in_roman_and_its_chapters_from_one(self, rendered: Path) -> None:
        with _open(rendered / "handbook.pdf") as pdf:
            labels = [page.get_label() for page in pdf]
            assert labels == ["i", "ii", "iii", *(str(number) for number in range(1, len(labels) - 2))]
            assert len(labels) >= 25

    def test_prints_each_label_at_the_foot_of_its_page(self, rendered: Path) -> None:
        with _open(rendered / "handbook.pdf") as pdf:
            foot = (300, 780, 595, 842)
            printed = [page.get_text(clip=foot).strip() for page in pdf]
            assert printed[1:] == [page.get_label() for page in pdf][1:]

    def test_bookmarks_every_numbered_chapter_and_its_sections(self, rendered: Path) -> None:
        chapters = handbook_sources()[1:]
        expected = [
            (block.level, block.text) for blocks in chapters for block in blocks if isinstance(block, Heading)
        ]
        with _open(rendered / "handbook.pdf") as pdf:
            found = pdf.get_toc()
            assert [(level, title) for level, title, _page in found] == expected
            assert all(title in pdf[page - 1].get_text().replace("\n", " ") for _level, title, page in found)

    def test_carries_title_authors_and_year(self, rendered: Path) -> None:
        with _open(rendered / "handbook.pdf") as pdf:
            assert pdf.metadata["title"] == HANDBOOK_TITLE
            assert pdf.metadata["author"] == "; ".join(HANDBOOK_AUTHORS)
            assert pdf.metadata["creationDate"] == "D:20260801090000+00'00'"

    def test_leaves_no_heading_at_the_foot_of_a_page(self, rendered: Path) -> None:
        with _open(rendered / "handbook.pdf") as pdf:
            assert [page.get_label() for page in pdf if _ends_in_a_heading(page)] == []

    def test_says_everything_that_its_sources_say(self, rendered: Path) -> None:
        with _open(rendered / "handbook.pdf") as pdf:
            printed = Counter(word[4] for page in pdf for word in page.get_text("words"))
        written = Counter(word for blocks in handbook_sources() for word in plain_text(blocks).split())
        assert sum(written.values()) > 11_000
        assert written - printed == Counter()


def _ends_in_a_heading(page: Any) -> bool:
    lines = [
        line
        for block in page.get_text("dict")["blocks"]
        for line in block.get("lines", [])
        if line["bbox"][3] < 780 and line["spans"]
    ]
    last = max(lines, key=lambda line: line["bbox"][3], default=None)
    return last is not None and last["spans"][0]["size"] > 13 and page.number > 0


class TestAgenda:
    def test_has_headings_lists_and_tables(self, rendered: Path) -> None:
        document = docx.Document(str(rendered / "agenda.docx"))
        styles = [paragraph.style.name for paragraph in document.paragraphs if paragraph.style]
        assert styles.count("Title") == 1
        assert styles.count("Heading 1") == 6
        assert {"List Bullet", "List Number"} <= set(styles)
        assert [len(table.rows) for table in document.tables] == [6, 4]
        assert document.core_properties.title == "Team meeting agenda"

    def test_dates_every_part_alike(self, rendered: Path) -> None:
        with zipfile.ZipFile(rendered / "agenda.docx") as archive:
            assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


class TestTranscript:
    def test_has_four_speakers_in_cues_that_follow_each_other(self, rendered: Path) -> None:
        text = (rendered / "transcript.vtt").read_text(encoding="utf-8")
        times = re.findall(r"00:(\d\d):(\d\d\.\d{3})", text)
        seconds = [int(minutes) * 60 + float(rest) for minutes, rest in times]
        assert all(earlier < later for earlier, later in pairwise(seconds))
        assert 450 < seconds[-1] < 510
        assert set(re.findall(r"<v ([^>]+)>", text)) == {
            "Tess Alvarado",
            "Jonah Pike",
            "Amira Haddad",
            "Daniel Okoro",
        }


class TestStory:
    def test_has_the_cast_with_each_educator_in_a_team(self, told: story.Story) -> None:
        roles = [person.role for person in told.people]
        assert [roles.count(role) for role in ("admin", "coach", "educator")] == [1, 2, 3]
        coaches = {person.key for person in told.people if person.role == "coach"}
        assert {person.coach for person in told.people if person.role == "educator"} == coaches
        assert {persona.coach for persona in told.personas} == coaches

    def test_quotes_the_handbook_word_for_word(self, told: story.Story) -> None:
        handbook = "\n".join(plain_text(blocks) for blocks in handbook_sources())
        quotes = [quote for talk in told.conversations for said in talk.messages for quote in said.citations]
        assert {quote.document for quote in quotes} == {"handbook"}
        assert [quote.quote for quote in quotes if quote.quote not in handbook] == []

    def test_has_a_citation_for_every_marker_and_a_marker_for_every_citation(self, told: story.Story) -> None:
        for talk in told.conversations:
            for said in talk.messages:
                markers = {int(number) for number in re.findall(r"\[(\d+)\]", said.text)}
                assert markers == set(range(1, len(said.citations) + 1)), talk.key

    def test_shows_one_waiting_one_handed_back_one_archived_and_one_private(self, told: story.Story) -> None:
        waiting = [talk for talk in told.conversations if talk.owner_state == "queued"]
        assert [talk.handoff.reason for talk in waiting if talk.handoff] == ["client_request"]
        assert [talk.handoff.taken_minute for talk in waiting if talk.handoff] == [None]
        returned = [talk for talk in told.conversations if talk.handoff and talk.handoff.returned_minute]
        assert [(talk.key, talk.owner_state) for talk in returned] == [("quiet-colleague", "ai")]
        assert [talk.status for talk in told.conversations].count("archived") == 1
        assert [talk.visibility for talk in told.conversations].count("private") == 1

    def test_happens_in_order_and_in_the_past(self, told: story.Story) -> None:
        for talk in told.conversations:
            minutes = [said.minute for said in talk.messages]
            assert minutes == sorted(minutes)
            assert minutes[-1] < talk.minutes_ago

    def test_names_only_known_people_and_domains(self, told: story.Story) -> None:
        people = {person.key: person for person in told.people}
        for talk in told.conversations:
            coach = people[talk.owner].coach
            assert {said.by for said in talk.messages} <= {"", coach}
            assert talk.handoff is None or talk.handoff.coach == coach
            assert {slug for said in talk.messages for slug in said.domains} <= DOMAINS

    def test_suggests_six_to_ten_first_questions(self, told: story.Story) -> None:
        assert 6 <= len(set(told.first_questions)) <= 10


class TestRoutingMaterial:
    def test_describes_the_seven_domains_with_examples(self) -> None:
        assert {row["slug"] for row in _domains()} == DOMAINS
        assert all(12 <= len(_list(row["examples"])) <= 15 and row["description"] for row in _domains())

    def test_labels_at_least_25_questions_in_each_domain(self) -> None:
        primaries = [row["primary"] for row in _questions()]
        assert {slug: primaries.count(slug) >= 25 for slug in DOMAINS} == dict.fromkeys(DOMAINS, True)

    def test_labels_only_known_domains_and_no_question_twice(self) -> None:
        for row in _questions():
            also = _list(row.get("also", []))
            assert set(also) <= DOMAINS - {row["primary"]}
        texts = [_plain(str(row["text"])) for row in _questions()]
        assert len(set(texts)) == len(texts)

    def test_never_measures_with_an_example_nor_a_near_copy(self) -> None:
        examples = [_plain(text) for text in _examples()]
        copies = [
            (str(row["text"]), example)
            for row in _questions()
            for example in examples
            if fuzz.token_sort_ratio(_plain(str(row["text"])), example) > 82
        ]
        assert copies == []
