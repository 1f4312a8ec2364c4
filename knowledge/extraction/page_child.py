"""Child process that draws one page of a PDF and finds quotes on it."""

from pathlib import Path
from typing import Any

import orjson
import pymupdf

from knowledge.extraction.child import Channel, serve
from knowledge.extraction.document import Cause, ExtractionError
from knowledge.extraction.pages import PageText, Word
from knowledge.extraction.pdf_reader import largest_image, open_pdf

HIGHEST = 8_000
WORD_FLAGS = pymupdf.TEXT_MEDIABOX_CLIP


def work(request: dict[str, Any], channel: Channel) -> None:
    """Draw page `page_index`, `width` pixels wide; a part with sizes and places, then the PNG."""
    document = open_pdf(Path(request["path"]), request["pages"])
    index = request["page_index"]
    if not 0 <= index < document.page_count:
        raise ExtractionError(Cause.malformed, "no such page")
    if largest_image(document, index) > request["pixels"]:
        raise ExtractionError(Cause.image_bomb, "image of too many pixels")
    page = document[index]
    scale = min(request["width"] / max(page.rect.width, 1), HIGHEST / max(page.rect.height, 1))
    matrix = pymupdf.Matrix(scale, scale)  # type: ignore[no-untyped-call]
    pixmap = page.get_pixmap(matrix=matrix, alpha=False)
    places = [_relative(page, boxes) for boxes in _find(page, request["quotes"])]
    channel.part(orjson.dumps([pixmap.width, pixmap.height, places]))
    channel.result(pixmap.tobytes("png"))


def _find(page: pymupdf.Page, quotes: list[str]) -> list[list[tuple[float, float, float, float]]]:
    if not quotes:
        return []
    rows = page.get_text("words", flags=WORD_FLAGS)  # type: ignore[no-untyped-call]
    words = [Word((x0, y0, x1, y1), text, (block, line)) for x0, y0, x1, y1, text, block, line, _ in rows]
    text = PageText(words)
    return [text.find(quote) for quote in quotes]


def _relative(page: pymupdf.Page, boxes: list[tuple[float, float, float, float]]) -> list[list[float]]:
    width, height = max(page.rect.width, 1), max(page.rect.height, 1)
    return [
        [round(min(max(value, 0.0), 1.0), 5) for value in (x0 / width, y0 / height, x1 / width, y1 / height)]
        for x0, y0, x1, y1 in boxes
    ]


if __name__ == "__main__":
    serve(work)
