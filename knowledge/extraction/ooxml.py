"""What must hold for the XML of any Office file before its parser may run."""

import io
import zipfile

from knowledge.extraction.document import Cause, ExtractionError

START_BYTES = 4_096
XML_ENDINGS = (".xml", ".rels")


def check_parts(data: bytes) -> None:
    """Raise ExtractionError(malformed) when a part declares a document type: the format forbids it.

    Entities that expand without end, and entities that name a file, both need such a declaration.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if not name.endswith(XML_ENDINGS):
                continue
            with archive.open(name) as part:
                start = part.read(START_BYTES)
            if b"<!DOCTYPE" in start or b"<!ENTITY" in start or b"<\x00!\x00" in start:
                raise ExtractionError(Cause.malformed, "a part declares a document type")
