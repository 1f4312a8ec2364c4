"""What is kept of a document's structure, and what is cleaned away."""

import io
from pathlib import Path

import docx
import pptx
import pytest
from reportlab.lib.pagesizes import A5
from reportlab.pdfgen import canvas

from knowledge.extraction.captions_reader import read_srt, read_vtt
from knowledge.extraction.cleaning import clean, join_all, without_leaders
from knowledge.extraction.document import Block, BlockKind, Chapter, ExtractedDocument, Page
from knowledge.extraction.docx_reader import read_docx
from knowledge.extraction.html_reader import read_html
from knowledge.extraction.layout import Line, PageLines
from knowledge.extraction.markdown_reader import read_markdown
from knowledge.extraction.pages import PageText, Word
from knowledge.extraction.pptx_reader import read_pptx
from knowledge.extraction.recognition import merged
from knowledge.extraction.running_lines import take_out_running_lines
from knowledge.extraction.sandbox import extract, render_page
from knowledge.extraction.tables import readable
from knowledge.extraction.text_reader import read_text

HEADING, PARAGRAPH, ITEM, TABLE = BlockKind.heading, BlockKind.paragraph, BlockKind.list_item, BlockKind.table


def shapes(document: ExtractedDocument) -> list[tuple[BlockKind, int, str]]:
    return [(block.kind, block.level, block.text) for block in document.blocks]


def handbook(path: Path) -> Path:
    """Two chapters of two pages with running header, page numbers, a ruled table and cut words."""
    drawing = canvas.Canvas(str(path), pagesize=A5)
    for number in range(1, 5):
        drawing.setFont("Helvetica", 8)
        drawing.drawString(50, 560, "Handbook of Learning Communities")
        drawing.drawCentredString(210, 30, f"- {number + 10} -")
        y = 520
        if number % 2:
            drawing.setFont("Helvetica-Bold", 18)
            drawing.drawString(50, y, ("Norms of a Team", "", "Looking at Work")[number - 1])
            y -= 40
        drawing.setFont("Helvetica", 10)
        for line in (
            "A team agrees on how it wants to work and looks at evi-",
            "dence from its own classrooms.",
        ):
            drawing.drawString(50, y, line)
            y -= 14
        if number == 2:
            rows = (("Strategy", "Minutes"), ("Fishbowl", "20"), ("Gallery walk", "15"))
            drawing.grid((50, 200, 350), (y - 10, y - 30, y - 50, y - 70))
            for row, cells in enumerate(rows):
                for column, cell in enumerate(cells):
                    drawing.drawString(55 + column * 150, y - 24 - row * 20, cell)
        drawing.drawString(50, 80, "The text at the foot of a page goes on")
        drawing.showPage()
    drawing.save()
    return path


def test_a_handbook_keeps_chapters_labels_and_tables_and_loses_its_running_lines(tmp_path: Path) -> None:
    document = extract(handbook(tmp_path / "handbook.pdf"), filename="handbook.pdf")
    text = "\n".join(block.text for block in document.blocks)
    assert [(c.number, c.title) for c in document.chapters] == [
        (1, "Norms of a Team"),
        (2, "Looking at Work"),
    ]
    assert [page.label for page in document.pages] == ["11", "12", "13", "14"]
    assert "Handbook of Learning" not in text
    assert "- 12 -" not in text
    assert "looks at evidence from its own classrooms." in text
    tables = [block for block in document.blocks if block.kind is TABLE]
    assert [(t.page_index, t.text) for t in tables] == [
        (1, "Strategy: Fishbowl; Minutes: 20\nStrategy: Gallery walk; Minutes: 15")
    ]


def test_a_quote_is_found_over_a_hyphen_and_in_the_cells_of_a_table(tmp_path: Path) -> None:
    quotes = ["looks at “evidence” from its own classrooms", "Strategy: Fishbowl; Minutes: 20"]
    page = render_page(handbook(tmp_path / "handbook.pdf"), page_index=1, width=300, quotes=quotes)
    assert [len(boxes) for boxes in page.rectangles] == [2, 2]


