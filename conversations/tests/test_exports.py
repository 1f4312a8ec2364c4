"""Exports: who may have what, how they are made whatever happens, and who can fetch them for how long."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts import quotas
from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast
from accounts.tests.factories import UserFactory
from conversations import diary, organizing, tasks
from conversations.analytics_masking import FEWEST
from conversations.models import Conversation, Feedback, Handoff
from conversations.outward import Export
from conversations.tests.exporting import NO_EXPORT, asked, fetch, files_left, made, signed_in, table, told
from conversations.tests.factories import QUOTE, add, begin

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("nudged")]


class TestBeyondTheQuota:
    def ask(self, member: User) -> Any:
        return signed_in(member).post("/exports/ask/", {"kind": "own", "file_format": "csv"})

    def test_no_export_is_begun_and_the_page_says_when(self, cast: Cast, settings: Any) -> None:
        settings.QUOTAS = {
            **settings.QUOTAS,
            "educator": {**settings.QUOTAS["educator"], "exports": "1/day"},
        }
        assert self.ask(cast.home.owner).status_code == 302
        Export.objects.update(state="gone")
        page = self.ask(cast.home.owner)
        assert (page.status_code, page["RateLimit-Policy"]) == (429, '"exports";q=1;w=86400')
        assert 0 < int(page["Retry-After"]) <= 86_400
        assert "You can begin the next in 24 hours." in page.content.decode()
        assert Export.objects.count() == 1

    def test_little_is_shown_before_nothing_is_left(self, cast: Cast, settings: Any) -> None:
        settings.QUOTAS = {
            **settings.QUOTAS,
            "educator": {**settings.QUOTAS["educator"], "exports": "5/day"},
        }
        browser = signed_in(cast.home.owner)
        for place in ("/exports/", "/settings/your-data/"):
            assert "left for now" not in browser.get(place).content.decode()
        for _ in range(4):
            browser.post("/exports/ask/", {"kind": "own", "file_format": "csv"})
            Export.objects.update(state="gone")
        for place in ("/exports/", "/settings/your-data/"):
            assert "1 export left for now; all 5 in 20 hours." in browser.get(place).content.decode()

    def test_one_that_is_not_begun_spends_nothing(self, cast: Cast, settings: Any) -> None:
        settings.QUOTAS = {
            **settings.QUOTAS,
            "educator": {**settings.QUOTAS["educator"], "exports": "2/day"},
        }
        for _ in range(5):
            assert self.ask(cast.home.owner).status_code == 302
        Export.objects.update(state="gone")
        assert self.ask(cast.home.owner).status_code == 302
        assert Export.objects.count() == 2

    def test_without_redis_no_export_is_begun(self, cast: Cast, settings: Any) -> None:
        settings.QUOTAS_URL = "redis://127.0.0.1:1/0"
        page = self.ask(cast.home.owner)
        assert (page.status_code, page["Retry-After"]) == (503, "5")
        assert "Nothing can be exported just now" in page.content.decode()
        assert not Export.objects.exists()


class TestOwnData:
    def test_is_every_row_of_the_owner_and_none_of_anybody_else(self, cast: Cast) -> None:
        owner = cast.home.owner
        mine = {told(owner).pk, told(owner, visibility="private").pk}
        told(cast.home.coach)
        told(cast.away.owner)
        deleted = told(owner)
        organizing.delete(member=owner, conversation_id=deleted.pk, now=timezone.now())
        export = made(owner)
        conversations = table(owner, export, "conversations.csv")
        messages = table(owner, export, "messages.csv")
        feedback = table(owner, export, "feedback.csv")
        assert {UUID(row["id"]) for row in conversations} == mine
        assert {UUID(row["conversation_id"]) for row in messages} == mine
        assert {UUID(row["conversation_id"]) for row in feedback} == mine
        assert [row["text"] for row in messages] == [
            *("QUESTION-coached", "ANSWER-coached [1]."),
            *("QUESTION-private", "ANSWER-private [1]."),
        ]
        assert {row["rating"] for row in feedback} == {"not helpful"}
        assert QUOTE in messages[1]["sources"]

    def test_says_when_something_was_last_done_with_a_conversation(self, cast: Cast) -> None:
        conversation, later = told(cast.home.owner), timezone.now() + timedelta(hours=1)
        organizing.rename(member=cast.home.owner, conversation_id=conversation.pk, title="Norms", now=later)
        (row,) = table(cast.home.owner, made(cast.home.owner), "conversations.csv")
        assert (row["title"], datetime.fromisoformat(row["updated_at"])) == ("Norms", later)

    def test_as_json_lines_is_exact(self, cast: Cast) -> None:
        conversation = told(cast.home.owner)
        add(conversation, '=SUM(A1) äöü\n"x"', by="client", sender=cast.home.owner)
        export = made(cast.home.owner, file_format="jsonl")
        lines = fetch(cast.home.owner, export, "messages.jsonl").getvalue().splitlines()
        rows = [orjson.loads(line) for line in lines]
        assert [row["text"] for row in rows] == [
            *("QUESTION-coached", "ANSWER-coached [1]."),
            '=SUM(A1) äöü\n"x"',
        ]
        assert rows[1]["sources"][0]["quote"] == QUOTE

    def test_has_a_manifest_with_rows_and_checksums(self, cast: Cast) -> None:
        told(cast.home.owner)
        export = made(cast.home.owner)
        manifest = orjson.loads(fetch(cast.home.owner, export, "manifest.json").getvalue())
        assert [(file["name"], file["rows"]) for file in manifest["files"]] == [
            ("conversations.csv", 1),
            ("messages.csv", 2),
            ("feedback.csv", 1),
        ]
        for file in manifest["files"]:
            content = fetch(cast.home.owner, export, file["name"]).getvalue()
            assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])

    def test_is_sent_as_a_file_that_nobody_keeps(self, cast: Cast) -> None:
        response = fetch(cast.home.owner, made(cast.home.owner), "messages.csv")
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert response.headers["Content-Disposition"].startswith('attachment; filename="sideline-')
        assert response.headers["Cache-Control"] == "private, no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


class TestFeedbackForCoaches:
    def test_holds_words_only_where_they_may_read_them(self, cast: Cast) -> None:
        open_, closed = told(cast.home.owner), told(cast.home.owner, visibility="private")
        told(cast.away.owner)
        rows = table(cast.home.coach, made(cast.home.coach, "feedback"), "feedback.csv")
        assert [(row["conversation_id"], row["words"], row["answer"], row["comment"]) for row in rows] == [
            (str(open_.pk), "open", "ANSWER-coached [1].", "COMMENT-coached"),
            (str(closed.pk), "withheld", "", ""),
        ]

    def test_of_an_administrator_holds_no_words_at_all(self, cast: Cast) -> None:
        told(cast.home.owner)
        rows = table(cast.home.admin, made(cast.home.admin, "feedback"), "feedback.csv")
        assert [(row["words"], row["answer"], row["comment"]) for row in rows] == [("withheld", "", "")]

    def test_is_in_the_diary_of_those_whose_words_are_inside(self, cast: Cast) -> None:
        open_ = told(cast.home.owner)
        told(cast.home.owner, visibility="private")
        made(cast.home.coach, "feedback")
        events = AuditEvent.objects.filter(action="feedback.exported")
        assert [(event.actor_id, event.resource) for event in events] == [
            (cast.home.coach.pk, f"conversation:{open_.pk}")
        ]
        (entry,) = diary.page(cast.home.owner).entries
        assert entry.what == "took your rating, your comment and the answer you rated along in a file"

    @pytest.mark.parametrize(
        "change",
        [{"visibility": "private"}, {"deleted_at": datetime(2026, 3, 2, tzinfo=UTC)}, {"coach": None}],
    )
    def test_is_deleted_when_its_words_are_no_longer_theirs(self, cast: Cast, change: dict[str, Any]) -> None:
        told(cast.home.owner)
        export = made(cast.home.coach, "feedback")
        Conversation.objects.update(**change)
        response = fetch(cast.home.coach, export, "feedback.csv")
        assert (response.status_code, response.headers["Location"]) == (302, "/exports/")
        export.refresh_from_db()
        assert (export.state, export.files, files_left()) == ("gone", [], [])
        assert fetch(cast.home.coach, export, "feedback.csv").status_code == 404

    def test_is_no_longer_for_somebody_who_stopped_coaching(self, cast: Cast) -> None:
        told(cast.home.owner)
        export = made(cast.home.coach, "feedback")
        User.objects.filter(pk=cast.home.coach.pk).update(role="educator")
        assert fetch(cast.home.coach, export, "feedback.csv").status_code == 404


class TestCountsForAdministrators:
    def test_hold_no_words_and_no_days_of_few_people(self, cast: Cast) -> None:
        today = timezone.now()
        people = [
            cast.home.owner,
            *UserFactory.create_batch(FEWEST - 1, organization=cast.home.organization),
        ]
        for person in people:
            told(person)
        yesterday = today - timedelta(days=1)
        self.told_on(yesterday, cast.home.owner)
        self.told_on(today - timedelta(days=2), cast.home.owner)
        told(cast.away.owner)
        export = made(cast.home.admin, "daily_counts")
        _, few, many = table(cast.home.admin, export, "days.csv")
        assert few == {"day": f"{yesterday:%Y-%m-%d}", "shown": "no", **dict.fromkeys(list(few)[2:], "")}
        assert many == {
            "day": f"{today:%Y-%m-%d}",
            "shown": "yes",
            "conversations": "5",
            "people": "5",
            "questions": "5",
            "answers": "5",
            "coach_messages": "0",
            "helpful": "0",
            "not_helpful": "5",
            "handoffs": "0",
        }

    def test_hold_no_count_of_few_people_on_a_day_of_many(self, cast: Cast) -> None:
        people = [
            cast.home.owner,
            *UserFactory.create_batch(FEWEST, organization=cast.home.organization),
        ]
        begun = [begin(person) for person in people]
        for conversation in begun:
            add(conversation, "How do we begin?", by="client", sender=conversation.owner)
        conversation = begun[0]
        Feedback.objects.create(message=add(conversation, "So."), author=conversation.owner, score=1)
        asked_for = {"organization": cast.home.organization, "requested_at": timezone.now()}
        Handoff.objects.create(conversation=conversation, reason="crisis", **asked_for)
        (day,) = table(cast.home.admin, made(cast.home.admin, "daily_counts"), "days.csv")
        assert (day["questions"], day["conversations"], day["not_helpful"]) == ("6", "6", "0")
        assert (day["answers"], day["helpful"], day["handoffs"]) == ("", "", "")

    def test_hide_the_next_smallest_day_with_one_that_is_hidden_alone(self, cast: Cast) -> None:
        people = UserFactory.create_batch(FEWEST + 1, organization=cast.home.organization)
        today = timezone.now()
        for days, active in ((0, 6), (1, 5), (2, 1)):
            for person in people[:active]:
                self.told_on(today - timedelta(days=days), person)
        found = table(cast.home.admin, made(cast.home.admin, "daily_counts"), "days.csv")
        assert [(each["shown"], each["questions"]) for each in found] == [
            ("no", ""),
            ("no", ""),
            ("yes", "6"),
        ]

    def told_on(self, day: datetime, person: User) -> None:
        """Have somebody ask and be answered on a day."""
        conversation = told(person)
        conversation.messages.update(created_at=day)
        Feedback.objects.filter(message__conversation=conversation).update(created_at=day)
        Conversation.objects.filter(pk=conversation.pk).update(created_at=day)


class TestWhoMayAsk:
    @pytest.mark.parametrize(
        ("who", "kinds"),
        [("owner", {"own"}), ("coach", {"own", "feedback"}), ("admin", {"own", "feedback", "daily_counts"})],
    )
    def test_depends_on_the_role(self, cast: Cast, who: str, kinds: set[str]) -> None:
        member = getattr(cast.home, who)
        page = signed_in(member).get("/exports/").content.decode()
        for kind in Export.Kind:
            assert (f'value="{kind}"' in page) == (kind in kinds)
            Export.objects.all().delete()
            signed_in(member).post("/exports/ask/", {"kind": kind, "file_format": "csv"})
            assert Export.objects.count() == (1 if kind in kinds else 0)

    def test_one_at_a_time(self, cast: Cast, nudged: list[str]) -> None:
        first = asked(cast.home.owner)
        signed_in(cast.home.owner).post("/exports/ask/", {"kind": "own", "file_format": "jsonl"})
        assert Export.objects.count() == 1
        assert nudged == [str(first.pk)]
        with pytest.raises(IntegrityError, match="export_one_at_a_time"), transaction.atomic():
            Export.objects.create(
                organization=cast.home.organization, requested_by=cast.home.owner, kind="own", format="csv"
            )
        tasks.make_export(export_id=str(first.pk))
        signed_in(cast.home.owner).post("/exports/ask/", {"kind": "own", "file_format": "jsonl"})
        assert Export.objects.count() == 2

    def test_is_on_record_without_words(self, cast: Cast) -> None:
        told(cast.home.owner)
        export = made(cast.home.owner)
        fetch(cast.home.owner, export, "messages.csv")
        events = AuditEvent.objects.filter(action__startswith="export.").order_by("sequence")
        assert [(event.action, event.resource, event.reason) for event in events] == [
            ("export.requested", f"person:{cast.home.owner.pk}", "own csv"),
            ("export.downloaded", f"person:{cast.home.owner.pk}", "own csv"),
        ]
        page = signed_in(cast.home.owner).get("/diary/").content.decode()
        assert "<strong>You</strong> downloaded a file of your data." in page


class TestFetching:
    def test_is_for_nobody_else(self, cast: Cast) -> None:
        told(cast.home.owner)
        export = made(cast.home.owner)
        for member in (cast.home.coach, cast.home.admin, cast.away.owner, cast.away.admin):
            foreign = fetch(member, export, "messages.csv")
            missing = signed_in(member).get(f"/exports/{NO_EXPORT}/messages.csv/")
            assert (foreign.status_code, foreign.content) == (404, missing.content)
            assert signed_in(member).post(f"/exports/{export.pk}/discard/").status_code == 404
        assert Client().get(f"/exports/{export.pk}/messages.csv/").status_code == 302
        assert len(files_left()) == 4

    def test_ends_with_its_day(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        export = made(cast.home.owner)
        assert export.expires_at is not None
        assert export.finished_at is not None
        assert export.expires_at - export.finished_at == timedelta(hours=24)
        now = export.expires_at - timedelta(seconds=1)
        monkeypatch.setattr("conversations.export_pages.timezone.now", lambda: now)
        assert fetch(cast.home.owner, export, "messages.csv").status_code == 200
        expired = export.expires_at
        monkeypatch.setattr("conversations.export_pages.timezone.now", lambda: expired)
        assert fetch(cast.home.owner, export, "messages.csv").status_code == 404

    @pytest.mark.parametrize("name", ["nothing.csv", "..%2F..%2Fsecret", "messages.jsonl"])
    def test_reaches_no_other_file(self, cast: Cast, name: str) -> None:
        assert fetch(cast.home.owner, made(cast.home.owner), name).status_code == 404

    def test_of_what_is_not_ready_finds_nothing(self, cast: Cast) -> None:
        assert fetch(cast.home.owner, asked(cast.home.owner), "messages.csv").status_code == 404


class TestADownload:
    def test_reads_no_storage_while_others_wait_for_the_record(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        export = made(cast.home.owner)
        opened, held = default_storage.open, list[int]()

        def open_(*arguments: Any) -> Any:
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
                held.append(cursor.fetchone()[0])
            return opened(*arguments)

        monkeypatch.setattr(default_storage, "open", open_)
        response = fetch(cast.home.owner, export, "messages.csv")
        assert (held, connection.in_atomic_block, response.streaming) == ([0], False, True)

    def test_that_does_not_come_about_is_not_on_record(self, cast: Cast) -> None:
        export = made(cast.home.owner)
        default_storage.delete(export.files[0]["path"])
        assert fetch(cast.home.owner, export, export.files[0]["name"]).status_code == 404
        assert not AuditEvent.objects.filter(action="export.downloaded").exists()

    def test_counts_as_a_request(self, cast: Cast, settings: Any) -> None:
        export = made(cast.home.owner)
        settings.QUOTAS = {
            **settings.QUOTAS,
            "educator": {**settings.QUOTAS["educator"], "requests": "2/hour"},
        }
        quotas.forget()
        answers = [fetch(cast.home.owner, export, "messages.csv").status_code for _ in range(3)]
        assert answers == [200, 200, 429]
        assert AuditEvent.objects.filter(action="export.downloaded").count() == 2
