"""Every shared file goes through: none kills the worker, each ends ready or failed with a cause and a next step."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile

from accounts.tests.factories import OrganizationFactory
from knowledge import library
from knowledge.ingestion import run
from knowledge.ingestion_errors import EXPLANATIONS, explain
from knowledge.library import Shelf
from knowledge.models import DocumentVersion
from knowledge.tests.ingesting import NOW

pytestmark = pytest.mark.documents

SLOW = {"WaldenFull.pdf", "introduction-to-bash-scripting-light.pdf"}
"""Books whose pages are measured by a benchmark; here they would take a third of the suite's time."""


@pytest.fixture
def shelf(db: None) -> Shelf:
    return Shelf(OrganizationFactory.create().pk)


def ingested(shelf: Shelf, name: str, data: bytes) -> DocumentVersion:
    added = library.add(shelf=shelf, filename=name, content=ContentFile(data), now=NOW, start=False)
    run.ingest(version_id=added.version.pk, at_once=True)
    added.version.refresh_from_db()
    return added.version


def check(version: DocumentVersion) -> None:
    """Ready with passages that quote the text exactly, or failed with words for a coach."""
    if version.state == "ready":
        assert version.live
        assert version.passages.count() > 0
        return
    assert version.state == "failed"
    assert version.cause in EXPLANATIONS
    assert explain(version.cause, version.failed_stage).next_step.endswith(".")
    assert version.passages.count() == 0


@pytest.mark.parametrize(
    "kind", ["book", "captions", "docx", "education", "encrypted", "layout", "malformed", "scanned", "slides"]
)
def test_documents(kind: str, shelf: Shelf, shared_data: Path) -> None:
    folder = shared_data / "documents"
    lines = (folder / "manifest.jsonl").read_text().split("\n")
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines if line]
    mine = [row for row in rows if row["kind"] == kind and Path(row["file"]).name not in SLOW]
    assert mine
    for row in mine:
        path = folder / row["file"]
        version = ingested(shelf, path.name, path.read_bytes())
        check(version)
        assert (version.cause == "encrypted") == bool(row.get("needs_password"))
        assert version.state == "ready" or kind != "scanned"


def test_hostile_texts(shelf: Shelf, shared_data: Path) -> None:
    for path in sorted((shared_data / "security-inputs").glob("*.jsonl")):
        texts = [str(json.loads(line)) for line in path.read_text().split("\n")[:200] if line]
        check(ingested(shelf, f"{path.stem}.txt", "\n\n".join(texts).encode("utf-8", "surrogatepass")))


@pytest.mark.parametrize("name", ["naughty.txt", "naughty.md", "naughty.vtt", "naughty.html"])
def test_control_characters_and_halves_of_characters(name: str, shelf: Shelf) -> None:
    version = ingested(
        shelf, name, b"WEBVTT\n\n00:01.000 --> 00:02.000\nA\x07B\x1b[31m \xed\xa0\x80 C \xef\xbf\xbf\n"
    )
    check(version)
    assert not any("\x07" in text for text in version.passages.values_list("text", flat=True))
