"""What has been kept long enough goes, and nothing else; a dry run writes nothing at all."""

import json
import os
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import retention
from accounts.lifecycle_models import AccountExport
from accounts.models import AuditEvent, Organization, SavedReply, User
from accounts.tests.cast import Cast
from coaching.models import MonthlyUsage, PromptRun
from config.tests.aged import NOW, days_ago, export, mail, taken_along, ways_in
from conversations import exports_work, organizing
from conversations.models import Conversation, Feedback, Message, MonthlyFeedback
from conversations.outward import Export
from conversations.tests.factories import begin, say
from knowledge.library import Shelf
from knowledge.tests.ingesting import add


def archived(member: User, days: float) -> Conversation:
    """Return a conversation that was archived so many days before `NOW`."""
    conversation = begin(member)
    say(member, conversation, "Kept for a time")
    organizing.set_status(
        member=member, conversation_id=conversation.pk, status="archived", now=days_ago(days)
    )
    Conversation.objects.filter(pk=conversation.pk).update(updated_at=days_ago(days))
    return conversation


def deleted(member: User, days: float) -> Conversation:
    """Return a conversation that was deleted so many days before `NOW`."""
    conversation = begin(member)
    say(member, conversation, "Thrown away")
    organizing.delete(member=member, conversation_id=conversation.pk, now=days_ago(days))
    return conversation


def thumb(member: User, days: float, score: int, reasons: list[str]) -> None:
    """Leave a thumb so many days before `NOW`."""
    conversation = begin(member)
    say(member, conversation, "Rated long ago")
    message = Message.objects.filter(conversation=conversation, sender_type="ai").get()
    given = Feedback.objects.create(message=message, author=member, score=score, reasons=reasons, comment="x")
    Feedback.objects.filter(pk=given.pk).update(created_at=days_ago(days), updated_at=days_ago(days))


def call(organization: Organization | None, days: float, **values: Any) -> None:
    """Note a call to a provider so many days before `NOW`."""
    usual = {
        "purpose": "answer",
        "provider": "p",
        "model": "m",
        "status": "ok",
        "input_tokens": 10,
        "output_tokens": 5,
        "cost_usd": "0.01",
    }
    PromptRun.objects.create(organization=organization, at=days_ago(days), **{**usual, **values})


def everything_old(cast: Cast) -> None:
    """Leave one of everything that is too old, and one of everything that is not, in both organizations."""
    for house in (cast.home, cast.away):
        for days in (731, 729):
            archived(house.owner, days)
        for days in (31, 29):
            deleted(house.owner, days)
        for days in (366, 364):
            thumb(house.owner, days, 1, [])
            call(house.organization, days)
        ways_in(house)
        taken_along(house)
    call(None, 366)
    mail(None, 91)
    for late in (0.1, -0.1):
        export(cast.home.owner, late)
    for hours in (25, 23):
        SavedReply.objects.create(user=cast.home.owner, key=f"k{hours}", claimed_at=days_ago(hours / 24))
    default_storage.save(f"exports/{uuid4()}/1/own.csv", ContentFile(b"x"))
    Session.objects.create(session_key="old", session_data="", expire_date=days_ago(1))
    name = default_storage.save("account-exports/old.zip", ContentFile(b"x"))
    AccountExport.objects.create(
        person=cast.home.owner, state="ready", file=name, size=1, sha256="x", expires_at=days_ago(1)
    )
    orphan = default_storage.save(f"documents/{uuid4()}/source.md", ContentFile(b"x"))
    age(orphan)


def age(name: str) -> None:
    """Make a stored file three hours older than `NOW`."""
    before = (NOW - timedelta(hours=3)).timestamp()
    os.utime(default_storage.path(name), (before, before))


