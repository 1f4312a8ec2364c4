"""Properties and examples of the cutting into passages."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.extraction.document import Block, BlockKind, Chapter, ExtractedDocument, Page
from knowledge.passage_drafts import PassageDraft, full_text
from knowledge.splitting import split


def count_words(text: str) -> int:
    return len(text.split())


def document(
    *blocks: Block, chapters: tuple[Chapter, ...] = (), labels: tuple[str, ...] = ()
) -> ExtractedDocument:
    pages = tuple(Page(index, label, "text") for index, label in enumerate(labels))
    return ExtractedDocument("text", "A title", (), None, blocks, pages, chapters)


def paragraph(text: str, page: int | None = None) -> Block:
    return Block(BlockKind.paragraph, text, page_index=page)


def heading(text: str, level: int, page: int | None = None) -> Block:
    return Block(BlockKind.heading, text, level=level, page_index=page)


WORDS = st.lists(
    st.sampled_from(
        ["norm", "team.", "a", "Why?", "data,", "größe", "学习", "x" * 70, "🙂", "e\u0301", "so…"]
    ),
    min_size=1,
    max_size=60,
)
BLOCKS = st.builds(
    lambda words, gap, kind, level: Block(kind, gap.join(words), level=level if kind == "heading" else 0),
    WORDS,
    st.sampled_from([" ", "\n", "  ", " \u00a0", ""]),
    st.sampled_from([BlockKind.paragraph, BlockKind.heading, BlockKind.table, BlockKind.list_item]),
    st.integers(1, 6),
)


@st.composite
def documents(draw: st.DrawFn) -> ExtractedDocument:
    blocks = draw(st.lists(BLOCKS, min_size=1, max_size=12))
    firsts = sorted(draw(st.sets(st.integers(0, len(blocks) - 1), max_size=4)))
    chapters = tuple(Chapter(number, f"Chapter {number}", first) for number, first in enumerate(firsts, 1))
    return document(*blocks, chapters=chapters)


def bounds(written: ExtractedDocument) -> dict[int | None, tuple[int, int]]:
    """First and last-plus-one character of each chapter, worked out in another way than the splitter's."""
    spans: dict[int | None, tuple[int, int]] = {}
    at = 0
    for index, block in enumerate(written.blocks):
        number = max((c.number for c in written.chapters if c.first_block <= index), default=None)
        spans[number] = (spans.get(number, (at, at))[0], at + len(block.text))
        at += len(block.text) + 2
    return spans


