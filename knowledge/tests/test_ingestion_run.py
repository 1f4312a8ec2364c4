"""Stages, attempts, leases: what the rows say after each kind of ending."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from prometheus_client import REGISTRY

from accounts.tests.cast import House
from coaching.providers import registry
from coaching.providers.ports import EmbeddingModel, ProviderUnavailable
from coaching.providers.scripted import ScriptedEmbedding
from knowledge import library
from knowledge.ingestion import files, ledger, run, sweep
from knowledge.library import Shelf
from knowledge.models import DocumentVersion, EmbeddingSpace, IngestionStep, Passage, PassageEmbedding
from knowledge.tests.ingesting import (
    BOOK,
    CHANGED,
    LONG,
    NOW,
    Clock,
    Interrupt,
    InterruptedEmbedding,
    add,
    passages,
    steps,
)

Stage = IngestionStep.Stage
State = DocumentVersion.State
ALL_DONE = dict.fromkeys(Stage.values, ("done", 1))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shelf(home: House) -> Shelf:
    return Shelf(home.organization.pk)


def embed_with(monkeypatch: pytest.MonkeyPatch, model: EmbeddingModel) -> None:
    monkeypatch.setattr(registry, "embeddings", lambda: model)


def replace(version: DocumentVersion, text: str = BOOK) -> DocumentVersion:
    content = ContentFile(text.encode())
    added = library.replace(
        document_id=version.document_id, filename="book.md", content=content, now=NOW, start=False
    )
    return added.version


def counted(stage: str, ended: str) -> float:
    """Return how many attempts at a stage of this process ended so."""
    labels = {"stage": stage, "ended": ended}
    return REGISTRY.get_sample_value("sideline_ingestion_stages_total", labels) or 0.0


def ingest(version: DocumentVersion, clock: Clock) -> DocumentVersion:
    run.ingest(version_id=version.pk, clock=clock)
    version.refresh_from_db()
    return version


class TestIngest:
    def test_takes_a_file_to_live_passages(self, shelf: Shelf, clock: Clock) -> None:
        version = ingest(add(shelf).version, clock)
        assert (version.state, version.live, version.file_format) == ("ready", True, "markdown")
        assert steps(version) == ALL_DONE
        first, second = Passage.objects.filter(version=version).order_by("ordinal")
        assert (first.text, first.heading_path) == ("Trust\n\nTrust grows from small promises kept.", "Trust")
        assert (second.chapter_number, second.chapter_title) == (2, "Data")
        assert (first.live, first.organization_id, first.coach_id) == (True, shelf.organization_id, None)
        vectors = PassageEmbedding.objects.filter(passage__version=version)
        assert [row.live for row in vectors] == [True, True]
        assert EmbeddingSpace.objects.get().state == "active"

    def test_a_second_time_changes_nothing(self, shelf: Shelf, clock: Clock) -> None:
        version = ingest(add(shelf).version, clock)
        before = (passages(version), steps(version))
        assert (passages(ingest(version, clock)), steps(version)) == before

    def test_a_file_that_cannot_be_read_fails_at_once_with_its_cause(
        self, shelf: Shelf, clock: Clock
    ) -> None:
        version = ingest(add(shelf, b"%PDF-1.7 nothing in here", "broken.pdf").version, clock)
        assert (version.state, version.failed_stage, version.cause) == ("failed", "extract", "malformed")
        assert steps(version)["extract"] == ("failed", 1)
        assert Passage.objects.count() == 0

    def test_each_attempt_at_a_stage_is_counted_and_timed(self, shelf: Shelf, clock: Clock) -> None:
        before = counted("split", "done"), counted("extract", "failed")
        ingest(add(shelf).version, clock)
        ingest(add(shelf, b"%PDF-1.7 nothing in here", "broken.pdf").version, clock)
        assert (counted("split", "done"), counted("extract", "failed")) == (before[0] + 1, before[1] + 1)
        timed = REGISTRY.get_sample_value("sideline_ingestion_stage_seconds_count", {"stage": "publish"})
        assert timed == counted("publish", "done") + counted("publish", "failed")

    def test_the_title_comes_from_the_file_unless_a_person_gave_one(self, shelf: Shelf, clock: Clock) -> None:
        page = "<html><head><title>On trust</title></head><body><h1>On trust</h1><p>Keep promises.</p></body></html>"
        version = ingest(add(shelf, page, "page_1.html").version, clock)
        version.document.refresh_from_db()
        assert version.document.title == "On trust"

    def test_chosen_domains_win_over_the_text(self, shelf: Shelf, clock: Clock) -> None:
        version = add(shelf).version
        version.document.chosen_domains = ["curriculum"]
        version.document.save()
        ingest(version, clock)
        assert list(version.passages.values_list("domains", flat=True)) == [["curriculum"], ["curriculum"]]
        assert PassageEmbedding.objects.filter(live=True).count() == 2

    def test_a_missing_file_says_so(self, shelf: Shelf, clock: Clock) -> None:
        version = add(shelf).version
        version.file.storage.delete(str(version.file))
        assert ingest(version, clock).cause == "file_missing"


class TestAttempts:
    def test_a_silent_provider_is_asked_three_times_with_pauses(
        self, shelf: Shelf, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        embed_with(monkeypatch, ScriptedEmbedding(error=ProviderUnavailable()))
        version = ingest(add(shelf).version, clock)
        assert (version.state, steps(version)["tag"]) == ("processing", ("waiting", 1))
        assert steps(ingest(version, clock))["tag"] == ("waiting", 1)
        clock.pass_(seconds=11)
        assert steps(ingest(version, clock))["tag"] == ("waiting", 2)
        clock.pass_(seconds=61)
        assert (ingest(version, clock).state, version.failed_stage, version.cause) == (
            "failed",
            "tag",
            "provider",
        )
        assert steps(version)["tag"] == ("failed", 3)

    def test_retry_goes_on_at_the_stage_that_failed(
        self, shelf: Shelf, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        embed_with(monkeypatch, ScriptedEmbedding(error=ProviderUnavailable()))
        version = add(shelf).version
        run.ingest(version_id=version.pk, clock=clock, at_once=True)
        embed_with(monkeypatch, ScriptedEmbedding())
        library.retry(version_id=version.pk, start=False)
        version = ingest(version, clock)
        assert (version.state, version.cause, version.failed_stage) == ("ready", "", "")
        assert steps(version) == ALL_DONE

    def test_three_interruptions_are_a_failure_and_the_attempts_were_counted_before_the_work(
        self, shelf: Shelf, clock: Clock
    ) -> None:
        version = add(shelf).version
        for attempt in (1, 2, 3):
            assert ledger.claim(version_id=version.pk, now=clock()) is not None
            assert steps(version)["extract"] == ("running", attempt)
            assert ledger.claim(version_id=version.pk, now=clock()) is None
            clock.pass_(seconds=61)
        assert ledger.claim(version_id=version.pk, now=clock()) is None
        version.refresh_from_db()
        assert (version.state, version.failed_stage, version.cause) == ("failed", "extract", "interrupted")

    def test_a_stage_that_breaks_is_our_fault_and_says_where(
        self, shelf: Shelf, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("knowledge.splitting.split", broken)
        version = add(shelf).version
        run.ingest(version_id=version.pk, clock=clock, at_once=True)
        version.refresh_from_db()
        assert (version.failed_stage, version.cause, steps(version)["split"]) == (
            "split",
            "internal",
            ("failed", 3),
        )


class TestClaims:
    def test_a_worker_that_was_declared_dead_writes_nothing(self, shelf: Shelf, clock: Clock) -> None:
        version = add(shelf).version
        paused = ledger.claim(version_id=version.pk, now=clock())
        assert paused is not None
        clock.pass_(seconds=61)
        ingest(version, clock)
        with pytest.raises(ledger.Stopped), ledger.holding(paused):
            pytest.fail("a lost claim must not open a transaction")
        with pytest.raises(ledger.Stopped):
            ledger.report(paused, done=1, total=2, now=clock())
        with pytest.raises(ledger.Stopped):
            ledger.give_back(paused, cause="internal", now=clock())
        assert steps(version)["extract"] == ("done", 2)

    def test_cancelled_and_started_again_is_not_the_old_claim(self, shelf: Shelf, clock: Clock) -> None:
        version = add(shelf).version
        old = ledger.claim(version_id=version.pk, now=clock())
        assert old is not None
        library.cancel(version_id=version.pk)
        library.retry(version_id=version.pk, start=False)
        new = ledger.claim(version_id=version.pk, now=clock())
        assert new is not None
        assert steps(version)["extract"] == ("running", 1)
        with pytest.raises(ledger.Stopped), ledger.holding(old):
            pytest.fail("the old claim must not hold")

    def test_a_report_keeps_the_lease(self, shelf: Shelf, clock: Clock) -> None:
        version = add(shelf).version
        claimed = ledger.claim(version_id=version.pk, now=clock())
        assert claimed is not None
        clock.pass_(seconds=50)
        ledger.report(claimed, done=3, total=9, now=clock())
        clock.pass_(seconds=50)
        assert ledger.claim(version_id=version.pk, now=clock()) is None
        step = version.steps.get(stage="extract")
        assert (step.done_units, step.total_units) == (3, 9)


class TestSweep:
    def test_finds_what_waits_and_what_was_left_but_not_what_is_at_work_or_pausing(
        self, shelf: Shelf, clock: Clock
    ) -> None:
        texts = {name: f"Text of {name}." for name in ("waiting", "left", "at work", "pausing", "done")}
        versions = {name: add(shelf, text, f"{name}.txt").version for name, text in texts.items()}
        ledger.claim(version_id=versions["left"].pk, now=clock())
        clock.pass_(seconds=61)
        ledger.claim(version_id=versions["at work"].pk, now=clock())
        pausing = ledger.claim(version_id=versions["pausing"].pk, now=clock())
        assert pausing is not None
        ledger.give_back(pausing, cause="crashed", now=clock())
        ingest(versions["done"], clock)
        assert set(sweep.due(now=clock())) == {versions["waiting"].pk, versions["left"].pk}
        assert set(sweep.due(now=clock() + timedelta(seconds=11))) == {
            versions[name].pk for name in ("waiting", "left", "pausing")
        }

    def test_a_waiting_document_is_not_a_stalled_one(self, shelf: Shelf, clock: Clock) -> None:
        version = add(shelf).version
        clock.pass_(days=2)
        assert sweep.due(now=clock()) == [version.pk]
        version.refresh_from_db()
        assert (version.state, steps(version)["extract"]) == ("waiting", ("waiting", 0))


class TestVersions:
    def test_the_new_one_is_found_and_the_old_one_keeps_its_passages(
        self, shelf: Shelf, clock: Clock
    ) -> None:
        old = ingest(add(shelf).version, clock)
        new = replace(old, CHANGED)
        assert (old.live, new.number) == (True, 2)
        ingest(new, clock)
        old.refresh_from_db()
        assert (old.live, old.state, new.live) == (False, "ready", True)
        assert set(old.passages.values_list("live", flat=True)) == {False}
        assert old.passages.count() == 2
        assert not PassageEmbedding.objects.filter(passage__version=old).exists()
        assert PassageEmbedding.objects.filter(passage__version=new, live=True).count() == 2

    def test_a_failed_new_version_leaves_the_old_one_in_place(self, shelf: Shelf, clock: Clock) -> None:
        old = ingest(add(shelf).version, clock)
        new = ingest(replace(old, "  \n"), clock)
        old.refresh_from_db()
        assert (new.state, new.cause, old.live) == ("failed", "empty", True)
        assert PassageEmbedding.objects.filter(passage__version=old, live=True).count() == 2

    def test_the_bytes_of_an_earlier_version_bring_it_back(self, shelf: Shelf, clock: Clock) -> None:
        old = ingest(add(shelf).version, clock)
        before = passages(old)
        new = ingest(replace(old, CHANGED), clock)
        again = ingest(replace(old), clock)
        new.refresh_from_db()
        assert (again.pk, again.number, again.live, new.live) == (old.pk, 3, True, False)
        assert passages(again) == before

    def test_the_bytes_of_one_that_was_given_up_bring_it_back(self, shelf: Shelf, clock: Clock) -> None:
        given_up = add(shelf).version
        new = ingest(replace(given_up, CHANGED), clock)
        again = ingest(replace(given_up), clock)
        new.refresh_from_db()
        assert (again.pk, again.number, again.state, again.live) == (given_up.pk, 3, "ready", True)
        assert (new.number, new.state, new.live) == (2, "ready", False)

    def test_the_bytes_of_the_live_one_end_the_reading_of_what_was_to_replace_it(
        self, shelf: Shelf, clock: Clock
    ) -> None:
        old = ingest(add(shelf).version, clock)
        before = passages(old)
        new = replace(old, CHANGED)
        ledger.claim(version_id=new.pk, now=clock())
        again = replace(old)
        assert (again.pk, again.number, again.state, again.live) == (old.pk, 3, "ready", True)
        clock.pass_(seconds=61)
        new = ingest(new, clock)
        assert (new.state, new.live, new.passages.count()) == ("cancelled", False, 0)
        assert passages(ingest(again, clock)) == before

    def test_the_bytes_of_the_newest_one_change_nothing(self, shelf: Shelf, clock: Clock) -> None:
        only = ingest(add(shelf).version, clock)
        again = replace(only)
        assert (again.pk, again.number, again.state, again.live) == (only.pk, 1, "ready", True)

    def test_the_bytes_of_one_whose_file_is_gone_are_stored_again(self, shelf: Shelf, clock: Clock) -> None:
        version = add(shelf).version
        files.remove(version.pk)
        assert ingest(version, clock).cause == "file_missing"
        again = ingest(add(shelf).version, clock)
        assert (again.pk, again.state, again.live) == (version.pk, "ready", True)

    def test_bytes_of_another_document_are_refused(self, shelf: Shelf, clock: Clock) -> None:
        one = ingest(add(shelf).version, clock)
        other = add(shelf, "Something else.", "else.txt").version
        with pytest.raises(library.AlreadyInLibrary) as refused:
            replace(other)
        assert refused.value.document == one.document
        assert DocumentVersion.objects.count() == 2

    def test_replacing_stops_what_was_still_being_read(self, shelf: Shelf, clock: Clock) -> None:
        first = add(shelf).version
        ledger.claim(version_id=first.pk, now=clock())
        second = ingest(replace(first, CHANGED), clock)
        first.refresh_from_db()
        assert (first.state, second.state, second.live) == ("cancelled", "ready", True)


class TestStopping:
    def test_cancel_between_two_batches_writes_nothing_more(
        self, shelf: Shelf, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("knowledge.ingestion.vectors.BATCH", 2)
        version = add(shelf, LONG, "long.md").version
        cancel = Interrupt(2, lambda: library.cancel(version_id=version.pk))
        embed_with(monkeypatch, InterruptedEmbedding(cancel))
        ingest(version, clock)
        assert (version.state, steps(version)["tag"][0]) == ("cancelled", "waiting")
        assert PassageEmbedding.objects.count() == 2

    def test_a_document_deleted_while_it_is_read_stays_deleted(
        self, shelf: Shelf, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        version = add(shelf, LONG, "long.md").version
        delete = Interrupt(1, lambda: library.delete(document_id=version.document_id))
        embed_with(monkeypatch, InterruptedEmbedding(delete))
        run.ingest(version_id=version.pk, clock=clock)
        assert [model.objects.count() for model in (DocumentVersion, Passage, PassageEmbedding)] == [0, 0, 0]

    def test_a_version_that_is_gone_is_no_error(self, shelf: Shelf, clock: Clock) -> None:
        version = add(shelf).version
        library.delete(document_id=version.document_id)
        run.ingest(version_id=version.pk, clock=clock)
        assert DocumentVersion.objects.count() == 0

    def test_a_changed_model_waits_for_its_space(
        self, shelf: Shelf, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        EmbeddingSpace.objects.create(provider="other", model="older", dimensions=8, state="active")
        version = ingest(add(shelf).version, clock)
        assert (version.state, steps(version)["tag"]) == ("processing", ("waiting", 1))
        assert PassageEmbedding.objects.count() == 0
