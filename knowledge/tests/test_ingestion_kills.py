"""A process that is killed at any point of any stage: the next one ends with the same passages."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.tests.dying import die, in_a_process_that_dies
from accounts.tests.factories import OrganizationFactory
from coaching.providers import registry
from knowledge.extraction import sandbox
from knowledge.ingestion import run, stages
from knowledge.ingestion.work import Work, Write
from knowledge.library import Shelf
from knowledge.models import DocumentVersion, IngestionStep, Passage
from knowledge.tests.ingesting import (
    LONG,
    Clock,
    Interrupt,
    InterruptedEmbedding,
    add,
    extract_long_at_once,
    passages,
    steps,
)

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

Stage = IngestionStep.Stage


def killed(stage: Stage, *, when: str) -> Callable[[Work], Write]:
    """Return the stage with a death before its work, after it, or in the middle of its transaction."""
    do = stages.STAGES[stage]

    def deadly(work: Work) -> Write:
        if when == "before":
            die()
        write = do(work)
        if when == "after":
            die()

        def deadly_write(version: DocumentVersion) -> None:
            write(version)
            die()

        return deadly_write

    return deadly


@pytest.fixture
def undisturbed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What a run that nothing disturbs makes of `LONG`."""
    monkeypatch.setattr("knowledge.ingestion.vectors.BATCH", 4)
    monkeypatch.setattr(sandbox, "extract", extract_long_at_once)
    version = add(Shelf(OrganizationFactory.create().pk), LONG, "long.md").version
    run.ingest(version_id=version.pk)
    return passages(version)


def resume(version: DocumentVersion) -> DocumentVersion:
    """Go on as the next worker does when the lease of the dead one has run out."""
    run.ingest(version_id=version.pk, clock=Clock(timezone.now() + timedelta(seconds=61)))
    version.refresh_from_db()
    return version


@pytest.mark.parametrize("when", ["before", "after", "writing"])
@pytest.mark.parametrize("stage", list(Stage))
def test_killed_at_a_stage(
    stage: Stage, when: str, undisturbed: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    if stage == Stage.EXTRACT:
        monkeypatch.undo()  # here the child process that reads the file is part of what is killed
    version = add(Shelf(OrganizationFactory.create().pk), LONG, "long.md").version

    def work() -> None:
        stages.STAGES[stage] = killed(stage, when=when)
        run.ingest(version_id=version.pk)

    in_a_process_that_dies(work)
    assert steps(version)[stage] == ("running", 1)
    assert not Passage.objects.filter(version=version, live=True).exists()
    resumed = resume(version)
    assert (resumed.state, resumed.live) == ("ready", True)
    assert passages(resumed) == undisturbed
    assert steps(resumed) == dict.fromkeys(Stage.values, ("done", 1)) | {stage: ("done", 2)}


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_killed_between_batches_keeps_what_was_indexed(
    batch: int, undisturbed: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = add(Shelf(OrganizationFactory.create().pk), LONG, "long.md").version
    asked = InterruptedEmbedding(Interrupt(0, None))

    def work() -> None:
        model = InterruptedEmbedding(Interrupt(batch, die))
        monkeypatch.setattr(registry, "embeddings", lambda: model)
        run.ingest(version_id=version.pk)

    in_a_process_that_dies(work)
    monkeypatch.setattr(registry, "embeddings", lambda: asked)
    assert passages(resume(version)) == undisturbed
    assert asked.calls == -(-len(undisturbed) // 4) - (batch - 1)