def test_paragraphs_and_lists_of_plain_text() -> None:
    document = read_text("\ufeffFirst\nline.\n\n- one\n- two\n".encode())
    assert shapes(document) == [(PARAGRAPH, 0, "First line."), (ITEM, 0, "- one"), (ITEM, 0, "- two")]


def test_markdown_structure() -> None:
    source = (
        b"---\ntitle: Norms\nauthor: A. Coach\n---\n# One\nText *here*.\n\n1. first\n2. second\n\n# Two\n\n"
    )
    source += b"| Who | When |\n|---|---|\n| Ana | Monday |\n\n<script>alert(1)</script>\n"
    document = read_markdown(source)
    assert (document.title, document.authors) == ("Norms", ("A. Coach",))
    assert shapes(document) == [
        (HEADING, 1, "One"),
        (PARAGRAPH, 0, "Text here."),
        (ITEM, 0, "1. first"),
        (ITEM, 0, "2. second"),
        (HEADING, 1, "Two"),
        (TABLE, 0, "Who: Ana; When: Monday"),
    ]
    assert document.chapters == (Chapter(1, "One", 0), Chapter(2, "Two", 4))


def test_html_shows_text_without_scripts_and_navigation() -> None:
    source = (
        b"<html lang=en><title>T</title><nav>menu</nav><h2>Head</h2><p>One <b>two</b>.<ul><li>a<li>b</ul>"
    )
    source += (
        b"<table><tr><th>Who<th>When<tr><td>Ana<td>Monday</table><script>x()</script><style>p{}</style>tail"
    )
    document = read_html(source)
    assert (document.title, document.language) == ("T", "en")
    assert shapes(document) == [
        (HEADING, 2, "Head"),
        (PARAGRAPH, 0, "One two."),
        (ITEM, 0, "• a"),
        (ITEM, 0, "• b"),
        (TABLE, 0, "Who: Ana; When: Monday"),
        (PARAGRAPH, 0, "tail"),
    ]


def test_html_keeps_the_numbers_of_lists() -> None:
    source = b"<ol><li>one<ul><li>dot</ul><li><p>two</p><p>more</p></ol>after<ol start=7><li>seven<li><h3>H</h3>8</ol>"
    assert shapes(read_html(source)) == [
        (ITEM, 0, "1. one"),
        (ITEM, 0, "• dot"),
        (ITEM, 0, "2. two"),
        (PARAGRAPH, 0, "more"),
        (PARAGRAPH, 0, "after"),
        (ITEM, 0, "7. seven"),
        (HEADING, 3, "H"),
        (ITEM, 0, "8. 8"),
    ]


def test_word_structure() -> None:
    source = docx.Document()
    source.core_properties.title = "Agenda"
    source.add_heading("Opening", level=1)
    source.add_paragraph("We begin.")
    source.add_paragraph("Bring evidence", style="List Bullet")
    source.add_heading("Closing", level=1)
    table = source.add_table(rows=2, cols=2)
    for cell, text in zip(
        [c for row in table.rows for c in row.cells], ("Who", "When", "Ana", "Monday"), strict=True
    ):
        cell.text = text
    buffer = io.BytesIO()
    source.save(buffer)
    document = read_docx(buffer.getvalue())
    assert document.title == "Agenda"
    assert shapes(document) == [
        (HEADING, 1, "Opening"),
        (PARAGRAPH, 0, "We begin."),
        (ITEM, 0, "• Bring evidence"),
        (HEADING, 1, "Closing"),
        (TABLE, 0, "Who: Ana; When: Monday"),
    ]
    assert [chapter.title for chapter in document.chapters] == ["Opening", "Closing"]


