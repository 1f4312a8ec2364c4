"""What the library page shows of each document: its latest version, how far it is, and what to do next."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from django.db.models import Count, Prefetch, QuerySet

from accounts.access import NotVisible
from accounts.models import User
from knowledge import access
from knowledge.ingestion.ledger import STAGES, UNFINISHED
from knowledge.ingestion_errors import Explanation, explain, notice_text
from knowledge.models import Document, DocumentVersion, IngestionStep, Passage

State = DocumentVersion.State


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a version is: the stage, how much of it, and a percentage over all stages."""

    label: str
    detail: str
    percent: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One document of the library."""

    document: Document
    latest: DocumentVersion
    live: DocumentVersion | None
    passages: int
    may_change: bool

    @property
    def is_busy(self) -> bool:
        """Whether the latest version is still waiting or being read."""
        return self.latest.state in UNFINISHED

    @property
    def can_retry(self) -> bool:
        """Whether the latest version was given up and could be tried again."""
        return self.latest.state in {State.FAILED, State.CANCELLED}

    @property
    def progress(self) -> Progress:
        """How far the latest version is."""
        return progress_of(list(self.latest.steps.all()))

    @property
    def explanation(self) -> Explanation | None:
        """Why the latest version failed, and the next step."""
        return explain(self.latest.cause, self.latest.failed_stage) if self.latest.cause else None

    @property
    def notices(self) -> list[str]:
        """What a reader of the latest version should know."""
        return [notice_text(notice) for notice in self.latest.notices]

    @property
    def older_is_live(self) -> bool:
        """Whether searches still find an earlier version."""
        return self.live is not None and self.live.pk != self.latest.pk


def progress_of(steps: Sequence[IngestionStep]) -> Progress:
    """Return how far a version is, from its steps."""
    left = {step.stage: step for step in steps if step.state != IngestionStep.State.DONE}
    current = next((left[stage] for stage in STAGES if stage in left), None)
    if current is None:
        return Progress("Ready", "", 100)
    done = len(STAGES) - len(left)
    share = current.done_units / current.total_units if current.total_units else 0.0
    percent = int(100 * (done + min(share, 1.0)) / len(STAGES))
    detail = f"{current.done_units} of {current.total_units}" if current.total_units else ""
    if current.state == IngestionStep.State.WAITING:
        waiting = "Waiting for its turn" if not current.attempts else "Waiting for another try"
        return Progress(waiting, "", percent)
    return Progress(current.get_stage_display(), detail, percent)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Passages that begin on one page, to be read beside it; `page_index` is none where there are no pages."""

    page_index: int | None
    label: str
    passages: tuple[Passage, ...]


def sheets(passages: Iterable[Passage]) -> list[Sheet]:
    """Return passages, in their order, by the page on which they begin."""
    by_page = [(index, tuple(found)) for index, found in groupby(passages, key=attrgetter("page_index"))]
    return [Sheet(index, _label(found[0]), found) for index, found in by_page]


def _label(first: Passage) -> str:
    """Return a page as it is printed, else as it is counted."""
    return first.page_label or str((first.page_index or 0) + 1)


def entries(member: User, documents: QuerySet[Document] | None = None) -> list[Entry]:
    """Return what the member may see, or `documents` of it, the newest first; three queries and one for rights."""
    found = access.readable_documents(member) if documents is None else documents
    versions = (
        DocumentVersion.objects.annotate(passage_total=Count("passages"))
        .prefetch_related("steps")
        .order_by("-number")
    )
    listed = list(
        found.select_related("coach", "added_by")
        .prefetch_related(Prefetch("versions", queryset=versions))
        .order_by("-created_at")
    )
    writable = set(
        access.writable_documents(member)
        .filter(pk__in=[document.pk for document in listed])
        .values_list("pk", flat=True)
    )
    return [_entry(document, may_change=document.pk in writable) for document in listed]


def entry(member: User, document_id: UUID) -> Entry:
    """Return one document as the member sees it; the caller has passed the gate."""
    (only,) = entries(member, Document.objects.filter(pk=document_id))
    return only


def _entry(document: Document, *, may_change: bool) -> Entry:
    versions = list(document.versions.all())
    latest = versions[0]
    live = next((version for version in versions if version.live), None)
    return Entry(document, latest, live, getattr(live or latest, "passage_total", 0), may_change)


def version_of(entry: Entry, number: int | None) -> DocumentVersion:
    """Return the version with this number; without one that which searches find, else the latest.

    Raises:
        NotVisible: there is no such version.
    """
    if number is None:
        return entry.live or entry.latest
    found = next((each for each in entry.document.versions.all() if each.number == number), None)
    if found is None:
        raise NotVisible
    return found


def preview(version: DocumentVersion) -> QuerySet[Passage]:
    """Return the passages of a version in their order."""
    return version.passages.order_by("ordinal").only(
        "id", "version_id", "ordinal", "text", "page_index", "page_label", "page_label_end", "heading_path",
        "domains", "token_count", "speaker", "start_seconds", "utterances",
    )  # fmt: skip