class TestProperties:
    @settings(max_examples=200, deadline=None)
    @given(written=documents(), size=st.integers(8, 60), share=st.integers(0, 3))
    def test_hold_for_every_document(self, written: ExtractedDocument, size: int, share: int) -> None:
        drafts = split(written, count_tokens=count_words, size=size, overlap=size * share // 8)
        text = full_text(written)
        self.check_offsets(drafts, text)
        self.check_chapters(drafts, written)
        self.check_coverage(drafts, text)
        assert max(draft.token_count for draft in drafts) <= size
        assert drafts == split(written, count_tokens=count_words, size=size, overlap=size * share // 8)

    def check_offsets(self, drafts: list[PassageDraft], text: str) -> None:
        for ordinal, draft in enumerate(drafts):
            assert draft.ordinal == ordinal
            assert draft.text == text[draft.start : draft.end]
            assert draft.text == draft.text.strip() != ""
        assert [draft.end for draft in drafts] == sorted({draft.end for draft in drafts})

    def check_chapters(self, drafts: list[PassageDraft], written: ExtractedDocument) -> None:
        spans = bounds(written)
        for draft in drafts:
            first, last = spans[draft.chapter_number]
            assert first <= draft.start < draft.end <= last

    def check_coverage(self, drafts: list[PassageDraft], text: str) -> None:
        covered = [False] * len(text)
        for draft in drafts:
            covered[draft.start : draft.end] = [True] * (draft.end - draft.start)
        assert [at for at, char in enumerate(text) if not char.isspace() and not covered[at]] == []


class TestSplit:
    def test_a_short_chapter_is_one_passage_with_its_place(self) -> None:
        written = document(
            paragraph("Preface.", 0),
            heading("Trust", 1, 1),
            heading("First steps", 2, 1),
            paragraph("Begin with one shared norm.", 2),
            chapters=(Chapter(1, "Trust", 1),),
            labels=("i", "1", "2"),
        )
        front, first = split(written, count_tokens=count_words)
        assert (front.text, front.chapter_number, front.chapter_title, front.page_label) == (
            "Preface.",
            None,
            "",
            "i",
        )
        assert first.text == "Trust\n\nFirst steps\n\nBegin with one shared norm."
        assert (first.start, first.end) == (10, 57)
        assert (first.chapter_number, first.chapter_title, first.headings) == (1, "Trust", ("First steps",))
        assert (first.page_index, first.page_index_end, first.page_label, first.page_label_end) == (
            1,
            2,
            "1",
            "2",
        )
        assert first.token_count == 8
        assert (front.page_offsets, first.page_offsets) == ((0,), (0, 20))
        assert first.text[first.page_offsets[1] :] == "Begin with one shared norm."

    def test_a_page_without_text_begins_where_the_next_one_does(self) -> None:
        written = document(paragraph("First.", 0), paragraph("Third.", 2), labels=("1", "2", "3"))
        (only,) = split(written, count_tokens=count_words)
        assert only.page_offsets == (0, 8, 8)

    def test_repeats_the_last_sentences_before_the_cut(self) -> None:
        sentences = [f"Sentence {number} has five words." for number in range(40)]
        drafts = split(
            document(paragraph(" ".join(sentences))), count_tokens=count_words, size=50, overlap=12
        )
        assert drafts[0].text == " ".join(sentences[0:7])
        assert drafts[1].text == " ".join(sentences[5:14])
        assert [draft.token_count for draft in drafts] == [35, 45, 45, 45, 45, 35]

    def test_finds_the_place_of_a_text_that_repeats_itself(self) -> None:
        drafts = split(
            document(paragraph("same words " * 400)), count_tokens=count_words, size=100, overlap=20
        )
        assert [draft.start for draft in drafts] == [
            max(0, core * 80 - 20) // 2 * len("same words ") for core in range(10)
        ]

    def test_a_word_without_end_is_cut_too(self) -> None:
        drafts = split(document(paragraph("x" * 20_000)), count_tokens=lambda _: 1, size=500, overlap=100)
        assert [len(draft.text) for draft in drafts[:2]] == [4800, 4800]
        assert "".join(draft.text for draft in drafts) == "x" * 20_000

    def test_a_transcript_keeps_speakers_and_times(self) -> None:
        cues = (
            Block(BlockKind.caption, "How was it?", speaker="Ada", start_s=1.0, end_s=2.5),
            Block(BlockKind.caption, "Slow at first.", speaker="Ben", start_s=3.0, end_s=4.0),
        )
        (draft,) = split(document(*cues), count_tokens=count_words)
        assert (draft.speaker, draft.start_seconds, draft.end_seconds) == ("Ada, Ben", 1.0, 4.0)
        assert (draft.page_index, draft.page_label) == (None, "")
        assert draft.utterances == ((0, 1.0, "Ada"), (13, 3.0, "Ben"))

    def test_a_passage_that_begins_within_an_utterance_says_whose_it_is(self) -> None:
        cues = (
            Block(BlockKind.caption, "one two three. four five six.", speaker="Ada", start_s=1.0),
            Block(BlockKind.caption, "seven eight nine ten eleven twelve", speaker="Ben", start_s=9.0),
        )
        drafts = split(document(*cues), count_tokens=count_words, size=9, overlap=3)
        assert [draft.text for draft in drafts] == [
            "one two three. four five six.",
            "four five six.\n\nseven eight nine ten eleven twelve",
        ]
        assert drafts[1].utterances == ((0, 1.0, "Ada"), (16, 9.0, "Ben"))

    def test_what_is_no_transcript_has_no_utterances(self) -> None:
        (draft,) = split(document(heading("Norms", 2), paragraph("a b c")), count_tokens=count_words)
        assert draft.utterances == ()

    def test_a_passage_stands_under_the_headings_of_its_first_text(self) -> None:
        written = document(
            heading("Norms", 2),
            paragraph("a " * 30),
            heading("Roles", 2),
            heading("Timekeeper", 3),
            paragraph("b " * 30),
        )
        drafts = split(written, count_tokens=count_words, size=40, overlap=0)
        assert [draft.headings for draft in drafts] == [("Norms",), ("Roles", "Timekeeper")]

    def test_asks_for_the_length_of_a_piece_once(self) -> None:
        asked: list[str] = []

        def count(text: str) -> int:
            asked.append(text)
            return count_words(text)

        split(document(paragraph("Begin with a question. " * 50)), count_tokens=count, size=20, overlap=5)
        assert sorted(asked) == sorted(set(asked)) != []

    def test_nothing_gives_nothing(self) -> None:
        assert split(document(), count_tokens=count_words) == []
        assert split(document(paragraph("  \n ")), count_tokens=count_words) == []

    def test_a_cut_falls_between_blocks_where_it_can(self) -> None:
        blocks = [paragraph(f"Paragraph {number}. " + "word " * 25) for number in range(6)]
        drafts = split(document(*blocks), count_tokens=count_words, size=60, overlap=0)
        assert [re.findall(r"Paragraph (\d)", draft.text) for draft in drafts] == [
            ["0", "1"],
            ["2", "3"],
            ["4", "5"],
        ]

    def test_a_heading_is_never_left_alone_or_at_the_end(self) -> None:
        written = document(
            heading("Norms", 2),
            paragraph(" ".join(["Word."] * 37)),
            heading("Roles", 2),
            heading("Timekeeper", 3),
            paragraph("Clock. " * 60),
        )
        drafts = split(written, count_tokens=count_words, size=50, overlap=10)
        assert [draft.text.count("Roles") for draft in drafts] == [0, 1, 0]
        assert "Word.\n\nRoles\n\nTimekeeper\n\nClock." in drafts[1].text
        assert [draft.headings for draft in drafts] == [
            ("Norms",),
            ("Roles", "Timekeeper"),
            ("Roles", "Timekeeper"),
        ]

    def test_a_heading_before_a_long_paragraph_is_no_passage_of_its_own(self) -> None:
        written = document(heading("Trust", 1), paragraph("Promise. " * 120))
        drafts = split(written, count_tokens=count_words, size=50, overlap=10)
        assert drafts[0].text.startswith("Trust\n\nPromise.")
