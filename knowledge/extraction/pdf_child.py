"""Child process that reads a PDF."""

from pathlib import Path
from typing import Any

import orjson

from knowledge.extraction.child import Channel, serve
from knowledge.extraction.pdf_reader import read_pdf


def work(request: dict[str, Any], channel: Channel) -> None:
    """Read the PDF at `path`; the result is the document and the pages that need recognition."""
    reading = read_pdf(
        Path(request["path"]),
        most_pages=request["pages"],
        most_pixels=request["pixels"],
        on_progress=channel.progress,
    )
    channel.part(orjson.dumps([reading.pages_to_recognise, reading.pages_too_large]))
    channel.result(reading.document.to_json())


if __name__ == "__main__":
    serve(work)
