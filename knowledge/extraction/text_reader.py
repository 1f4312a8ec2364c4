"""Plain text: paragraphs between empty lines."""

import re

from knowledge.extraction.cleaning import clean
from knowledge.extraction.document import Block, BlockKind, Cause, ExtractedDocument, ExtractionError

PARAGRAPH_BREAK = re.compile(r"\n\s*\n")
BULLET = re.compile(r"^(?:[-*•‣◦▪\u2013]|\(?(?:\d{1,3}|[a-z])[.)])\s+(?=\S)")


def decode(data: bytes) -> str:
    """The text of a file: by its byte order mark, else UTF-8, else Windows-1252; newlines plain."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_text(data: bytes) -> ExtractedDocument:
    """Plain text as a document; raises ExtractionError(empty) when there are no words."""
    blocks = tuple(block for part in PARAGRAPH_BREAK.split(clean(decode(data))) for block in _blocks_of(part))
    if not blocks:
        raise ExtractionError(Cause.empty, "no text")
    return ExtractedDocument("text", "", (), None, blocks, (), ())


def _blocks_of(part: str) -> list[Block]:
    """One paragraph, or one block per list item when its lines are items."""
    lines = [line.strip() for line in part.split("\n") if line.strip()]
    blocks: list[Block] = []
    for line in lines:
        if BULLET.match(line):
            blocks.append(Block(BlockKind.list_item, line))
        elif blocks:
            last = blocks.pop()
            blocks.append(Block(last.kind, f"{last.text} {line}"))
        else:
            blocks.append(Block(BlockKind.paragraph, line))
    return blocks
