"""Sets the handbook as a PDF: title page and contents with roman numbers, then the chapters from page 1."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import white
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    HRFlowable,
    KeepTogether,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Spacer,
    Table,
    TableStyle,
)
from reportlab.platypus import Paragraph as Setting
from reportlab.platypus.tableofcontents import TableOfContents

from demo import styles
from demo.markdown import Block, Callout, Grid, Heading, ItemList, Line, Paragraph

_PADDING = 7
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")


@dataclass(frozen=True, slots=True)
class Book:
    """What stands on the title page and in the metadata, and the chapters in order.

    A front chapter carries a roman page number and no chapter number. `kickers` are the small
    words above the titles of the numbered chapters, such as "Chapter 3".
    """

    title: str
    authors: tuple[str, ...]
    publisher: str
    edition: str
    year: int
    subject: str
    front: tuple[tuple[Block, ...], ...]
    chapters: tuple[tuple[Block, ...], ...]
    kickers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a heading on the page means to the contents, the bookmarks and the running title."""

    level: int
    text: str
    kicker: str = ""
    is_listed: bool = True


def write(book: Book, path: Path) -> None:
    """Set the book and write the same bytes each time."""
    press = _Press(book, path)
    press.multiBuild(list(_story(book, press)))


class _Ticked(Setting):  # type: ignore[misc]  # reportlab has no types
    """A line of a checklist. Its box is drawn: the standard fonts have none that is read back as a box."""

    def draw(self) -> None:
        """Draw the box before the first line, then the line."""
        side = 7
        self.canv.saveState()
        self.canv.setStrokeColor(styles.RIVER)
        self.canv.setLineWidth(0.8)
        self.canv.rect(3, self.height - self.style.fontSize - 0.5, side, side, stroke=1, fill=0)
        self.canv.restoreState()
        super().draw()


class _Press(BaseDocTemplate):  # type: ignore[misc]  # reportlab has no types
    """Numbers the pages, follows the running title and collects contents and bookmarks."""

    def __init__(self, book: Book, path: Path) -> None:
        super().__init__(
            str(path),
            pagesize=styles.PAGE_SIZE,
            invariant=1,
            title=book.title,
            author="; ".join(book.authors),
            subject=book.subject,
            creator=book.publisher,
            keywords=f"professional learning communities, {book.year}",
            leftMargin=styles.LEFT,
            rightMargin=styles.RIGHT,
            topMargin=styles.TOP,
            bottomMargin=styles.BOTTOM,
        )
        self.book = book
        self.running_title = ""
        self.opening_page = 0
        self.first_numbered_page = self.numbered_before = 0
        frame = Frame(
            styles.LEFT,
            styles.BOTTOM,
            styles.MEASURE,
            styles.PAGE_HEIGHT - styles.TOP - styles.BOTTOM,
            *(0, 0, 0, 0),
        )
        self.addPageTemplates(
            [
                PageTemplate("cover", [frame], onPage=self._cover),
                PageTemplate("front", [frame], onPageEnd=self._margins),
                PageTemplate("body", [frame], onPage=self._number, onPageEnd=self._margins),
            ]
        )

    def beforeDocument(self) -> None:  # noqa: N802  # named by reportlab
        """Forget the pass before, except where its numbered pages began: the contents need that."""
        self.running_title = ""
        self.numbered_before = self.first_numbered_page or self.numbered_before
        self.opening_page = self.first_numbered_page = 0

    def afterFlowable(self, flowable: Flowable) -> None:  # noqa: N802  # named by reportlab
        """Note each heading in the contents, the bookmarks and the running title."""
        mark = getattr(flowable, "mark", None)
        if mark is None:
            return
        key = f"h{self.page}-{mark.level}-{mark.text}"
        self.canv.bookmarkPage(key)
        if mark.level == 1:
            self.running_title, self.opening_page = mark.text, self.page
        if mark.level == 1 and mark.is_listed:
            self.notify("TOCEntry", (0, _contents_entry(mark), self.page, key))
        # Only numbered chapters are bookmarked: counting the bookmarks gives the printed number.
        if mark.kicker:
            self.canv.addOutlineEntry(mark.text, key, mark.level - 1, closed=True)

    def label(self, page: int) -> str:
        """Return the printed number of a page counted from 1."""
        first = self.first_numbered_page or self.numbered_before
        if first and page >= first:
            return str(page - first + 1)
        return _ROMAN[page - 1]

    def _cover(self, canvas: Canvas, _template: object) -> None:
        date = f"D:{self.book.year}0801090000+00'00'"
        canvas.setDateFormatter(lambda *_parts: date)
        canvas.showOutline()
        canvas.addPageLabel(0, "ROMAN_LOWER", 1)
        _river(canvas)

    def _number(self, canvas: Canvas, _template: object) -> None:
        if not self.first_numbered_page:
            self.first_numbered_page = self.page
            canvas.addPageLabel(self.page - 1, "ARABIC", 1)

    def _margins(self, canvas: Canvas, _template: object) -> None:
        right = styles.PAGE_WIDTH - styles.RIGHT
        canvas.saveState()
        canvas.setFillColor(styles.GREY)
        canvas.setFont(styles.SANS, 8.5)
        if self.page != self.opening_page:
            height = styles.PAGE_HEIGHT - 16 * mm
            canvas.drawString(styles.LEFT, height, self.book.title)
            canvas.drawRightString(right, height, self.running_title)
            canvas.setStrokeColor(styles.SHALLOW)
            canvas.setLineWidth(0.5)
            canvas.line(styles.LEFT, height - 5, right, height - 5)
        canvas.drawString(styles.LEFT, 13 * mm, self.book.publisher)
        canvas.setFont(styles.SANS_BOLD, 9)
        canvas.setFillColor(styles.RIVER)
        canvas.drawRightString(right, 13 * mm, self.label(self.page))
        canvas.restoreState()