def rows() -> dict[str, str]:
    """Return a digest of every row of every table."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            digest = f"SELECT md5(coalesce(string_agg(each::text, '|' ORDER BY each::text), '')) FROM \"{table}\" AS each"  # noqa: S608 -- names of our own tables
            cursor.execute(digest)
            found[table] = cursor.fetchone()[0]
    return found


def files() -> list[str]:
    """Return every stored file."""
    return sorted(str(path) for path in Path(default_storage.path("")).rglob("*") if path.is_file())


def applied(**options: Any) -> dict[str, dict[str, int]]:
    """Run the command at `NOW` and return its counts by organization."""
    out = StringIO()
    call_command("retention", report="json", stdout=out, **options)
    return {outcome["name"]: outcome["counts"] for outcome in json.loads(out.getvalue())["outcomes"]}


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


HOUSE = {
    "archived_conversations": 1,
    "deleted_conversations": 1,
    "feedback": 1,
    "share_links": 1,
    "exports": 1,
    "provider_calls": 1,
    "daily_spending": 1,
    "mails": 1,
    "invitations": 1,
    "api_keys": 2,
    "monthly_messages": 1,
}
INSTALLATION = {
    "export_files": 1,
    "lost_export_files": 1,
    "provider_calls": 1,
    "daily_spending": 0,
    "document_files": 1,
    "account_exports": 1,
    "account_export_files": 0,
    "sessions": 1,
    "api_replies": 1,
    "dashboard_log": 0,
    "mails": 1,
    "api_keys": 0,
}


class TestARun:
    def test_takes_exactly_what_is_too_old(self, cast: Cast) -> None:
        everything_old(cast)
        assert applied() == {
            "Riverside School": HOUSE,
            "Hillside School": HOUSE,
            "Installation": INSTALLATION,
        }
        assert Conversation.objects.filter(status="archived").count() == 2
        assert Conversation.objects.exclude(deleted_at=None).count() == 2
        assert Feedback.objects.count() == 2
        assert PromptRun.objects.count() == 2
        assert not Session.objects.filter(session_key="old").exists()
        assert AccountExport.objects.get().state == "expired"
        assert [Path(file).name for file in files()] == ["own.csv"]

    def test_keeps_what_was_archived_without_a_time_for_the_whole_of_it_from_then_on(
        self, cast: Cast
    ) -> None:
        conversation = archived(cast.home.owner, 1000)
        Conversation.objects.filter(pk=conversation.pk).update(archived_at=None)
        assert applied()["Riverside School"]["archived_conversations"] == 0
        conversation.refresh_from_db()
        assert conversation.archived_at == NOW
        for days, left in ((730, True), (731, False)):
            retention.run(now=NOW + timedelta(days=days))
            assert Conversation.objects.filter(pk=conversation.pk).exists() is left

    def test_finds_nothing_the_second_time_and_records_nothing_then(self, cast: Cast) -> None:
        everything_old(cast)
        applied()
        recorded = AuditEvent.objects.filter(action="retention").count()
        assert recorded == 3
        assert {count for counts in applied().values() for count in counts.values()} == {0}
        assert AuditEvent.objects.filter(action="retention").count() == recorded

    def test_records_what_went_as_counts_for_its_organization(self, cast: Cast) -> None:
        everything_old(cast)
        applied()
        event = AuditEvent.objects.get(action="retention", organization_id=cast.home.organization.pk)
        assert event.actor_id is None
        assert event.reason == (
            "archived_conversations 1, deleted_conversations 1, feedback 1, share_links 1, exports 1, "
            "provider_calls 1, daily_spending 1, mails 1, invitations 1, api_keys 2, monthly_messages 1"
        )

    def test_without_writing_says_the_same_and_writes_nothing(self, cast: Cast) -> None:
        everything_old(cast)
        before = rows(), files()
        planned = applied(dry_run=True)
        assert (rows(), files()) == before
        assert applied() == planned

    def test_for_one_organization_leaves_the_other_and_the_installation_alone(self, cast: Cast) -> None:
        everything_old(cast)
        assert applied(organization="riverside school") == {"Riverside School": HOUSE}
        assert applied(organization=str(cast.away.organization.pk)) == {"Hillside School": HOUSE}
        assert Session.objects.filter(session_key="old").exists()

    def test_for_an_unknown_organization_is_refused(self, cast: Cast) -> None:
        with pytest.raises(CommandError, match="no such organization"):
            applied(organization="Nowhere")

    def test_goes_on_where_it_was_interrupted(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        for _ in range(5):
            deleted(cast.home.owner, 40)
        monkeypatch.setattr(retention, "BATCH", 2)
        batches = iter([None, None])
        atomic = transaction.atomic

        def dying(*arguments: Any, **named: Any) -> Any:
            if not arguments and not named and next(batches, "dead") == "dead":
                raise KeyboardInterrupt
            return atomic(*arguments, **named)

        rule = next(rule for rule in retention.rules() if rule.name == "deleted_conversations")
        with monkeypatch.context() as patched:
            patched.setattr(transaction, "atomic", dying)
            with pytest.raises(KeyboardInterrupt):
                retention._purge(rule, cast.home.organization, NOW)
        assert Conversation.objects.count() == 1
        assert applied()["Riverside School"]["deleted_conversations"] == 1

    def test_takes_the_exports_along_in_which_words_of_the_conversation_are(self, cast: Cast) -> None:
        gone = deleted(cast.home.owner, 40)
        with_words, without = export(cast.home.coach, -1), export(cast.home.admin, -1)
        Export.objects.filter(pk=with_words.pk).update(opened={str(gone.pk): 1, str(uuid4()): 1})
        Export.objects.filter(pk=without.pk).update(opened={str(uuid4()): 1})
        applied()
        states = dict(Export.objects.values_list("requested_by__role", "state"))
        assert states == {"coach": "gone", "admin": "ready"}
        exports_work.purge(now=NOW + timedelta(minutes=3))
        assert [Path(file).parts[-3] for file in files()] == [str(without.pk)]

    def test_takes_the_kept_replies_of_the_api_along_that_tell_of_the_conversation(self, cast: Cast) -> None:
        gone = deleted(cast.home.owner, 40)
        for key, about in (("gone", gone.pk), ("other", uuid4()), ("none", None)):
            SavedReply.objects.create(user=cast.home.owner, key=key, claimed_at=NOW, about=about)
        applied()
        assert set(SavedReply.objects.values_list("key", flat=True)) == {"other", "none"}

    def test_tells_people_in_text(self, cast: Cast) -> None:
        deleted(cast.home.owner, 40)
        out = StringIO()
        call_command("retention", dry_run=True, stdout=out)
        assert "deleted conversations              1 would go" in " ".join(out.getvalue().splitlines())


class TestWhatStays:
    def test_a_conversation_in_which_somebody_waits_however_old(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "I want to die")
        Conversation.objects.filter(pk=conversation.pk).update(
            status="archived", archived_at=days_ago(4000), updated_at=days_ago(4000)
        )
        assert applied()["Riverside School"]["archived_conversations"] == 0
        assert Conversation.objects.filter(pk=conversation.pk).exists()

    def test_a_conversation_that_was_archived_lately_however_old_its_words(self, cast: Cast) -> None:
        conversation = archived(cast.home.owner, 10)
        Conversation.objects.filter(pk=conversation.pk).update(updated_at=days_ago(2000))
        assert applied()["Riverside School"]["archived_conversations"] == 0

    def test_an_active_conversation_however_old(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        Conversation.objects.filter(pk=conversation.pk).update(updated_at=days_ago(4000))
        assert applied()["Riverside School"] == dict.fromkeys(HOUSE, 0)

    def test_files_of_a_version_and_files_that_wait_for_their_row(self, cast: Cast) -> None:
        version = add(Shelf(cast.home.organization.pk)).version
        age(str(version.file))
        young = default_storage.save(f"documents/{uuid4()}/source.md", ContentFile(b"x"))
        os.utime(default_storage.path(young), (NOW.timestamp(), NOW.timestamp()))
        assert applied()["Installation"]["document_files"] == 0
        assert len(files()) == 2


class TestMonthlyTotals:
    def test_of_calls_are_exact_and_add_up_over_runs(self, cast: Cast) -> None:
        house = cast.home.organization
        for days in (400, 401, 402):
            call(house, days)
        call(house, 403, status="error", cost_usd="0")
        applied()
        call(house, 400)
        applied()
        kept = MonthlyUsage.objects.order_by("status").values_list(
            "month", "status", "calls", "input_tokens", "output_tokens", "cost_usd"
        )
        month = days_ago(400).date().replace(day=1)
        assert [(*row[:5], str(row[5])) for row in kept] == [
            (month, "error", 1, 10, 5, "0.000000"),
            (month, "ok", 4, 40, 20, "0.040000"),
        ]
        assert not PromptRun.objects.exists()

    def test_of_thumbs_count_each_thumb_once_and_each_reason(self, cast: Cast) -> None:
        thumb(cast.home.owner, 400, -1, ["inaccurate", "other"])
        thumb(cast.home.owner, 401, -1, ["inaccurate"])
        thumb(cast.home.owner, 402, 1, [])
        applied()
        kept = MonthlyFeedback.objects.order_by("score", "reason").values_list("score", "reason", "thumbs")
        assert list(kept) == [(-1, "", 2), (-1, "inaccurate", 2), (-1, "other", 1), (1, "", 1)]
        assert not Feedback.objects.exists()


class TestAnOrganizationsOwnTimes:
    def test_are_kept_to(self, cast: Cast) -> None:
        Organization.objects.filter(pk=cast.home.organization.pk).update(keep_deleted_days=7)
        deleted(cast.home.owner, 8)
        deleted(cast.away.owner, 8)
        counts = applied()
        assert counts["Riverside School"]["deleted_conversations"] == 1
        assert counts["Hillside School"]["deleted_conversations"] == 0

    @pytest.mark.parametrize(
        ("name", "days"),
        [
            ("keep_archived_days", 89),
            ("keep_archived_days", 3651),
            ("keep_deleted_days", 0),
            ("keep_deleted_days", 31),
            ("keep_events_days", 89),
            ("keep_events_days", 1096),
        ],
    )
    def test_have_bounds_in_the_database(self, cast: Cast, name: str, days: int) -> None:
        with pytest.raises(IntegrityError, match="organization_keeps_within_bounds"), transaction.atomic():
            Organization.objects.filter(pk=cast.home.organization.pk).update(**{name: days})

    def test_are_set_by_the_administrator_within_them(self, cast: Cast, client: Any) -> None:
        client.force_login(cast.home.admin)
        house = cast.home.organization
        values = {
            "name": house.name,
            "kind": house.kind,
            "help_lines": "[]",
            "response_minutes": 30,
            "idle_minutes": 30,
            "allows_share_links": "on",
            "keep_archived_days": 365,
            "keep_deleted_days": 7,
            "keep_events_days": 90,
        }
        address = f"/admin/accounts/organization/{house.pk}/change/"
        refused = client.post(address, {**values, "keep_events_days": 30})
        assert "greater than or equal to 90" in refused.content.decode()
        assert client.post(address, values).status_code == 302
        house.refresh_from_db()
        assert (house.keep_archived_days, house.keep_deleted_days, house.keep_events_days) == (365, 7, 90)
        event = AuditEvent.objects.filter(action="organization_changed").latest("sequence")
        assert event.reason == "help_lines, keep_archived_days, keep_deleted_days, keep_events_days"


class TestAnExpiredCopy:
    def test_that_lost_its_file_is_expired_all_the_same(self, cast: Cast) -> None:
        AccountExport.objects.create(
            person=cast.home.owner, state="ready", file="account-exports/gone.zip", expires_at=days_ago(1)
        )
        assert applied()["Installation"]["account_exports"] == 1

    def test_whose_row_is_gone_is_found_by_its_file(self, cast: Cast) -> None:
        age(default_storage.save("account-exports/left.zip", ContentFile(b"x")))
        assert applied()["Installation"]["account_export_files"] == 1
        assert files() == []
