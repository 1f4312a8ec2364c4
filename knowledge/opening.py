"""A page of the version that was quoted, with the quote found in it: the same for the viewer and for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from accounts.access import NotVisible
from accounts.models import User
from knowledge import access
from knowledge.extraction.document import ExtractedDocument
from knowledge.ingestion import files
from knowledge.ingestion_errors import StageFailed
from knowledge.models import DocumentVersion, Passage
from knowledge.page_content import Leaf, Leaves, Shown, mark
from knowledge.utterances import clock


@dataclass(frozen=True, slots=True)
class Cited:
    """What was quoted: characters of a passage of a version."""

    passage: Passage
    start: int
    end: int

    @property
    def quote(self) -> str:
        """The quoted words; empty when only the passage was named."""
        return self.passage.text[self.start : self.end]

    @property
    def marked(self) -> tuple[int, int]:
        """The offsets of the quote in the document's text."""
        return self.passage.start + self.start, self.passage.start + self.end

    @property
    def query(self) -> str:
        """The part of an address that names the quote."""
        return f"passage={self.passage.pk}&from={self.start}&to={self.end}"


@dataclass(frozen=True, slots=True)
class Opened:
    """What is shown of a version at once."""

    version: DocumentVersion
    newer: DocumentVersion | None
    """The version that searches find, where that is another one."""
    blocks: Sequence[Shown]
    title: str
    leaf: Leaf | None = None
    """None where the text of the file is not there, and the passage stands alone."""
    count: int = 1
    has_pages: bool = False

    @property
    def label(self) -> str:
        """The page as it is printed, or its place."""
        return (self.leaf.label or str(self.leaf.index + 1)) if self.leaf else ""


def version_of(member: User, document_id: UUID, version_id: UUID) -> DocumentVersion:
    """Return a version that the member may open.

    Raises:
        NotVisible: there is none, it is one of another document, or the member may not read it.
    """
    version = access.readable_version(member, version_id)
    if version.document_id != document_id:
        raise NotVisible
    return version


def cited(version: DocumentVersion, passage_id: UUID, *, start: int, end: int) -> Cited | None:
    """Return the quote in a passage, as far as it is in there; none where the version has no such passage."""
    passage = version.passages.filter(pk=passage_id).first()
    if passage is None:
        return None
    start = min(start, len(passage.text))
    return Cited(passage, start, min(max(start, end), len(passage.text)))


def opened(version: DocumentVersion, quoted: Cited | None, *, index: int) -> Opened:
    """Return the page on which the quote stands, with the quote marked; without one the page of this index."""
    newer = version.document.versions.filter(live=True).exclude(pk=version.pk).first()
    document = _extracted(version)
    if document is None:
        return _passage_only(version, newer, quoted)
    leaves = Leaves(document)
    leaf = leaves.holding(quoted.marked[0]) if quoted else leaves.at(index)
    return Opened(
        version=version,
        newer=newer,
        blocks=leaves.shown(leaf, quoted.marked if quoted else (0, 0)),
        title=leaf.title,
        leaf=leaf,
        count=len(leaves.all),
        has_pages=leaves.has_pages,
    )


def _passage_only(version: DocumentVersion, newer: DocumentVersion | None, quoted: Cited | None) -> Opened:
    """Return what can be shown when the text of the file is not there: the passage itself."""
    if quoted is None:
        return Opened(version, newer, blocks=[], title="")
    passage = quoted.passage
    block = Shown(
        kind="paragraph",
        parts=mark(passage.text, quoted.start, quoted.end),
        speaker=passage.speaker,
        time=clock(passage.start_seconds),
    )
    return Opened(version, newer, blocks=[block], title=passage.chapter_title)


def _extracted(version: DocumentVersion) -> ExtractedDocument | None:
    if not version.extracted:
        return None
    try:
        return files.load_extracted(version)
    except StageFailed:
        return None
