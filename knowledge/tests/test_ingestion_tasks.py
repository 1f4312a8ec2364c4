"""Messages are only nudges: what is sent and when, and that a lost one is found by the sweep."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.tests.cast import House
from knowledge import library, tasks
from knowledge.ingestion import ledger
from knowledge.library import Shelf
from knowledge.models import DocumentVersion
from knowledge.tests.ingesting import BOOK, NOW, add

ROOT = Path(__file__).resolve().parents[2]

Capture = Callable[..., AbstractContextManager[list[Callable[[], Any]]]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What reached the broker."""
    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks.ingest_version, "apply_async", lambda **options: messages.append(options))
    return messages


def add_and_start(home: House) -> DocumentVersion:
    content = ContentFile(BOOK.encode())
    shelf = Shelf(home.organization.pk)
    return library.add(shelf=shelf, filename="book.md", content=content, now=NOW).version


def test_adding_nudges_a_worker_once_and_only_after_the_commit(
    home: House, sent: list[dict[str, Any]], django_capture_on_commit_callbacks: Capture
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        version = add_and_start(home)
        assert sent == []
    assert [message["kwargs"] for message in sent] == [{"version_id": str(version.pk)}]


def test_a_broker_that_is_away_does_not_undo_the_upload(
    home: House, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Capture
) -> None:
    def away(**_options: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(tasks.ingest_version, "apply_async", away)
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        add_and_start(home)
    version = DocumentVersion.objects.get()
    assert version.state == "waiting"
    assert default_storage.exists(str(version.file))
    assert len(callbacks) == 1


@pytest.mark.django_db(transaction=True)
def test_a_commit_whose_answer_is_lost_keeps_the_file(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = connection.commit

    def commit_unheard() -> None:
        commit()
        raise OperationalError

    monkeypatch.setattr(connection, "commit", commit_unheard)
    with pytest.raises(OperationalError):
        add_and_start(home)
    monkeypatch.undo()
    version = DocumentVersion.objects.get()
    assert default_storage.exists(str(version.file))


def test_a_row_that_cannot_be_written_leaves_no_file(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_version: DocumentVersion) -> None:
        raise OperationalError

    monkeypatch.setattr(ledger, "open_steps", refuse)
    with pytest.raises(OperationalError):
        add_and_start(home)
    assert DocumentVersion.objects.count() == 0
    assert default_storage.listdir("documents") == ([], [])


def test_the_sweep_nudges_for_what_nobody_works_on(
    home: House, sent: list[dict[str, Any]], django_capture_on_commit_callbacks: Capture
) -> None:
    shelf = Shelf(home.organization.pk)
    lost = add(shelf).version
    at_work = add(shelf, "Other.", "other.txt").version
    ledger.claim(version_id=at_work.pk, now=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        tasks.sweep_ingestion()
    assert [(message["kwargs"], message["expires"]) for message in sent] == [
        ({"version_id": str(lost.pk)}, 30)
    ]


def test_the_task_reads_the_version_and_ignores_what_it_does_not_know(home: House) -> None:
    version = add(Shelf(home.organization.pk)).version
    tasks.ingest_version(version_id=str(version.pk), from_the_future=1)
    version.refresh_from_db()
    assert (version.state, version.live) == ("ready", True)
    library.delete(document_id=version.document_id)
    tasks.ingest_version(version_id=str(version.pk))
    assert DocumentVersion.objects.count() == 0


def test_a_process_that_only_nudges_does_not_load_the_splitter() -> None:
    look = (
        "import django, sys; django.setup(); import knowledge.library, knowledge.admin;"
        "print([name for name in sys.modules if name.startswith('langchain')])"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test"}
    done = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, check=True, env=environment, cwd=ROOT
    )
    assert done.stdout == "[]\n"
