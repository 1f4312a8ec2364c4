"""Many at once: the same file, the same job, and a deletion against a reader."""

import threading
from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest
from django.core.files.storage import default_storage
from django.db import connections

from accounts.tests.factories import OrganizationFactory
from coaching.providers import registry
from knowledge import library
from knowledge.extraction import sandbox
from knowledge.ingestion import run, stages
from knowledge.ingestion.work import Work, Write
from knowledge.library import Added, Shelf
from knowledge.models import Document, DocumentVersion, IngestionStep, Passage, PassageEmbedding
from knowledge.tests.ingesting import LONG, Interrupt, InterruptedEmbedding, add, extract_long_at_once, steps

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

UPLOADS = 20
TRIALS = 200


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(OrganizationFactory.create().pk)


def all_at_once(*jobs: Callable[[], object]) -> list[BaseException]:
    """Start every job in a thread of its own at the same moment, and return what was raised."""
    gate = threading.Barrier(len(jobs))
    raised: list[BaseException] = []

    def started(job: Callable[[], object]) -> None:
        gate.wait()
        try:
            job()
        except BaseException as error:  # noqa: BLE001 -- whatever it was, the test must see it
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=started, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_twenty_uploads_of_the_same_bytes_are_one_document_read_once(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = InterruptedEmbedding(Interrupt(0, None))
    monkeypatch.setattr(registry, "embeddings", lambda: model)
    replies: list[Added] = []

    def upload() -> None:
        added = add(shelf, LONG, "long.md")
        replies.append(added)
        run.ingest(version_id=added.version.pk)

    assert all_at_once(*[upload] * UPLOADS) == []
    document = Document.objects.get()
    version = document.versions.get()
    assert {added.version.pk for added in replies} == {version.pk}
    assert sum(added.is_new for added in replies) == 1
    run.ingest(version_id=version.pk)
    version.refresh_from_db()
    assert version.state == "ready"
    assert steps(version) == dict.fromkeys(IngestionStep.Stage.values, ("done", 1))
    assert model.calls == 1
    stored = default_storage.listdir("documents")[0]
    assert stored == [str(version.pk)]


def test_one_job_delivered_five_times_has_one_effect(shelf: Shelf) -> None:
    version = add(shelf, LONG, "long.md").version

    assert all_at_once(*[partial(work, version.pk)] * 5) == []
    run.ingest(version_id=version.pk)
    assert steps(version) == dict.fromkeys(IngestionStep.Stage.values, ("done", 1))
    assert Passage.objects.count() == PassageEmbedding.objects.count() == 9


def test_deleting_wins_against_reading(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "extract", extract_long_at_once)
    order = list(IngestionStep.Stage)
    for trial in range(TRIALS):
        version = add(shelf, f"{LONG} {trial}", "long.md").version
        reached = threading.Event()
        stage = order[trial % len(order)]
        with monkeypatch.context() as patched:
            patched.setitem(stages.STAGES, stage, announcing(stage, reached))
            raised = all_at_once(partial(work, version.pk), partial(delete, version.document_id, reached))
        assert raised == []
        left = [model.objects.count() for model in (Document, DocumentVersion, Passage, PassageEmbedding)]
        assert left == [0, 0, 0, 0]


def work(version_id: UUID) -> None:
    """Read the version as a worker does."""
    run.ingest(version_id=version_id)


def delete(document_id: UUID, reached: threading.Event) -> None:
    """Delete the document when the worker has come to its stage."""
    assert reached.wait(30)
    library.delete(document_id=document_id)


def announcing(stage: IngestionStep.Stage, reached: threading.Event) -> Callable[[Work], Write]:
    """Return the stage, saying when it is reached."""
    do = stages.STAGES[stage]

    def announced(job: Work) -> Write:
        reached.set()
        return do(job)

    return announced
