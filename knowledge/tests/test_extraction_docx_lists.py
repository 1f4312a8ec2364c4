"""Items of a Word document begin with the number that Word prints before them."""

import io
from typing import Any

import docx
import pytest
from docx.document import Document
from docx.opc.part import Part
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn

from knowledge.extraction.docx_reader import read_docx

STEPS = (("decimal", "%1.", 1), ("lowerLetter", "%2)", 1), ("lowerRoman", "(%3)", 1))
CLAUSES = (("decimal", "%1", 1), ("decimal", "%1.%2", 1))


def define(document: Document, number: int, levels: tuple[tuple[str, str, int], ...], more: str = "") -> None:
    """Give a document a list of its own, of these formats, texts and first numbers for each level."""
    inner = "".join(
        f'<w:lvl w:ilvl="{at}"><w:start w:val="{first}"/><w:numFmt w:val="{kind}"/>{more}<w:lvlText w:val="{text}"/></w:lvl>'
        for at, (kind, text, first) in enumerate(levels)
    )
    numbering = document.part.numbering_part.element
    looks = f'<w:abstractNum {nsdecls("w")} w:abstractNumId="{number}">{inner}</w:abstractNum>'
    numbering.insert(0, parse_xml(looks))
    begin(document, number, number)


def begin(document: Document, number: int, looks: int, *, override: str = "") -> None:
    """Begin another list with the looks of one that there is."""
    one = f'<w:num {nsdecls("w")} w:numId="{number}"><w:abstractNumId w:val="{looks}"/>{override}</w:num>'
    document.part.numbering_part.element.append(parse_xml(one))


def add(document: Document, text: str, number: int, level: int = 0, style: str | None = None) -> None:
    """Add an item."""
    properties: Any = document.add_paragraph(text, style=style)._p.get_or_add_pPr()
    numbers = properties.get_or_add_numPr()
    numbers.get_or_add_ilvl().val = level
    numbers.get_or_add_numId().val = number


def read(document: Document) -> list[str]:
    """Return the text of each block."""
    buffer = io.BytesIO()
    document.save(buffer)
    return [block.text for block in read_docx(buffer.getvalue()).blocks]


def of(
    *items: tuple[Any, ...], levels: tuple[tuple[str, str, int], ...] = STEPS, more: str = ""
) -> list[str]:
    """Return what is read of a list of items, each with its level, from 0."""
    document = docx.Document()
    define(document, 90, levels, more)
    for text, level in items:
        add(document, text, 90, level)
    return read(document)


class TestANumberedList:
    def test_keeps_its_numbers_nested_too(self) -> None:
        items = ("Begin", 0), ("Read", 1), ("Aloud", 2), ("Silently", 2), ("Ask", 1), ("End", 0), ("Thank", 1)
        assert of(*items) == [
            "1. Begin",
            "a) Read",
            "(i) Aloud",
            "(ii) Silently",
            "b) Ask",
            "2. End",
            "a) Thank",
        ]

    def test_keeps_the_numbers_of_the_levels_above_where_they_are_printed(self) -> None:
        items = ("Scope", 0), ("Who", 1), ("When", 1), ("Terms", 0), ("Who", 1)
        assert of(*items, levels=CLAUSES) == ["1. Scope", "1.1. Who", "1.2. When", "2. Terms", "2.1. Who"]

    def test_begins_where_it_says(self) -> None:
        assert of(("Seven", 0), ("Eight", 0), levels=(("decimal", "%1.", 7),)) == ["7. Seven", "8. Eight"]
        assert of(("Twenty-six", 0), ("Then", 0), levels=(("upperLetter", "%1.", 26),)) == [
            "Z. Twenty-six",
            "AA. Then",
        ]

    def test_keeps_digits_and_counts_as_its_levels_say(self) -> None:
        levels = (("upperRoman", "%1.", 1), ("decimal", "%1.%2", 1))
        items = ("Scope", 0), ("Who", 1), ("Terms", 0), ("Who", 1)
        assert of(*items, levels=levels) == ["I. Scope", "I.1. Who", "II. Terms", "II.1. Who"]
        assert of(*items, levels=levels, more="<w:isLgl/>") == [
            "1. Scope",
            "1.1. Who",
            "2. Terms",
            "2.1. Who",
        ]
        going_on = of(*items, levels=STEPS, more='<w:lvlRestart w:val="0"/>')
        assert going_on == ["1. Scope", "a) Who", "2. Terms", "b) Who"]

    def test_goes_on_behind_a_paragraph_and_begins_anew_where_it_is_told_to(self) -> None:
        document = docx.Document()
        define(document, 90, STEPS)
        begin(document, 91, 90)
        begin(
            document,
            92,
            90,
            override='<w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride>',
        )
        add(document, "one", 90)
        document.add_paragraph("Between.")
        add(document, "two", 91)
        add(document, "", 91)
        add(document, "one again", 92)
        add(document, "two again", 92)
        assert read(document) == ["1. one", "Between.", "2. two", "1. one again", "2. two again"]

    def test_may_come_from_the_style(self) -> None:
        document = docx.Document()
        for text in ("one", "two"):
            document.add_paragraph(text, style="List Number")
        document.add_paragraph("dot", style="List Bullet")
        document.add_paragraph("three", style="List Number")
        add(document, "plain", 0, style="List Number")
        assert read(document) == ["1. one", "2. two", "• dot", "3. three", "plain"]

    def test_counts_headings_that_are_numbered_in_it(self) -> None:
        document = docx.Document()
        define(document, 90, CLAUSES)
        add(document, "Scope", 90, style="Heading 1")
        add(document, "Who", 90, 1)
        add(document, "Terms", 90, style="Heading 1")
        add(document, "Who", 90, 1)
        assert read(document) == ["Scope", "1.1. Who", "Terms", "2.1. Who"]


class TestAListThatIsNotWellMade:
    def test_has_bullets_where_nothing_says_how_it_is_numbered(self) -> None:
        document = docx.Document()
        add(document, "lost", 4711)
        assert read(document) == ["• lost"]
        assert of(("dot", 0), ("none", 1), levels=(("bullet", "\uf0b7", 1), ("none", "", 1))) == [
            "• dot",
            "• none",
        ]

    def test_has_plain_numbers_where_it_asks_for_too_much(self) -> None:
        assert of(("far", 0), levels=(("lowerLetter", "%1.", 999_999),)) == ["999999. far"]
        assert of(("farther", 0), levels=(("decimal", "%1.", 9_999_999),)) == ["1. farther"]
        assert of(("long", 0), levels=(("decimal", "%1" * 40, 1),)) == ["1. long"]

    def test_whose_styles_stand_on_each_other_in_a_circle_ends(self) -> None:
        document = docx.Document()
        style = document.styles["List Number"].element
        style.pPr.remove(style.pPr.numPr)
        based = style.find(qn("w:basedOn"))
        if based is None:
            based = OxmlElement("w:basedOn")
            style.append(based)
        based.set(qn("w:val"), "ListNumber")
        document.add_paragraph("round", style="List Number")
        assert read(document) == ["• round"]

    @pytest.mark.parametrize("part", [b"", b"<w:numbering", b"<other/>"])
    def test_has_bullets_where_the_numbers_cannot_be_read(self, part: bytes) -> None:
        document = docx.Document()
        document.add_paragraph("still there", style="List Number")
        numbering = document.part.numbering_part
        # Under another type of content, of which python-docx reads nothing.
        as_it_is = Part(numbering.partname, "application/xml", part, numbering.package)
        next(each for each in document.part.rels.values() if each.target_part is numbering)._target = as_it_is
        assert read(document) == ["• still there"]
