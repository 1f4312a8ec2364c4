"""Cutting a text that takes longer than a lease: the work stays ours, and ends when somebody presses Stop."""

from collections.abc import Callable, Mapping
from uuid import UUID

import pytest

from accounts.tests.cast import House
from coaching.providers.minilm_tokenizer import TextTokenizer
from knowledge import library
from knowledge.ingestion import run, sweep
from knowledge.library import Shelf
from knowledge.models import DocumentVersion
from knowledge.tests.ingesting import LONG, Clock, add, steps


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def version(home: House) -> DocumentVersion:
    return add(Shelf(home.organization.pk), LONG, "long.md").version


def counting(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, at: Mapping[int, Callable[[], object]]
) -> list[str]:
    """Let ten seconds pass at each text that the splitter measures, and something happen at some of them."""
    counted: list[str] = []
    measure = TextTokenizer().count_tokens

    class Slow:
        def count_tokens(self, text: str) -> int:
            counted.append(text)
            clock.pass_(seconds=10)
            at.get(len(counted), list)()
            return measure(text)

    monkeypatch.setattr("knowledge.ingestion.stages._tokenizer", Slow)
    return counted


def test_cancel_while_the_text_is_cut_ends_the_cutting(
    version: DocumentVersion, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = counting(monkeypatch, clock, {10: lambda: library.cancel(version_id=version.pk)})
    run.ingest(version_id=version.pk, clock=clock)
    version.refresh_from_db()
    assert (version.state, steps(version)["split"]) == ("cancelled", ("waiting", 1))
    assert (len(counted), version.passages.count()) == (10, 0)


def test_cutting_a_long_text_keeps_the_lease(
    version: DocumentVersion, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    due: list[list[UUID]] = []
    look = dict.fromkeys(range(1, 20), lambda: due.append(sweep.due(now=clock.now)))
    counting(monkeypatch, clock, look)
    run.ingest(version_id=version.pk, clock=clock)
    version.refresh_from_db()
    assert due == [[]] * 19
    assert (version.state, steps(version)["split"]) == ("ready", ("done", 1))
