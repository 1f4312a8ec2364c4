"""Arabic words of a PDF come as they are spelled, whatever glyphs they are printed with."""

from typing import Any

from knowledge.extraction.pages import PageText, Word
from knowledge.extraction.right_to_left import has_arabic, spelled

ALEF, HEH = "\u0627", "\u0647"


def printed(*characters: tuple[str, float, float]) -> list[dict[str, Any]]:
    """Return characters as PyMuPDF gives them, each with its left and right edge."""
    return [{"c": letter, "bbox": (left, 0.0, right, 10.0)} for letter, left, right in characters]


class TestAGlyphOfSeveralLetters:
    def test_is_spelled_as_it_is_read(self) -> None:
        turned = printed((ALEF, 86, 89), ("إ", 86, 86), ("ل", 79, 86), ("ن", 75, 79))
        assert spelled(turned) == "الإن"
        assert spelled(printed((HEH, 26, 26), ("ل", 26, 26), ("ل", 20, 26), (".", 18, 20))) == "لله."

    def test_stays_where_nothing_was_turned_round(self) -> None:
        upright = printed(("س", 86, 89), ("ل", 79, 86), (ALEF, 86, 86), ("م", 75, 79))
        assert spelled(upright) == "سلام"

    def test_is_not_taken_for_the_article_of_two_glyphs(self) -> None:
        assert spelled(printed((ALEF, 30, 33), ("ل", 27, 30), ("ب", 24, 27))) == "الب"

    def test_is_found_on_the_page_by_how_it_is_spelled(self) -> None:
        page = PageText(
            [Word((n, 0, n + 1, 1), word, (0, 0)) for n, word in enumerate(["تحسين", "اإلنتاجية"])]
        )
        assert page.find("الإنتاجية") == [(1, 0, 2, 1)]


class TestASpace:
    def test_that_is_printed_elsewhere_cuts_no_word(self) -> None:
        assert spelled(printed(("م", 190, 195), (" ", 95, 98), ("ن", 184, 190), (" ", 181, 184))) == "من "

    def test_between_words_stays(self) -> None:
        assert spelled(printed(("ن", 190, 195), (" ", 187, 190), (ALEF, 184, 187))) == f"ن {ALEF}"


class TestOtherScripts:
    def test_are_not_looked_at_by_the_letter(self) -> None:
        spans = [{"text": text} for text in ("plain", "ﬁne é", "עברית", "हिन्दी", "中文")]
        assert not has_arabic(spans)
        assert has_arabic([*spans, {"text": "R وPython"}])

    def test_come_as_they_stand_in_an_arabic_line(self) -> None:
        assert (
            spelled(printed(("R", 10, 15), (" ", 15, 18), ("e", 18, 22), ("\u0301", 22, 22))) == "R e\u0301"
        )
