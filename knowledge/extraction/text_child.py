"""Child process that reads the formats without pages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from knowledge.extraction.child import Channel, serve
from knowledge.extraction.document import ExtractedDocument
from knowledge.extraction.text_reader import read_text

READERS: dict[str, Callable[[bytes], ExtractedDocument]] = {
    "text": read_text,
}


def work(request: dict[str, Any], channel: Channel) -> None:
    """Read the file at `path` with the reader of its format."""
    document = READERS[request["format"]](Path(request["path"]).read_bytes())
    channel.progress(1, 1)
    channel.result(document.to_json())


if __name__ == "__main__":
    serve(work)
