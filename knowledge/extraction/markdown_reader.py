"""Markdown with markdown-it: the token stream as blocks."""

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowledge.extraction.cleaning import clean, one_line
from knowledge.extraction.document import Block, BlockKind, Cause, ExtractedDocument, ExtractionError
from knowledge.extraction.structure import chapters_from_headings
from knowledge.extraction.tables import readable
from knowledge.extraction.text_reader import decode

FRONT_MATTER = re.compile(r"\A---\n(.*?)\n(?:---|\.\.\.)\n", re.DOTALL)
FIELD = re.compile(r"^(title|author|lang|language):\s*[\"']?(.+?)[\"']?\s*$", re.MULTILINE | re.IGNORECASE)
TAG = re.compile(r"<[^>]{0,2000}>")
HIDDEN = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.DOTALL | re.IGNORECASE)
SHOWN = frozenset({"text", "code_inline", "image", "text_special"})


def read_markdown(data: bytes) -> ExtractedDocument:
    """Markdown as a document; raises ExtractionError(empty) when there are no words."""
    text = decode(data)
    front = FRONT_MATTER.match(text)
    fields = {name.lower(): value for name, value in FIELD.findall(front[1])} if front else {}
    tokens = MarkdownIt("commonmark").enable("table").parse(text[front.end() :] if front else text)
    blocks = [block for block in _blocks(tokens) if block.text.strip()]
    if not blocks:
        raise ExtractionError(Cause.empty, "no text")
    headings = [block.text for block in blocks if block.kind is BlockKind.heading]
    return ExtractedDocument(
        format="markdown",
        title=one_line(fields.get("title", headings[0] if headings else ""))[:300],
        authors=(one_line(fields["author"]),) if "author" in fields else (),
        year=None,
        blocks=tuple(blocks),
        pages=(),
        chapters=tuple(chapters_from_headings(blocks)),
        language=fields.get("lang", fields.get("language", ""))[:12],
    )


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:  # noqa: C901 - one branch per token type
    marks: list[str] = []
    rows: list[list[str]] = []
    level = 0
    for token in tokens:
        if token.type == "heading_open":
            level = int(token.tag[1])
        elif token.type == "list_item_open":
            marks.append(f"{token.info}{token.markup} " if token.info else "• ")
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            yield from _inline(token, level, marks, rows)
            level = 0
        elif token.type in {"fence", "code_block"}:
            yield Block(BlockKind.paragraph, clean(token.content).strip())
        elif token.type == "html_block":
            yield Block(BlockKind.paragraph, one_line(TAG.sub(" ", HIDDEN.sub(" ", token.content))))
        elif token.type == "table_close":
            yield Block(BlockKind.table, readable(rows))
            rows = []


def _inline(token: Token, level: int, marks: list[str], rows: list[list[str]]) -> Iterator[Block]:
    """One inline token as a heading, a table cell, a list item or a paragraph."""
    text = one_line(_plain(token.children or []))
    if rows:
        rows[-1].append(text)
    elif level:
        yield Block(BlockKind.heading, text, level=level)
    elif marks:
        yield Block(BlockKind.list_item, marks[-1] + text)
        marks.clear()
    else:
        yield Block(BlockKind.paragraph, text)


def _plain(children: Sequence[Token]) -> str:
    return "".join(
        child.content if child.type in SHOWN else " " if child.type in {"softbreak", "hardbreak"} else ""
        for child in children
    )
