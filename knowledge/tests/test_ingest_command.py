"""`manage.py ingest`: what it prints, what it leaves behind, and its exit codes."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.tests.cast import Cast, House
from accounts.tests.factories import OrganizationFactory
from knowledge.models import Document, DocumentVersion
from knowledge.tests.ingesting import BOOK


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two documents, one of them in a folder of its own, and what is no document."""
    handed_in = tmp_path / "handed in"
    (handed_in / "more").mkdir(parents=True)
    (handed_in / "book.md").write_text(BOOK)
    (handed_in / "notes.bin").write_bytes(b"\x00\x01")
    (handed_in / ".hidden.txt").write_text("hidden")
    (handed_in / "more" / "talk.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ada>How was it?\n")
    return handed_in


def ingest(*arguments: object, **options: object) -> str:
    out = io.StringIO()
    call_command("ingest", *map(str, arguments), stdout=out, **options)
    return out.getvalue()


def code_of(*arguments: object, **options: object) -> int:
    with pytest.raises(CommandError) as stopped:
        ingest(*arguments, **options)
    return stopped.value.returncode


def test_reads_a_folder_without_a_worker(folder: Path, home: House) -> None:
    assert ingest(folder, organization=home.organization.name) == f"ready     {folder}/book.md: 2 passages.\n"
    document = Document.objects.get()
    assert (document.title, document.organization, document.coach) == ("book", home.organization, None)
    assert DocumentVersion.objects.get().live


def test_says_what_is_left_out_of_a_folder(folder: Path, home: House) -> None:
    errors = io.StringIO()
    ingest(folder, organization=home.organization.name, dry_run=True, stderr=errors)
    assert errors.getvalue() == "Left out, since such files cannot be read: notes.bin.\n"
    for number in range(6):
        (folder / f"old {number}.doc").write_bytes(b"old")
    errors = io.StringIO()
    ingest(folder, organization=home.organization.name, dry_run=True, stderr=errors)
    assert errors.getvalue().endswith("notes.bin, old 0.doc, old 1.doc, old 2.doc, old 3.doc and 2 more.\n")


def test_recursive_takes_the_folders_inside_and_repeating_changes_nothing(folder: Path, home: House) -> None:
    options: dict[str, Any] = {"organization": str(home.organization.pk), "recursive": True}
    ingest(folder, **options)
    versions = set(DocumentVersion.objects.values_list("pk", "published_at"))
    assert ingest(folder, **options) == (
        f"ready     {folder}/book.md: 2 passages, already there.\n"
        f"ready     {folder}/more/talk.vtt: 1 passages, already there.\n"
    )
    assert set(DocumentVersion.objects.values_list("pk", "published_at")) == versions


@pytest.mark.parametrize("state", ["waiting", "processing", "failed", "cancelled"])
def test_dry_run_tells_of_what_is_known_and_ends_well(folder: Path, home: House, state: str) -> None:
    ingest(folder, organization=home.organization.name)
    DocumentVersion.objects.update(state=state, live=False, cause="empty", failed_stage="split")
    plan = ingest(folder, organization=home.organization.name, dry_run=True)
    assert plan.startswith(f"{state:<9} {folder}/book.md: ")
    assert plan.count("\n") == 1
    assert DocumentVersion.objects.get().state == state


def test_dry_run_does_nothing(folder: Path, home: House) -> None:
    assert (
        ingest(folder, organization=home.organization.name, dry_run=True) == f"new       {folder}/book.md\n"
    )
    assert Document.objects.count() == 0


def test_reports_json_and_a_failure_with_its_cause(folder: Path, home: House) -> None:
    (folder / "blank.txt").write_text(" ")
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 of 2 files did not become searchable") as stopped:
        call_command("ingest", str(folder), organization=home.organization.name, report="json", stdout=out)
    assert stopped.value.returncode == 1
    blank, book = json.loads(out.getvalue())
    assert (blank["state"], blank["cause"], blank["stage"]) == ("failed", "empty", "extract")
    assert blank["happened"] == "The file has no text in it."
    assert (book["state"], book["passages"], book["new"], book["format"]) == ("ready", 2, True, "markdown")


def test_a_coach_keeps_the_documents(folder: Path, home: House) -> None:
    ingest(folder, organization=home.organization.name, coach=str(home.coach.email).upper())
    assert Document.objects.get().coach == home.coach


def test_what_is_not_clear_is_refused_with_code_two(folder: Path, cast: Cast) -> None:
    name = cast.home.organization.name
    assert code_of(folder) == 2
    assert code_of(folder, organization="Nowhere") == 2
    assert code_of(folder, organization=name, coach=cast.home.owner.email) == 2
    assert code_of(folder, organization=name, coach=cast.away.coach.email) == 2
    assert code_of(folder / "missing.pdf", organization=name) == 2
    assert code_of(folder / "more" / "..", organization=name, coach="nobody@x.example") == 2
    assert Document.objects.count() == 0


@pytest.mark.django_db
def test_without_a_choice_the_only_organization_is_meant(folder: Path) -> None:
    organization = OrganizationFactory.create()
    ingest(folder)
    assert Document.objects.get().organization == organization
