"""`manage.py ingest`: add files to the library and read them, without a worker."""

import json
import time
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.files.base import File
from django.core.management.base import CommandError
from django.utils import timezone
from tqdm import tqdm
from typing_extensions import override

from accounts.commands import CommandWithExamples
from accounts.models import Organization, User
from knowledge import library, room
from knowledge.extraction.formats import SUFFIXES
from knowledge.ingestion import by_hand
from knowledge.ingestion_errors import explain, notice_text
from knowledge.models import DocumentVersion, IngestionStep

SOME_FAILED = 1
USAGE = 2
NAMED = 5
"""How many files that were left out are named."""

EPILOG = """
examples:
  manage.py ingest handbook.pdf
  manage.py ingest library/ --recursive --organization "Riverside School" --coach ben@riverside.example
  manage.py ingest library/ --dry-run --report json > plan.json

The same bytes twice are one document, so the command can be repeated at any time: what is ready stays as it
is, what failed is tried again.

exit codes: 0 every file is ready (of a dry run: the plan is told), 1 some failed, 2 the command was not understood
"""


class Command(CommandWithExamples):
    """Adds files to the library and reads them here, one after the other."""

    help = "Add documents to the library and make them searchable, without a worker."

    examples = EPILOG

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what can be asked for."""
        parser.add_argument(
            "paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder of files"
        )
        parser.add_argument(
            "--organization", default="", help="its name or id; needed when there are several"
        )
        parser.add_argument(
            "--coach",
            default="",
            help="the e-mail address of the coach who keeps the documents; default: shared",
        )
        parser.add_argument("--recursive", action="store_true", help="look into the folders of folders too")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument(
            "--report",
            choices=["text", "json"],
            default="text",
            help="what to print at the end; default: text",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Read every file; raises CommandError with the exit code when something was wrong."""
        shelf = _shelf(options["organization"], options["coach"])
        files, left_out = _files(options["paths"], recursive=options["recursive"])
        if left_out:
            names = ", ".join(path.name for path in left_out[:NAMED])
            more = f" and {len(left_out) - NAMED} more" if len(left_out) > NAMED else ""
            self.stderr.write(f"Left out, since such files cannot be read: {names}{more}.")
        as_json = options["report"] == "json"
        if options["dry_run"]:
            self._print([_plan(shelf, path) for path in files], as_json=as_json)
            return
        rows = [self._ingest(shelf, path) for path in _with_bar(files)]
        self._print(rows, as_json=as_json)
        failed = sum(row["state"] != "ready" for row in rows)
        if failed:
            raise CommandError(
                f"{failed} of {len(rows)} files did not become searchable.", returncode=SOME_FAILED
            )

    def _ingest(self, shelf: library.Shelf, path: Path) -> dict[str, Any]:
        """Add one file and read it; raises CommandError when there is no room for it."""
        began = time.monotonic()
        with path.open("rb") as opened:
            try:
                added = library.add(
                    shelf=shelf, filename=path.name, content=File(opened), now=timezone.now(), start=False
                )
            except room.LibraryFull as full:
                raise CommandError(f"{path.name}: {full}", returncode=SOME_FAILED) from full
        with tqdm(desc=path.name, leave=False, disable=None) as bar:
            version = by_hand.finish(version_id=added.version.pk, watch=_Watcher(bar, path.name))
        return _row(path, version, is_new=added.is_new) | {"seconds": round(time.monotonic() - began, 2)}

    def _print(self, rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False))
            return
        for row in rows:
            self.stdout.write(_line(row))


class _Watcher:
    """Shows the stages of one file on a bar."""

    def __init__(self, bar: "tqdm[Any]", name: str) -> None:
        self.bar = bar
        self.name = name

    def __call__(self, stage: IngestionStep.Stage, done: int, total: int) -> None:
        self.bar.set_description(f"{self.name}: {stage.label}", refresh=False)
        self.bar.total, self.bar.n = total, done
        self.bar.refresh()


def _with_bar(files: Sequence[Path]) -> Iterable[Path]:
    return tqdm(files, unit="file", disable=None)


def _shelf(organization: str, coach: str) -> library.Shelf:
    """Return whose library is meant; raises CommandError when that is not clear."""
    found = _organization(organization)
    if not coach:
        return library.Shelf(found.pk)
    keeper = User.objects.filter(email__iexact=coach, organization=found).first()
    if keeper is None or not keeper.is_coach:
        raise CommandError(f"{found.name} has no coach {coach}.", returncode=USAGE)
    return library.Shelf(found.pk, keeper.pk)


def _organization(named: str) -> Organization:
    organizations = Organization.objects.filter(closed_at=None).order_by("name")
    if named:
        organizations = organizations.filter(**({"pk": named} if _is_id(named) else {"name__iexact": named}))
    candidates = list(organizations[:2])
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise CommandError(f"There is no organization {named}.".replace(" .", "."), returncode=USAGE)
    raise CommandError("There are several organizations: say which with --organization.", returncode=USAGE)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _files(paths: Iterable[Path], *, recursive: bool) -> tuple[list[Path], list[Path]]:
    """Return the files meant, in a fixed order, and what is in the folders but of no format that can be read.

    Raises CommandError when there are none or one is missing.
    """
    found: dict[Path, None] = {}
    left_out: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            for file in _inside(path, recursive=recursive):
                (found if _is_document(file) else left_out)[file] = None
        elif path.is_file():
            found[path] = None
        else:
            raise CommandError(f"There is no file {path}.", returncode=USAGE)
    if not found:
        raise CommandError("There are no documents in there.", returncode=USAGE)
    return list(found), list(left_out)


def _inside(folder: Path, *, recursive: bool) -> list[Path]:
    inside = folder.rglob("*") if recursive else folder.iterdir()
    return sorted(path for path in inside if path.is_file() and not path.name.startswith("."))


def _is_document(path: Path) -> bool:
    return bool(path.suffix) and path.suffix.lower() in SUFFIXES


def _plan(shelf: library.Shelf, path: Path) -> dict[str, Any]:
    with path.open("rb") as opened:
        version = library.find(shelf=shelf, content=File(opened))
    if version is None:
        return {"path": str(path), "state": "new", "new": True}
    return _row(path, version, is_new=False)


def _row(path: Path, version: DocumentVersion, *, is_new: bool) -> dict[str, Any]:
    explanation = explain(version.cause, version.failed_stage) if version.cause else None
    return {
        "path": str(path),
        "state": str(version.state),
        "new": is_new,
        "document": str(version.document_id),
        "version": str(version.pk),
        "title": version.document.title,
        "format": version.file_format,
        "pages": version.page_count,
        "passages": version.passages.count(),
        "notices": [notice_text(notice) for notice in version.notices],
        "cause": version.cause,
        "stage": version.failed_stage,
        "happened": explanation.happened if explanation else "",
        "next_step": explanation.next_step if explanation else "",
    }


def _line(row: dict[str, Any]) -> str:
    """Return one line for a reader: the state, the file, and what is worth knowing."""
    if "document" not in row:
        return f"new       {row['path']}"
    if row["state"] == "failed":
        return f"failed    {row['path']}: {row['happened']} {row['next_step']}"
    facts = [f"{row['passages']} passages"]
    if row["pages"]:
        facts.insert(0, f"{row['pages']} pages")
    if not row["new"]:
        facts.append("already there")
    return " ".join([f"{row['state']:<9} {row['path']}: {', '.join(facts)}.", *row["notices"]])
