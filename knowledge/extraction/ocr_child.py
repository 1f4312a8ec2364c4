"""Child process that reads the text of scanned pages with RapidOCR, whose models are in its wheel."""

import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pymupdf
from rapidocr_onnxruntime import RapidOCR

from knowledge.extraction.child import Channel, serve
from knowledge.extraction.cleaning import one_line
from knowledge.extraction.document import Block, BlockKind
from knowledge.extraction.layout import Line, PageLines, by_columns, group, join_same_baseline
from knowledge.extraction.paragraphs import looks_of, pieces_of
from knowledge.extraction.pdf_reader import open_pdf

LONGEST_SIDE = 1_600
FINEST = 200 / 72
THREADS = 1
"""A second thread reads a page little sooner, and mostly waits for the first without resting."""
LEAST_SCORE = 0.6
LEAST_LETTERS = 8
LINE_TO_SIZE = 0.8


def work(request: dict[str, Any], channel: Channel) -> None:
    """Read the pages with the given indexes; a part [index, blocks] for each as soon as it is read."""
    document = open_pdf(Path(request["path"]), request["pages"])
    # Lines that are read together are drawn out to the longest, which takes longer and loses spaces.
    engine = RapidOCR(intra_op_num_threads=THREADS, inter_op_num_threads=1, use_cls=False, rec_batch_num=1)
    wanted: list[int] = request["recognise"]
    for done, index in enumerate(wanted, start=1):
        lines = _lines(engine, document[index], index)
        channel.part(orjson.dumps([index, [(b.kind, b.text) for b in _blocks(lines)]]))
        channel.progress(done, len(wanted))
    channel.result(b"")


def _lines(engine: RapidOCR, page: pymupdf.Page, index: int) -> PageLines:
    """The recognised lines of a page, in pixels of a picture of bounded size."""
    longest = max(page.rect.width, page.rect.height, 1)
    scale = min(LONGEST_SIDE / longest, FINEST)
    matrix = pymupdf.Matrix(scale, scale)  # type: ignore[no-untyped-call]
    pixmap = page.get_pixmap(matrix=matrix, colorspace=pymupdf.csRGB, alpha=False)
    picture = np.frombuffer(pixmap.samples, dtype=np.uint8).reshape(pixmap.height, pixmap.width, 3)
    found, _ = engine(np.ascontiguousarray(picture[:, :, ::-1]))
    lines = [line for box, text, score in found or [] for line in _line(index, box, text, float(score))]
    groups = [group([line]) for line in sorted(lines, key=lambda line: (line.y0, line.x0))]
    ordered = [line for part in by_columns(groups) or groups for line in part.lines]
    return PageLines(index, pixmap.width, pixmap.height, join_same_baseline(ordered))


def _line(index: int, box: list[list[float]], text: str, score: float) -> Iterable[Line]:
    words = one_line(unicodedata.normalize("NFKC", text))
    if not words or score < LEAST_SCORE:
        return
    xs, ys = [point[0] for point in box], [point[1] for point in box]
    size = (max(ys) - min(ys)) * LINE_TO_SIZE
    yield Line(index, min(xs), min(ys), max(xs), max(ys), words, size, baseline=max(ys))


def _blocks(page: PageLines) -> list[Block]:
    """Paragraphs; sizes that recognition measures are too rough to tell headings from."""
    looks = looks_of([page])
    for line in page.lines:
        line.size = looks.size
    texts = [(piece.text, piece.is_list_item) for piece in pieces_of([page], looks)]
    if sum(char.isalnum() for text, _ in texts for char in text) < LEAST_LETTERS:
        return []
    return [Block(BlockKind.list_item if item else BlockKind.paragraph, text) for text, item in texts]


if __name__ == "__main__":
    serve(work)