def _river(canvas: Canvas) -> None:
    """Draw three bends of a river across the foot of the title page."""
    canvas.saveState()
    for height, colour in ((205, styles.MIST), (150, styles.SHALLOW), (92, styles.RIVER)):
        canvas.setFillColor(colour)
        bank = canvas.beginPath()
        bank.moveTo(0, 0)
        bank.lineTo(0, height)
        third = styles.PAGE_WIDTH / 3
        bank.curveTo(third, height + 70, third * 1.6, height - 75, styles.PAGE_WIDTH, height + 25)
        bank.lineTo(styles.PAGE_WIDTH, 0)
        bank.close()
        canvas.drawPath(bank, stroke=0, fill=1)
    canvas.restoreState()


def _contents_entry(mark: _Mark) -> str:
    kicker = f'<font name="Helvetica" size="9" color="#b5622a">{escape(mark.kicker)}</font>&nbsp;&nbsp; '
    return (kicker if mark.kicker else "") + escape(mark.text)


def _story(book: Book, press: _Press) -> Iterator[Flowable]:
    yield from _title_page(book)
    yield NextPageTemplate("front")
    yield PageBreak()
    yield from _contents(press)
    for blocks in book.front:
        yield PageBreak()
        yield from _chapter(blocks, kicker="", table_numbers=iter(()))
    yield NextPageTemplate("body")
    numbers = iter(range(1, 1000))
    for kicker, blocks in zip(book.kickers, book.chapters, strict=True):
        yield PageBreak()
        yield from _chapter(blocks, kicker=kicker, table_numbers=numbers)


def _title_page(book: Book) -> Iterator[Flowable]:
    yield Spacer(1, 105)
    yield HRFlowable(width=64, thickness=4, color=styles.CLAY, hAlign="LEFT", spaceAfter=20)
    yield Setting(escape(book.title), styles.COVER_TITLE)
    yield Spacer(1, 26)
    yield Setting(escape(" · ".join(book.authors)), styles.COVER_LINE)
    yield Setting(escape(f"{book.publisher} · {book.edition}, {book.year}"), styles.COVER_LINE)


def _contents(press: _Press) -> Iterator[Flowable]:
    title = Setting("Contents", styles.CHAPTER)
    title.mark = _Mark(level=1, text="Contents", is_listed=False)
    yield title
    yield HRFlowable(width="100%", thickness=0.8, color=styles.SHALLOW, spaceAfter=18)
    yield TableOfContents(dotsMinLevel=0, levelStyles=[styles.CONTENTS_LINE], formatter=press.label)


def _chapter(blocks: Sequence[Block], *, kicker: str, table_numbers: Iterator[int]) -> Iterator[Flowable]:
    for position, block in enumerate(blocks):
        following = blocks[position + 1] if position + 1 < len(blocks) else None
        match block:
            case Heading():
                yield from _heading(block, kicker)
            case Paragraph():
                yield _paragraph(block, following)
            case ItemList():
                yield from _items(block)
            case Grid():
                yield _grid(block, table_numbers)
            case Callout():
                yield _callout(block)


