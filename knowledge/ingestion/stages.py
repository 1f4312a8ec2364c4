"""The stages of ingestion, top to bottom: each reads, computes, and returns what is to be written at its end.

A stage may be killed at any point and done again: what it returns depends only on what the stages before
it wrote, and it is applied in the transaction that marks the stage as done.
"""

from collections.abc import Callable
from functools import cache
from typing import Protocol

from asgiref.sync import async_to_sync
from django.utils.module_loading import import_string

from coaching.providers.minilm_tokenizer import TextTokenizer
from knowledge import domains, tagging
from knowledge.domains import Vectors
from knowledge.extraction import sandbox
from knowledge.extraction.document import Cause, ExtractedDocument
from knowledge.ingestion import files, publishing, structure, vectors
from knowledge.ingestion.ledger import Stopped
from knowledge.ingestion.work import Work, Write
from knowledge.ingestion_errors import StageFailed
from knowledge.library_titles import title_from
from knowledge.models import DocumentVersion, IngestionStep, Passage
from knowledge.passage_drafts import PassageDraft

Stage = IngestionStep.Stage

SPLITTER = "knowledge.splitting.split"
"""By its path, like a provider: the web process loads this module to nudge, and has no use for LangChain."""
HEADINGS_BETWEEN = " > "
MOST_SPEAKERS = 300
"""Characters of the names of those who speak in a passage."""


def extract(work: Work) -> Write:
    """Read the file in a confined child process and keep its text with the structure."""
    with files.source_path(work.version) as path:
        document = sandbox.extract(
            path, filename=work.version.filename, on_progress=work.progress, cancelled=work.cancelled
        )
    name = files.store_extracted(work.version, Stage.EXTRACT.value, document)

    def write(version: DocumentVersion) -> None:
        version.extracted, version.file_format = name, document.format[:12]
        version.save(update_fields=["extracted", "file_format"])

    return write


def clean(work: Work) -> Write:
    """Take out what the database cannot keep."""
    document = files.load_extracted(work.version)
    cleaned = structure.clean(document)
    name = work.version.extracted.name
    if cleaned is not document:
        name = files.store_extracted(work.version, Stage.CLEAN.value, cleaned)

    def write(version: DocumentVersion) -> None:
        version.extracted = name
        version.save(update_fields=["extracted"])

    return write


def find_structure(work: Work) -> Write:
    """Check chapters and pages, and learn what the file says about itself."""
    document = files.load_extracted(work.version)
    structure.check(document)

    def write(version: DocumentVersion) -> None:
        version.page_count = len(document.pages) or None
        version.page_labels = [page.label for page in document.pages]
        version.notices = structure.notices(document)
        version.save(update_fields=["page_count", "page_labels", "notices"])
        known = version.document
        title = structure.own_title(document)
        if title and known.title == title_from(version.filename):
            known.title = title
        known.authors = known.authors or list(document.authors)
        known.year = known.year or document.year
        known.save(update_fields=["title", "authors", "year"])

    return write


def split_text(work: Work) -> Write:
    """Cut the text into passages."""
    split: Split = import_string(SPLITTER)
    tokenizer = _tokenizer()

    def count_tokens(text: str) -> int:
        # A long book takes minutes, and the splitter knows nothing of leases or of somebody who presses Stop.
        if work.cancelled():
            raise Stopped
        return tokenizer.count_tokens(text)

    drafts = split(files.load_extracted(work.version), count_tokens=count_tokens)
    if not drafts:
        raise StageFailed(Cause.empty)
    work.progress(len(drafts), len(drafts))

    def write(version: DocumentVersion) -> None:
        version.passages.all().delete()
        Passage.objects.bulk_create([_passage(version, draft) for draft in drafts], batch_size=500)

    return write


def tag(work: Work) -> Write:
    """Find the domains of each passage, or take the ones that a person chose.

    Tags are read off the vectors of the passages, which are kept, so that no text is embedded twice.
    """
    if work.version.document.chosen_domains:
        return _write_chosen_domains
    model, space = vectors.current()
    known = async_to_sync(domains.embed_domains)(model, domains.domain_texts())

    def write_tags(passages: list[Passage], found: Vectors) -> None:
        for passage, names in zip(passages, tagging.tags(found, known), strict=True):
            passage.domains = names
        Passage.objects.bulk_update(passages, ["domains"])

    vectors.embed_missing(work, model, space, write_tags)
    return _write_chosen_domains


def _write_chosen_domains(version: DocumentVersion) -> None:
    """Whatever the texts say, a person's choice wins, also one made while the stage ran."""
    if version.document.chosen_domains:
        version.passages.update(domains=version.document.chosen_domains)


def embed(work: Work) -> Write:
    """Make the vectors that are still missing in the active space."""
    vectors.embed_missing(work, *vectors.current())
    return _write_nothing


def _write_nothing(_version: DocumentVersion) -> None:
    """All that this stage had to say is written."""


def publish(work: Work) -> Write:
    """Let searches find the new version, and no longer the old one."""
    _, space = vectors.current()

    def write(version: DocumentVersion) -> None:
        publishing.publish(version, space=space, now=work.clock())

    return write


class Split(Protocol):
    """What cuts a document into passages."""

    def __call__(
        self, document: ExtractedDocument, *, count_tokens: Callable[[str], int]
    ) -> list[PassageDraft]:
        """Cut `document` into passages."""
        ...


STAGES: dict[IngestionStep.Stage, Callable[[Work], Write]] = {
    Stage.EXTRACT: extract,
    Stage.CLEAN: clean,
    Stage.STRUCTURE: find_structure,
    Stage.SPLIT: split_text,
    Stage.TAG: tag,
    Stage.EMBED: embed,
    Stage.PUBLISH: publish,
}


@cache
def _tokenizer() -> TextTokenizer:
    return TextTokenizer()


def _passage(version: DocumentVersion, draft: PassageDraft) -> Passage:
    headings = [heading[:300] for heading in draft.headings]
    # Who speaks is asked for, too, and stands in no text.
    path = list(filter(None, [draft.chapter_title, *headings, draft.speaker[:MOST_SPEAKERS]]))
    return Passage(
        version=version,
        organization_id=version.organization_id,
        coach_id=version.coach_id,
        ordinal=draft.ordinal,
        chapter_number=draft.chapter_number,
        chapter_title=draft.chapter_title[:300],
        headings=headings,
        heading_path=HEADINGS_BETWEEN.join(path),
        page_index=draft.page_index,
        page_index_end=draft.page_index_end,
        page_offsets=list(draft.page_offsets),
        page_label=draft.page_label[:20],
        page_label_end=draft.page_label_end[:20],
        start=draft.start,
        end=draft.end,
        text=draft.text,
        token_count=draft.token_count,
        speaker=draft.speaker[:120],
        start_seconds=draft.start_seconds,
        end_seconds=draft.end_seconds,
        utterances=list(draft.utterances),
    )