def test_slides_are_pages_with_their_notes() -> None:
    source = pptx.Presentation()
    slide = source.slides.add_slide(source.slide_layouts[1])
    slide.shapes.title.text = "Norms"
    slide.placeholders[1].text = "Listen\nAsk"
    slide.notes_slide.notes_text_frame.text = "Pause here."
    buffer = io.BytesIO()
    source.save(buffer)
    document = read_pptx(buffer.getvalue())
    assert document.pages == (Page(0, "1", "text"),)
    assert [(b.kind, b.text, b.page_index) for b in document.blocks] == [
        (HEADING, "Norms", 0),
        (ITEM, "• Listen", 0),
        (ITEM, "• Ask", 0),
        (PARAGRAPH, "Notes: Pause here.", 0),
    ]


@pytest.mark.parametrize(
    ("line", "speaker", "text"),
    [
        ("<v Ana Ruiz>Good <i>morning</i>.", "Ana Ruiz", "Good morning."),
        ("TEACHER: Sit down.", "TEACHER", "Sit down."),
        (">> Ana: And you?", "Ana", "And you?"),
        (">> And you?", "", "And you?"),
        ("Remember this: ask first.", "", "Remember this: ask first."),
        ("Note: once only.", "", "Note: once only."),
    ],
)
def test_speakers_of_captions(line: str, speaker: str, text: str) -> None:
    block = read_vtt(f"WEBVTT\n\n00:01.500 --> 00:03.000\n{line}\n".encode()).blocks[0]
    assert (block.speaker, block.text, block.start_s, block.end_s) == (speaker, text, 1.5, 3.0)


def test_faults_of_subtitles_are_read_over() -> None:
    source = (
        b"\xef\xbb\xbf1\r\n00:00:01,000 --> 00:00:02.5\r\nHello\r\n2\r\n0:00:02,5 --> 0:00:03,0\r\n1854\r\n"
    )
    blocks = read_srt(source).blocks
    assert [(b.text, b.start_s, b.end_s) for b in blocks] == [("Hello", 1.0, 2.5), ("1854", 2.5, 3.0)]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["looks at evi-", "dence"], "looks at evidence"),
        (["a well-", "known rule"], "a well-known rule"),
        (["the Anglo-", "Saxon"], "the Anglo-Saxon"),
        (["pages 3-", "5"], "pages 3- 5"),
        (["one", "two", "three"], "one two three"),
    ],
)
def test_lines_are_joined(lines: list[str], text: str) -> None:
    assert join_all(lines) == text


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        ("Chapter 2 ........ 17", "Chapter 2 … 17"),
        ("Heading.................1", "Heading … 1"),
        ("Boards . . . . . . . .. $ 8.03", "Boards … $ 8.03"),
        ("Norms \u2026\u2026\u2026\u2026\u2026\u2026 iv", "Norms … iv"),
        (". . . . . . .", ""),
        ("and so on. . . . Then", "and so on. . . . Then"),
        ("\u2026\u2026 1.2.3.4.5.6", "\u2026\u2026 1.2.3.4.5.6"),
    ],
)
def test_rows_of_dots_are_drawn_together_and_an_ellipsis_stays(printed: str, text: str) -> None:
    assert without_leaders(printed) == text


def test_each_line_of_a_printed_table_of_contents_is_a_line_and_no_heading(tmp_path: Path) -> None:
    path = tmp_path / "contents.pdf"
    drawing = canvas.Canvas(str(path), pagesize=A5)
    drawing.setFont("Helvetica-Bold", 10)
    for n, title in enumerate(("Chapter 1: Norms", "Chapter 2: Looking at Work", "Afterword")):
        drawing.drawString(50, 520 - 14 * n, title)
        end = 54 + drawing.stringWidth(title, "Helvetica-Bold", 10)
        drawing.drawString(end, 520 - 14 * n, "." * int((350 - end) / 2.78))
        drawing.drawRightString(370, 520 - 14 * n, str(9 * n + 1))
    drawing.setFont("Helvetica", 10)
    for n in range(5):
        drawing.drawString(50, 400 - 14 * n, "A team agrees on how it wants to work and looks at evidence.")
    drawing.save()
    document = extract(path, filename="contents.pdf")
    assert shapes(document)[:3] == [
        (PARAGRAPH, 0, "Chapter 1: Norms … 1"),
        (PARAGRAPH, 0, "Chapter 2: Looking at Work … 10"),
        (PARAGRAPH, 0, "Afterword … 19"),
    ]
    assert "..." not in "".join(block.text for block in document.blocks)


