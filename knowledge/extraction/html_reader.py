"""HTML with lxml: text blocks in document order, without scripts, styles and navigation."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree, html

from knowledge.extraction.cleaning import one_line
from knowledge.extraction.document import Block, BlockKind, Cause, ExtractedDocument, ExtractionError
from knowledge.extraction.structure import chapters_from_headings
from knowledge.extraction.tables import readable

SKIPPED = frozenset(
    [
        "script",
        "style",
        "nav",
        "noscript",
        "template",
        "svg",
        "math",
        "iframe",
        "object",
        "canvas",
        "head",
        "button",
        "select",
        "datalist",
    ]
)
LONGEST_NUMBER = 6
"""Digits of the number with which a list may begin."""
HEADINGS = {f"h{level}": level for level in range(1, 7)}
BREAKING = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "header",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    ]
) | frozenset(HEADINGS)


@dataclass(slots=True)
class Collector:
    """Gathers running text until an element breaks the line."""

    blocks: list[Block] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    kind: BlockKind = BlockKind.paragraph
    level: int = 0
    counts: list[int | None] = field(default_factory=list)
    """The last number of each list that is open, none of one without numbers."""
    mark: str = ""
    """What the next words begin with, as the first of an item."""

    def add(self, text: str | None) -> None:
        """Take running text."""
        if text:
            self.words.append(text)

    def finish(self) -> None:
        """End the block; without words there is none."""
        text = one_line("".join(self.words))
        self.words.clear()
        if text and self.mark and not self.level:
            self.blocks.append(Block(BlockKind.list_item, self.mark + text))
            self.mark = ""
        elif text:
            self.blocks.append(Block(self.kind, text, level=self.level))

    def begin(self, tag: str) -> None:
        """Start the block of an element."""
        self.finish()
        self.level = HEADINGS.get(tag, 0)
        self.kind = BlockKind.heading if self.level else BlockKind.paragraph

    def open_list(self, *, first: int | None) -> None:
        """Begin a list, with the number of its first item if it has numbers."""
        self.counts.append(None if first is None else first - 1)

    def close_list(self) -> None:
        """End the innermost list."""
        if self.counts:
            self.counts.pop()

    def begin_item(self) -> None:
        """Begin an item of the innermost list."""
        count = self.counts[-1] if self.counts else None
        if count is None:
            self.mark = "• "
            return
        self.counts[-1] = count + 1
        self.mark = f"{count + 1}. "


def read_html(data: bytes) -> ExtractedDocument:
    """A page as a document; raises ExtractionError(empty) when it shows no text."""
    root = parse(data)
    blocks = blocks_of_html(root)
    if not blocks:
        raise ExtractionError(Cause.empty, "no text")
    headings = [block.text for block in blocks if block.kind is BlockKind.heading]
    title = one_line(root.findtext(".//title") or "") or (headings[0] if headings else "")
    author = root.xpath("string(//meta[translate(@name, 'AUTHOR', 'author')='author']/@content)")
    return ExtractedDocument(
        format="html",
        title=title[:300],
        authors=(one_line(str(author)),) if author else (),
        year=None,
        blocks=tuple(blocks),
        pages=(),
        chapters=tuple(chapters_from_headings(blocks)),
        language=one_line(root.get("lang") or "")[:12],
    )


def parse(data: bytes) -> etree._Element:
    """The element tree of a page; entities of its own and the network stay closed."""
    try:
        data.decode("utf-8")
        encoding: str | None = "utf-8"
    except UnicodeDecodeError:
        encoding = None
    parser = html.HTMLParser(encoding=encoding, no_network=True, remove_comments=True, remove_pis=True)
    try:
        return html.document_fromstring(data, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        raise ExtractionError(Cause.malformed, "no HTML") from error


def blocks_of_html(root: etree._Element) -> list[Block]:
    """Blocks in document order; walks with a stack of the parser's own, however deep the page is."""
    collector = Collector()
    walker = etree.iterwalk(root, events=("start", "end"))
    for event, element in walker:
        tag = element.tag if isinstance(element.tag, str) else ""
        if event == "end":
            _leave(collector, tag, element)
        elif tag in SKIPPED or not tag:
            walker.skip_subtree()
        elif tag == "table" and element.find(".//table") is None:
            _add_table(collector, element)
            walker.skip_subtree()
        else:
            _enter(collector, tag, element)
    collector.finish()
    return collector.blocks


def _enter(collector: Collector, tag: str, element: etree._Element) -> None:
    if tag in BREAKING:
        collector.begin(tag)
        if tag in {"ol", "ul"}:
            collector.open_list(first=_first_number(element) if tag == "ol" else None)
        elif tag == "li":
            collector.begin_item()
    elif tag == "br":
        collector.add(" ")
    elif tag in {"input", "textarea"}:
        return
    collector.add(element.text)


def _leave(collector: Collector, tag: str, element: etree._Element) -> None:
    if tag in BREAKING:
        collector.finish()
        collector.kind, collector.level = BlockKind.paragraph, 0
        if tag in {"ol", "ul"}:
            collector.close_list()
        elif tag == "li":
            collector.mark = ""
    collector.add(element.tail)


def _first_number(numbered: etree._Element) -> int:
    start = numbered.get("start", "")
    return int(start) if start.isdecimal() and len(start) <= LONGEST_NUMBER else 1


def _add_table(collector: Collector, table: etree._Element) -> None:
    collector.finish()
    rows = [
        [one_line(_shown_text(cell)) for cell in row.iterchildren("td", "th")] for row in table.iter("tr")
    ]
    width = max((len(row) for row in rows), default=0)
    padded = [row + [""] * (width - len(row)) for row in rows]
    text = readable(padded)
    if text:
        collector.blocks.append(Block(BlockKind.table, text))
        return
    for row in rows:
        for cell in row:
            collector.add(cell)
            collector.finish()


def _shown_text(cell: etree._Element) -> str:
    return " ".join(_texts(cell))


def _texts(cell: etree._Element) -> Iterator[str]:
    for element in cell.iter():
        if element.tag not in SKIPPED and element.text:
            yield element.text
        if element is not cell and element.tail:
            yield element.tail