def _heading(heading: Heading, kicker: str) -> Iterator[Flowable]:
    is_title = heading.level == 1
    if is_title and kicker:
        yield Setting(escape(kicker.upper()), styles.KICKER)
    title = Setting(escape(heading.text), styles.CHAPTER if is_title else styles.SECTION)
    title.mark = _Mark(level=heading.level, text=heading.text, kicker=kicker)
    yield title


def _paragraph(paragraph: Paragraph, following: Block | None) -> Flowable:
    if paragraph.lead:
        return Setting(_markup(paragraph.runs), styles.SUMMARY)
    leads_on = isinstance(following, ItemList | Grid | Callout)
    return Setting(_markup(paragraph.runs), styles.LEAD_IN if leads_on else styles.BODY)


def _items(block: ItemList) -> Iterator[Flowable]:
    for number, line in enumerate(block.items, start=1):
        style = styles.LAST_ITEM if number == len(block.items) else styles.ITEM
        if block.boxes:
            yield _Ticked(_markup(line), style)
            continue
        if block.ordered:
            bullet = (
                f'<bullet><font name="Helvetica-Bold" size="9.5" color="#1d4e5f">{number}.</font></bullet>'
            )
        else:
            bullet = '<bullet><font color="#b5622a">\N{BULLET}</font></bullet>'
        yield Setting(bullet + _markup(line), style)


def _grid(block: Grid, numbers: Iterator[int]) -> Flowable:
    cells = [[Setting(_markup(line), styles.HEAD_CELL) for line in block.header]]
    cells += [[Setting(_markup(line), styles.CELL) for line in row] for row in block.rows]
    table = Table(cells, colWidths=_widths(block), repeatRows=1, spaceBefore=5, spaceAfter=4)
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), styles.RIVER),
                ("ROWBACKGROUNDS", (0, 1), (-1, -1), (white, styles.MIST)),
                ("LINEBELOW", (0, -1), (-1, -1), 0.8, styles.RIVER),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), _PADDING),
                ("RIGHTPADDING", (0, 0), (-1, -1), _PADDING),
                ("TOPPADDING", (0, 0), (-1, -1), 3.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 4.5),
            ]
        )
    )
    caption = Setting(escape(f"Table {next(numbers)}. {block.caption}"), styles.CAPTION)
    return KeepTogether([table, caption])


def _widths(block: Grid) -> list[float]:
    """Return column widths that hold the longest word and share the rest by the amount of text."""
    columns = [["".join(run.text for run in line) for line in column] for column in _columns(block)]
    least = [
        max(stringWidth(word, styles.SANS_BOLD, 9) for cell in column for word in cell.split() or [""])
        + 2 * _PADDING
        + 1
        for column in columns
    ]
    amount = [max(10.0, sum(map(len, column)) / len(column)) for column in columns]
    rest = styles.MEASURE - sum(least)
    return [width + rest * share / sum(amount) for width, share in zip(least, amount, strict=True)]


def _columns(block: Grid) -> list[tuple[Line, ...]]:
    return list(zip(block.header, *block.rows, strict=True))


def _callout(block: Callout) -> Flowable:
    rows: list[list[Any]] = [[Setting(_markup(line), styles.CALLOUT)] for line in block.paragraphs]
    box = Table(rows, colWidths=[styles.MEASURE], spaceBefore=7, spaceAfter=11)
    box.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), styles.MIST),
                ("LINEBEFORE", (0, 0), (0, -1), 3, styles.CLAY),
                ("LEFTPADDING", (0, 0), (-1, -1), 13),
                ("RIGHTPADDING", (0, 0), (-1, -1), 12),
                ("TOPPADDING", (0, 0), (-1, -1), 2.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
                ("TOPPADDING", (0, 0), (-1, 0), 8),
                ("BOTTOMPADDING", (0, -1), (-1, -1), 10),
            ]
        )
    )
    return KeepTogether([box])


def _markup(line: Line) -> str:
    """Return the line in reportlab's little markup language."""
    pieces = []
    for run in line:
        text = escape(run.text)
        text = f"<i>{text}</i>" if run.italic else text
        pieces.append(f"<b>{text}</b>" if run.bold else text)
    return "".join(pieces)
