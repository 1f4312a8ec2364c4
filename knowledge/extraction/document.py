"""What extraction gives back: a document as blocks, pages and chapters, or an error with its cause."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, cast

import orjson

TextSource = Literal["text", "ocr", "unreadable"]
TEXT_SOURCES: tuple[TextSource, ...] = ("text", "ocr", "unreadable")


class Cause(StrEnum):
    """Why a file did not become a document."""

    empty = "empty"
    encrypted = "encrypted"
    malformed = "malformed"
    unsupported = "unsupported"
    wrong_type = "wrong_type"
    too_large = "too_large"
    too_many_pages = "too_many_pages"
    archive_bomb = "archive_bomb"
    image_bomb = "image_bomb"
    timeout = "timeout"
    out_of_memory = "out_of_memory"
    crashed = "crashed"
    unreadable = "unreadable"
    cancelled = "cancelled"


class ExtractionError(Exception):
    """The file did not become a document; `detail` is technical and never holds the file's words."""

    def __init__(self, cause: Cause, detail: str = "") -> None:
        super().__init__(f"{cause.value}: {detail}" if detail else cause.value)
        self.cause = cause
        self.detail = detail


class BlockKind(StrEnum):
    """What a block of text is on its page; a caption is one cue of a transcript."""

    heading = "heading"
    paragraph = "paragraph"
    list_item = "list_item"
    table = "table"
    caption = "caption"


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of text. `level` is 1-6 for headings, else 0; times are seconds from the start."""

    kind: BlockKind
    text: str
    level: int = 0
    page_index: int | None = None
    speaker: str = ""
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page: 0-based index, printed label ("iv", "12", "" when none) and where its text came from."""

    index: int
    label: str
    text_source: TextSource


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter by its 1-based order; it runs from `first_block` to the next chapter's."""

    number: int
    title: str
    first_block: int


@dataclass(frozen=True, slots=True)
class ExtractedDocument:
    """A whole document in reading order."""

    format: str
    title: str
    authors: tuple[str, ...]
    year: int | None
    blocks: tuple[Block, ...]
    pages: tuple[Page, ...]
    chapters: tuple[Chapter, ...]
    language: str = ""

    def to_json(self) -> bytes:
        """Compact UTF-8 JSON; equal documents give equal bytes."""
        return orjson.dumps(
            {
                "format": self.format,
                "title": self.title,
                "authors": self.authors,
                "year": self.year,
                "language": self.language,
                "pages": [(p.index, p.label, p.text_source) for p in self.pages],
                "chapters": [(c.number, c.title, c.first_block) for c in self.chapters],
                "blocks": [
                    (b.kind, b.text, b.level, b.page_index, b.speaker, b.start_s, b.end_s)
                    for b in self.blocks
                ],
            }
        )

    @classmethod
    def from_json(cls, data: bytes) -> "ExtractedDocument":
        """Read `to_json` back, checking every type; raises ValueError for anything else."""
        raw = orjson.loads(data)
        try:
            return cls(
                format=_text(raw["format"]),
                title=_text(raw["title"]),
                authors=tuple(_text(author) for author in raw["authors"]),
                year=_whole_or_none(raw["year"]),
                language=_text(raw["language"]),
                pages=tuple(_page(*row) for row in raw["pages"]),
                chapters=tuple(Chapter(_whole(n), _text(t), _whole(f)) for n, t, f in raw["chapters"]),
                blocks=tuple(_block(row) for row in raw["blocks"]),
            )
        except (TypeError, KeyError) as error:
            raise ValueError("not an extracted document") from error


def _page(index: Any, label: Any, source: Any) -> Page:
    if source not in TEXT_SOURCES:
        raise ValueError("unknown text source")
    return Page(_whole(index), _text(label), cast("TextSource", source))


def _block(row: list[Any]) -> Block:
    kind, text, level, page_index, speaker, start_s, end_s = row
    return Block(
        kind=BlockKind(kind),
        text=_text(text),
        level=_whole(level),
        page_index=_whole_or_none(page_index),
        speaker=_text(speaker),
        start_s=_number_or_none(start_s),
        end_s=_number_or_none(end_s),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text expected")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("whole number expected")
    return value


def _whole_or_none(value: Any) -> int | None:
    return None if value is None else _whole(value)


def _number_or_none(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError("number expected")
    return float(value)
