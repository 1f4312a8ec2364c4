"""How exports are made, whatever happens meanwhile, and how their files go away again."""

import io
from datetime import timedelta
from itertools import count, repeat
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast
from conversations import exports, exports_work, organizing, tasks
from conversations.models import Conversation
from conversations.tests.exporting import (
    NO_EXPORT,
    asked,
    fetch,
    files_left,
    made,
    signed_in,
    table,
    told,
)
from conversations.tests.factories import begin

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("nudged")]


class TestDeleting:
    def test_happens_after_a_day_by_the_clock(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        export = made(cast.home.owner)
        tasks.sweep_exports()
        assert len(files_left()) == 4
        over = export.expires_at
        monkeypatch.setattr("conversations.tasks.timezone.now", lambda: over)
        tasks.sweep_exports()
        export.refresh_from_db()
        assert (export.state, export.files, export.expires_at, files_left()) == ("gone", [], None, [])
        assert "Its files are deleted" in signed_in(cast.home.owner).get("/exports/").content.decode()

    def test_can_be_done_at_once(self, cast: Cast) -> None:
        export = made(cast.home.owner)
        signed_in(cast.home.owner).post(f"/exports/{export.pk}/discard/")
        export.refresh_from_db()
        assert (export.state, files_left()) == ("gone", [])

    def test_of_one_that_is_being_made_leaves_nothing(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told(cast.home.owner)
        export = asked(cast.home.owner)
        finish = exports_work._finish

        def discarded_meanwhile(*args: Any, **values: Any) -> None:
            exports.discard(member=cast.home.owner, export_id=export.pk, now=timezone.now())
            finish(*args, **values)

        monkeypatch.setattr(exports_work, "_finish", discarded_meanwhile)
        tasks.make_export(export_id=str(export.pk))
        export.refresh_from_db()
        assert (export.state, export.files, files_left()) == ("gone", [], [])


class TestTheWork:
    def test_of_a_lost_message_is_found_by_the_sweep(self, cast: Cast, nudged: list[str]) -> None:
        export = asked(cast.home.owner)
        nudged.clear()
        tasks.sweep_exports()
        assert nudged == [str(export.pk)]
        tasks.make_export(export_id=nudged[0])
        tasks.sweep_exports()
        assert nudged == [str(export.pk)]

    def test_of_a_dead_worker_begins_anew(
        self, cast: Cast, nudged: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told(cast.home.owner)
        export = asked(cast.home.owner)
        dead = exports_work._claim(export.pk, now=timezone.now())
        assert dead is not None
        default_storage.save(f"{dead.folder}/messages.csv", io.BytesIO(b"half"))
        nudged.clear()
        tasks.make_export(export_id=str(export.pk))
        tasks.sweep_exports()
        assert nudged == []
        later = timezone.now() + exports_work.LEASE
        monkeypatch.setattr("conversations.tasks.timezone.now", lambda: later)
        tasks.sweep_exports()
        assert nudged == [str(export.pk)]
        exports_work.make(export_id=export.pk, clock=lambda: later)
        export.refresh_from_db()
        assert (export.state, export.attempts) == ("ready", 2)
        assert [file["rows"] for file in export.files] == [1, 2, 1, 0]
        assert fetch(cast.home.owner, export, "messages.csv").getvalue() != b"half"
        exports_work.purge(now=later + exports_work.KEPT)
        assert files_left() == []

    def test_of_a_worker_declared_dead_is_refused(self, cast: Cast) -> None:
        export = asked(cast.home.owner)
        now = timezone.now()
        slow = exports_work._claim(export.pk, now=now)
        assert slow is not None
        exports_work.make(export_id=export.pk, clock=lambda: now + exports_work.LEASE)
        with pytest.raises(exports_work.Stopped):
            exports_work._hold(slow, done_rows=1, now=now + exports_work.LEASE)
        export.refresh_from_db()
        assert (export.state, export.attempts) == ("ready", 2)

    def test_that_fails_is_tried_again_and_then_given_up(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        told(cast.home.owner)
        export = asked(cast.home.owner)

        def breaks(*_args: object) -> None:
            raise OSError("COMMENT-coached")

        monkeypatch.setattr(exports_work, "_finish", breaks)
        began = timezone.now()
        for attempt in range(exports_work.ATTEMPTS):
            now = began + attempt * exports_work.PAUSE
            exports_work.make(export_id=export.pk, clock=repeat(now).__next__)
            export.refresh_from_db()
            assert export.attempts == attempt + 1
            assert files_left() == []
        assert (export.state, export.files) == ("failed", [])
        assert "It could not be made" in signed_in(cast.home.owner).get("/exports/").content.decode()
        assert exports_work.due(now=began + timedelta(days=1)) == []

    def test_is_told_to_each_owner_once_however_often_it_breaks_off(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        inside = {f"conversation:{told(cast.home.owner).pk}" for _ in range(5)}
        export = asked(cast.home.coach, "feedback")
        record_each, batches = audit.record_each, count(1)

        def breaks_in_the_second_batch(**lines: Any) -> None:
            record_each(**lines)
            if next(batches) == 2:
                raise OSError

        monkeypatch.setattr(exports_work, "RECORDED_AT_ONCE", 2)
        monkeypatch.setattr(audit, "record_each", breaks_in_the_second_batch)
        began = timezone.now()
        exports_work.make(export_id=export.pk, clock=repeat(began).__next__)
        recorded = AuditEvent.objects.filter(action="feedback.exported", reason=f"export:{export.pk}")
        export.refresh_from_db()
        assert (export.state, recorded.count()) == ("waiting", 2)
        exports_work.make(export_id=export.pk, clock=repeat(began + exports_work.PAUSE).__next__)
        export.refresh_from_db()
        assert export.state == "ready"
        assert sorted(recorded.values_list("resource", flat=True)) == sorted(inside)

    def test_is_nobody_else_s_while_a_large_file_is_stored(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        export, began = asked(cast.home.owner), timezone.now()
        save, found = default_storage.save, []

        def slow(name: str, content: Any) -> str:
            found.append(exports_work.due(now=began + timedelta(minutes=9)))
            return save(name, content)

        monkeypatch.setattr(default_storage, "save", slow)
        exports_work.make(export_id=export.pk, clock=repeat(began).__next__)
        export.refresh_from_db()
        assert export.state == "ready"
        assert found == [[]] * 4

    def test_shows_how_far_it_is(self, cast: Cast) -> None:
        told(cast.home.owner)
        export = asked(cast.home.owner)
        claim = exports_work._claim(export.pk, now=timezone.now())
        assert claim is not None
        exports_work._hold(claim, done_rows=3, now=timezone.now())
        page = signed_in(cast.home.owner).get("/exports/", headers={"HX-Request": "true"}).content.decode()
        assert "3 of 4 rows are written." in page
        assert 'hx-trigger="every 2s"' in page

    @pytest.mark.parametrize("kind", ["own", "feedback"])
    def test_goes_with_a_conversation_that_is_in_it(self, cast: Cast, kind: str) -> None:
        member = cast.home.owner if kind == "own" else cast.home.coach
        conversation, name = told(cast.home.owner), "feedback.csv"
        export, other = made(member, kind), made(cast.away.owner)
        assert fetch(member, export, name).status_code == 200
        organizing.delete(member=cast.home.owner, conversation_id=conversation.pk, now=timezone.now())
        for each in (export, other):
            each.refresh_from_db()
        assert (export.state, export.opened, other.state) == ("gone", {}, "ready")
        assert fetch(member, export, name).status_code == 404

    def test_of_feedback_goes_on_while_conversations_go_that_nobody_rated(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told(cast.home.owner)
        unrated = begin(cast.home.owner)
        export, hold = asked(cast.home.coach, "feedback"), exports_work._hold

        def hold_after_it_went(*arguments: Any, **values: Any) -> None:
            if Conversation.objects.filter(pk=unrated.pk, deleted_at=None).exists():
                organizing.delete(member=cast.home.owner, conversation_id=unrated.pk, now=timezone.now())
            hold(*arguments, **values)

        monkeypatch.setattr(exports_work, "_hold", hold_after_it_went)
        tasks.make_export(export_id=str(export.pk))
        export.refresh_from_db()
        assert (export.state, export.attempts) == ("ready", 1)
        assert not Conversation.objects.filter(pk=unrated.pk, deleted_at=None).exists()

    @pytest.mark.parametrize("kind", ["own", "feedback"])
    def test_that_is_being_made_begins_anew_without_a_conversation_that_goes(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        member = cast.home.owner if kind == "own" else cast.home.coach
        goes = told(cast.home.owner)
        told(cast.home.owner, visibility="private")
        export, hold = asked(member, kind), exports_work._hold

        def hold_after_it_went(*arguments: Any, **values: Any) -> None:
            if values.get("lasts") and Conversation.objects.filter(pk=goes.pk, deleted_at=None).exists():
                organizing.delete(member=cast.home.owner, conversation_id=goes.pk, now=timezone.now())
            hold(*arguments, **values)

        monkeypatch.setattr(exports_work, "_hold", hold_after_it_went)
        for state in ("waiting", "ready"):
            tasks.make_export(export_id=str(export.pk))
            export.refresh_from_db()
            assert export.state == state
        found = table(member, export, "feedback.csv")
        assert str(goes.pk) not in {row["conversation_id"] for row in found}
        assert len(found) == 1

    def test_of_somebody_deactivated_is_given_up(self, cast: Cast) -> None:
        export = asked(cast.home.owner)
        User.objects.filter(pk=cast.home.owner.pk).update(is_active=False)
        tasks.make_export(export_id=str(export.pk))
        export.refresh_from_db()
        assert (export.state, files_left()) == ("failed", [])

    def test_of_a_row_that_is_gone_is_quiet(self) -> None:
        tasks.make_export(export_id=NO_EXPORT)
        assert files_left() == []
