"""Reads the Markdown of the demonstration into a few plain blocks that the PDF and Word pages are set from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

_CAPTION = "Table: "
_BOX = "[ ] "


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text in one style."""

    text: str
    bold: bool = False
    italic: bool = False


Line = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the title of a chapter."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; `lead` marks one that is wholly in italics and opens a chapter."""

    runs: Line
    lead: bool = False


@dataclass(frozen=True, slots=True)
class ItemList:
    """A list; `boxes` marks a checklist to tick."""

    items: tuple[Line, ...]
    ordered: bool = False
    boxes: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: its header, its rows of cells and its caption, which may be empty."""

    header: tuple[Line, ...]
    rows: tuple[tuple[Line, ...], ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Callout:
    """A worked example or a sample, set apart from the text."""

    paragraphs: tuple[Line, ...]


Block = Heading | Paragraph | ItemList | Grid | Callout


def read(path: Path) -> tuple[Block, ...]:
    """Return the blocks of a Markdown file, with captions joined to their tables."""
    tokens = MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8"))
    blocks: list[Block] = []
    for block in _blocks(tokens):
        last = blocks[-1] if blocks else None
        if isinstance(block, Paragraph) and isinstance(last, Grid) and _text(block.runs).startswith(_CAPTION):
            blocks[-1] = Grid(last.header, last.rows, _text(block.runs).removeprefix(_CAPTION))
        else:
            blocks.append(block)
    return tuple(blocks)


def plain_text(blocks: Sequence[Block]) -> str:
    """Return what a reader reads, one line for each paragraph, list item and table row."""
    return "\n".join(line for block in blocks for line in _lines(block))


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield block.text
        case Paragraph():
            yield _text(block.runs)
        case ItemList():
            yield from map(_text, block.items)
        case Callout():
            yield from map(_text, block.paragraphs)
        case Grid():
            for row in (block.header, *block.rows):
                yield " ".join(map(_text, row))
            if block.caption:
                yield block.caption


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    position = 0
    while position < len(tokens):
        opening = tokens[position]
        end = _closing(tokens, position)
        yield _block(opening, tokens[position + 1 : end])
        position = end + 1


def _closing(tokens: Sequence[Token], start: int) -> int:
    depth = 0
    for position in range(start, len(tokens)):
        depth += tokens[position].nesting
        if depth == 0:
            return position
    raise ValueError(f"unclosed {tokens[start].type}")


def _block(opening: Token, inside: Sequence[Token]) -> Block:
    lines = tuple(_runs(token) for token in inside if token.type == "inline")
    match opening.type:
        case "heading_open":
            return Heading(level=int(opening.tag[1]), text=_text(lines[0]))
        case "paragraph_open":
            return Paragraph(runs=lines[0], lead=all(run.italic for run in lines[0]))
        case "bullet_list_open" if all(_text(line).startswith(_BOX) for line in lines):
            return ItemList(items=tuple(_without_box(line) for line in lines), boxes=True)
        case "bullet_list_open" | "ordered_list_open":
            return ItemList(items=lines, ordered=opening.type == "ordered_list_open")
        case "blockquote_open":
            return Callout(paragraphs=lines)
        case "table_open":
            width = sum(token.type == "th_open" for token in inside)
            rows = tuple(lines[start : start + width] for start in range(0, len(lines), width))
            return Grid(header=rows[0], rows=rows[1:])
        case other:
            raise ValueError(f"the demonstration does not use {other}")


def _runs(inline: Token) -> Line:
    runs: list[Run] = []
    bold = italic = False
    for token in inline.children or []:
        match token.type:
            case "strong_open" | "strong_close":
                bold = token.nesting == 1
            case "em_open" | "em_close":
                italic = token.nesting == 1
            case "text" | "softbreak":
                text = token.content or " "
                if token.type == "softbreak" or token.content:
                    runs.append(Run(text, bold, italic))
            case other:
                raise ValueError(f"the demonstration does not use {other}")
    return tuple(runs)


def _without_box(line: Line) -> Line:
    first, *others = line
    return (Run(first.text.removeprefix(_BOX), first.bold, first.italic), *others)


def _text(line: Line) -> str:
    return "".join(run.text for run in line)
