"""The copy of their own data that a person asks for: whole, of the right person, and made by one worker."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.storage import default_storage

from accounts import data_requests, export_making
from accounts.lifecycle_models import AccountExport
from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast
from config.tests.account_lives import NOW, erased
from config.tests.canaries import CANARY, with_canaries
from conversations import handoff
from conversations.models import Conversation
from conversations.tests.factories import add, begin


@pytest.fixture(autouse=True)
def _presence(settings: Any, redis_url: str) -> None:
    settings.PRESENCE_URL = redis_url


def files_in(folder: str) -> set[Path]:
    """Return the files that are kept."""
    return {path for path in Path(folder).rglob("*") if path.is_file()}


class TestTheCopy:
    def made(self, person: User) -> tuple[AccountExport, zipfile.ZipFile]:
        """Ask for a copy, have it made, and open it."""
        export = data_requests.ask_for_export(person=person, now=NOW)
        assert export_making.make(export_id=export.pk, now=NOW)
        export.refresh_from_db()
        with default_storage.open(export.file) as file:
            return export, zipfile.ZipFile(io.BytesIO(file.read()))

    def test_holds_everything_that_was_planted_with_counts_and_digests(self, cast: Cast) -> None:
        with_canaries(cast)
        export, copy = self.made(cast.home.owner)
        manifest = json.loads(copy.read("manifest.json"))
        assert {file["name"] for file in manifest["files"]} == set(copy.namelist()) - {"manifest.json"}
        for file in manifest["files"]:
            content = copy.read(file["name"])
            assert hashlib.sha256(content).hexdigest() == file["sha256"]
            assert len(content) == file["bytes"]
            assert content.count(b"\n") == file.get("records", content.count(b"\n"))
        assert b"secret" not in copy.read("second_factors.jsonl")
        records = {file["name"]: file["records"] for file in manifest["files"] if "records" in file}
        assert records["conversations.jsonl"] == 1
        assert records["messages.jsonl"] == 2
        assert records["feedback.jsonl"] == 1
        planted_once = {
            *("sessions", "sign_ins", "second_factors", "api_keys", "api_replies", "invitations", "mails"),
            *("share_links", "exports", "spending", "set_aside"),
        }
        assert {name: records[f"{name}.jsonl"] for name in planted_once} == dict.fromkeys(planted_once, 1)
        assert (export.done_parts, export.total_parts) == (len(manifest["files"]), len(manifest["files"]))
        with default_storage.open(export.file) as file:
            assert hashlib.sha256(file.read()).hexdigest() == export.sha256

    def test_has_each_conversation_to_read_with_its_sources(self, cast: Cast) -> None:
        with_canaries(cast)
        _, copy = self.made(cast.home.owner)
        name = next(name for name in copy.namelist() if name.endswith(".md"))
        text = copy.read(name).decode()
        assert text.startswith(f"# On {CANARY}\n")
        assert f"How do I tell {CANARY} of the plan?" in text
        assert f"Tell {CANARY} early [^1]." in text
        assert f"[^1]: {CANARY}, page 4. \u201c{CANARY}\u201d (Quoted)" in text

    def test_loads_and_runs_nothing_where_a_conversation_is_read(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        add(conversation, "![x](https://evil.invalid/?d=1) <img src=x> [^1]")
        _, copy = self.made(cast.home.owner)
        name = next(name for name in copy.namelist() if name.endswith(".md"))
        text = copy.read(name).decode()
        assert "!\\[x](https://evil.invalid/?d=1) &lt;img src=x> \\[^1]" in text

    def test_holds_nothing_of_anybody_else(self, cast: Cast) -> None:
        with_canaries(cast)
        handoff.say_as_coach(
            coach=cast.home.coach,
            conversation_id=Conversation.objects.get().pk,
            client_id=uuid4(),
            text="I am here.",
            now=NOW,
        )
        _, copy = self.made(cast.home.coach)
        everything = b"".join(copy.read(name) for name in copy.namelist())
        assert CANARY.encode() not in everything
        assert b"I am here." in copy.read("said_as_a_coach.jsonl")

    def test_is_begun_anew_when_its_worker_died_and_given_up_after_three(self, cast: Cast) -> None:
        export = data_requests.ask_for_export(person=cast.home.owner, now=NOW)
        died = NOW
        for attempt in (1, 2, 3):
            AccountExport.objects.filter(pk=export.pk).update(
                state="running", attempts=attempt, lease_until=died + timedelta(minutes=5)
            )
            assert export_making.due(now=died) == []
            died += timedelta(minutes=6)
            assert export_making.due(now=died) == [export.pk]
        assert not export_making.make(export_id=export.pk, now=died)
        export.refresh_from_db()
        assert (export.state, export.file) == ("failed", "")

    def test_of_a_worker_that_lost_it_ends_within_a_long_part(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch, settings: Any
    ) -> None:
        with_canaries(cast)
        before = files_in(settings.MEDIA_ROOT)
        export = data_requests.ask_for_export(person=cast.home.owner, now=NOW)
        lines, written = export_making._lines, list[bytes]()

        def taken_over(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
            for line in lines([*rows, *rows]):
                written.append(line)
                AccountExport.objects.filter(pk=export.pk).update(attempts=2)
                yield line

        monkeypatch.setattr(export_making, "_lines", taken_over)
        monkeypatch.setattr(export_making, "RENEWED_EVERY", 1)
        assert not export_making.make(export_id=export.pk, now=NOW)
        assert len(written) == 1
        assert files_in(settings.MEDIA_ROOT) == before

    def test_of_somebody_who_was_erased_meanwhile_leaves_no_file(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch, settings: Any
    ) -> None:
        export = data_requests.ask_for_export(person=cast.home.owner, now=NOW)
        keep = export_making._keep

        def erased_first(*arguments: Any) -> None:
            erased(cast.home.owner)
            keep(*arguments)

        monkeypatch.setattr(export_making, "_keep", erased_first)
        assert not export_making.make(export_id=export.pk, now=NOW)
        assert files_in(settings.MEDIA_ROOT) == set()

    def test_asked_for_twice_is_one(self, cast: Cast) -> None:
        first = data_requests.ask_for_export(person=cast.home.owner, now=NOW)
        assert data_requests.ask_for_export(person=cast.home.owner, now=NOW) == first
        assert AuditEvent.objects.filter(action="account_export_asked").count() == 1
