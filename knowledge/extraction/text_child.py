"""Child process that reads the formats without pages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from knowledge.extraction.captions_reader import read_srt, read_vtt
from knowledge.extraction.child import Channel, serve
from knowledge.extraction.document import ExtractedDocument
from knowledge.extraction.docx_reader import read_docx
from knowledge.extraction.epub_reader import read_epub
from knowledge.extraction.html_reader import read_html
from knowledge.extraction.markdown_reader import read_markdown
from knowledge.extraction.pptx_reader import read_pptx
from knowledge.extraction.text_reader import read_text

READERS: dict[str, Callable[[bytes], ExtractedDocument]] = {
    "text": read_text,
    "markdown": read_markdown,
    "html": read_html,
    "vtt": read_vtt,
    "srt": read_srt,
    "docx": read_docx,
    "pptx": read_pptx,
    "epub": read_epub,
}


def work(request: dict[str, Any], channel: Channel) -> None:
    """Read the file at `path` with the reader of its format."""
    document = READERS[request["format"]](Path(request["path"]).read_bytes())
    channel.progress(1, 1)
    channel.result(document.to_json())


if __name__ == "__main__":
    serve(work)