def test_characters_are_cleaned() -> None:
    assert clean("ﬁ\u200bnd\x07 the\u00a0 \u00adway") == "find the way"
    assert (
        clean("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645")
        == "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    )


def edge_page(index: int, *texts: str) -> PageLines:
    lines = [
        Line(index, 50, 20 + n * 560 / max(len(texts) - 1, 1), 300, 30 + n * 560, t, 10)
        for n, t in enumerate(texts)
    ]
    for n, line in enumerate(lines):
        line.y1 = line.y0 + 10
        line.baseline = line.y1
        line.x0 += n * 0.0
    return PageLines(index, 400, 600, lines)


def test_roman_numbers_and_a_hidden_number_become_labels() -> None:
    pages = [
        edge_page(n, f"Text {'abcdefgh'[n] * 3}", number)
        for n, number in enumerate(("i", "ii", "iii", "", "v", "vi"))
    ]
    for page in pages:
        page.lines = [line for line in page.lines if line.text]
    assert take_out_running_lines(pages) == {0: "i", 1: "ii", 2: "iii", 3: "iv", 4: "v", 5: "vi"}
    assert [line.text for page in pages for line in page.lines] == [
        "Text aaa",
        "Text bbb",
        "Text ccc",
        "Text ddd",
        "Text eee",
        "Text fff",
    ]


def test_numbered_titles_are_not_taken_for_headers() -> None:
    pages = [
        edge_page(n, f"Exercise {n * 3 + 2}", "middle " + "abcd"[n], "end " + "wxyz"[n]) for n in range(4)
    ]
    take_out_running_lines(pages)
    assert [page.lines[0].text for page in pages] == ["Exercise 2", "Exercise 5", "Exercise 8", "Exercise 11"]


def test_a_frame_around_running_text_is_no_table() -> None:
    assert readable([["a" * 700, "b"], ["c", "d"]]) == ""
    assert readable([["only"], ["one"], ["column"]]) == ""
    assert readable([["1", "2"], ["3", "4"]]) == "1 | 2\n3 | 4"


def test_recognised_pages_are_put_between_the_others() -> None:
    blocks = (Block(PARAGRAPH, "first", page_index=0), Block(PARAGRAPH, "third", page_index=2))
    pages = (Page(0, "", "text"), Page(1, "", "unreadable"), Page(2, "", "text"), Page(3, "", "unreadable"))
    document = ExtractedDocument("pdf", "", (), None, blocks, pages, (Chapter(1, "A", 0), Chapter(2, "B", 1)))
    whole = merged(document, {1: [Block(PARAGRAPH, "second", page_index=1)], 3: []})
    assert [block.text for block in whole.blocks] == ["first", "second", "third"]
    assert [page.text_source for page in whole.pages] == ["text", "ocr", "text", "unreadable"]
    assert [chapter.first_block for chapter in whole.chapters] == [0, 2]


def test_a_quote_that_runs_over_to_the_next_page_is_found_by_its_beginning() -> None:
    words = [
        "a",
        "team",
        "agrees",
        "on",
        "how",
        "it",
        "wants",
        "to",
        "work",
        "together",
        "before",
        "it",
        "begins",
    ]
    text = PageText([Word((n, 0, n + 1, 1), word, (0, n // 7)) for n, word in enumerate(words)])
    assert text.find("on how it wants to work together before it begins to look at evidence") == [
        (3, 0, 7, 1),
        (7, 0, 13, 1),
    ]
    assert text.find("nothing of this kind stands here") == []
