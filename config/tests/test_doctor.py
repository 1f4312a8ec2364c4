"""`manage.py doctor`: all well, and a fault planted for each check."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, models
from django.test.utils import isolate_apps
from django.utils import timezone
from redis import Redis

from accounts import audit, chain
from accounts.models import Organization
from accounts.tests.cast import Cast, House
from config import broker, disk, health
from config.addresses import redis_database
from config.doctor import credentials, examination, schema, tenants, work
from config.doctor.examination import CHECKS, Check, examine
from config.doctor.finding import State, ok
from config.doctor.schema import TableUse
from conversations import analytics as numbers
from conversations import handoff
from conversations.models import Conversation, Handoff, Interaction
from conversations.tests.factories import begin, say
from knowledge import spaces
from knowledge.ingestion import ledger
from knowledge.library import Shelf
from knowledge.models import DocumentVersion, EmbeddingSpace, IngestionStep
from knowledge.tests.ingesting import add

pytestmark = pytest.mark.django_db
Found = dict[str, dict[str, str]]


@pytest.fixture(autouse=True)
def _at_work(settings: Any, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have an empty broker of this test's own, a worker that was heard, and half a disk."""
    settings.CELERY_BROKER_URL = redis_database(redis_url, 9)
    health.note_heartbeat()
    monkeypatch.setattr(numbers, "refreshed_at", timezone.now)
    monkeypatch.setattr(disk, "used", lambda: {settings.SIDELINE_DATA: 0.5})


def doctor() -> tuple[int, Found]:
    """Run the command; return its exit status and its findings by name."""
    out = StringIO()
    status = 0
    try:
        call_command("doctor", "--json", stdout=out)
    except CommandError as error:
        status = error.returncode
    return status, {each["check"]: each for each in json.loads(out.getvalue())}


def told() -> str:
    """Run the command and return its table."""
    out = StringIO()
    try:
        call_command("doctor", "--no-color", stdout=out)
    except CommandError as error:
        out.write(str(error))
    return out.getvalue()


def state_of(check: str, *, status: int) -> tuple[str, str]:
    """Return the state and the text of one check, when the command ends with this status and all others are well."""
    ended, found = doctor()
    assert {name for name, each in found.items() if each["state"] != "ok"} <= {check}
    assert ended == status
    if found[check]["state"] != "ok":
        assert found[check]["next_step"]
    return found[check]["state"], found[check]["finding"]


class TestAnInstallationThatIsWell:
    def test_ends_with_zero_and_has_a_line_for_each_check(self, home: House) -> None:
        say(home.owner, begin(home.owner), "How do we begin?")
        status, found = doctor()
        assert status == 0
        assert list(found) == ["database", *(check.name for check in CHECKS)]
        assert {each["state"] for each in found.values()} == {"ok"}
        assert {each["next_step"] for each in found.values()} == {""}

    def test_is_told_as_a_table(self) -> None:
        lines = told().splitlines()
        assert lines[1] == "ok    migrations    all applied"
        assert len(lines) == len(CHECKS) + 1


class TestTheDatabase:
    def test_that_is_away_is_told_once_and_the_rest_is_still_looked_at(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away() -> None:
            raise OperationalError

        monkeypatch.setattr(connection, "cursor", away)
        status, found = doctor()
        assert status == 1
        assert found["database"]["finding"] == "does not answer (OperationalError)"
        assert found["record"]["finding"] == "not looked at: the database is away"
        assert found["queues"]["state"] == found["disk"]["state"] == "ok"

    def test_a_check_that_takes_too_long_is_cut_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def slow() -> Any:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(60)")

        monkeypatch.setattr(examination, "PATIENCE_MS", 20)
        _, (_, finding), (_, next_one) = examine([Check("slow", slow), Check("next", lambda: ok("looked"))])
        assert (finding.state, finding.text) == (State.WARN, "gave up after 0.02 s")
        assert next_one == ok("looked")

    def test_a_migration_that_waits_fails(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions' AND name = '0001_initial'")
        state, finding = state_of("migrations", status=1)
        assert (state, finding) == ("fail", "1 migration not applied, beginning with sessions.0001_initial")

    def test_a_missing_or_old_extension_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(schema, "EXTENSIONS", {"vector": (0, 8), "hstore_of_ours": (1, 0)})
        assert state_of("extensions", status=1) == ("fail", "missing: hstore_of_ours")
        monkeypatch.setattr(schema, "EXTENSIONS", {"vector": (9, 0)})
        assert state_of("extensions", status=0) == ("warn", "too old: vector")


class TestIndexes:
    def test_one_that_somebody_dropped_is_missed(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX conversation_list")
        assert state_of("indexes", status=1) == ("fail", "missing: conversation_list")

    def test_one_that_was_left_half_built_is_named(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'conversation_list'::regclass"
            )
        assert state_of("indexes", status=1) == ("fail", "invalid: conversation_list")

    def test_a_large_space_needs_its_vector_index(self, home: House, monkeypatch: pytest.MonkeyPatch) -> None:
        space = EmbeddingSpace.objects.create(provider="p", model="m", dimensions=384, state="active")
        assert doctor()[1]["vector index"]["finding"].startswith("not needed")
        monkeypatch.setattr(spaces, "needs_index", lambda _space: True)
        name = f"embedding_hnsw_{space.pk}"
        assert state_of("vector index", status=1)[1] == f"{name} is missing: large scopes are searched slowly"
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE INDEX {name} ON knowledge_passageembedding"
                " USING hnsw ((embedding::halfvec(384)) halfvec_ip_ops)"
            )
        assert doctor()[1]["vector index"] == {
            "check": "vector index",
            "state": "ok",
            "finding": f"{name} is valid",
            "next_step": "",
        }

    @pytest.mark.parametrize(
        ("table", "state"),
        [
            (TableUse("messages", 90_000, 5_000, 20), State.WARN),
            (TableUse("messages", 90_000, 5_000, 60_000), State.OK),
            (TableUse("messages", 90_000, 12, 0), State.OK),
        ],
    )
    def test_a_large_table_that_is_read_whole_is_noticed(self, table: TableUse, state: State) -> None:
        assert schema.judge_use([table]).state == state


class TestTheWork:
    def test_a_broker_that_is_away_fails(self, settings: Any) -> None:
        settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
        status, found = doctor()
        assert status == 1
        assert (found["queues"]["state"], found["worker"]["state"]) == ("fail", "fail")
        assert found["stale rows"]["state"] == "ok"

    def test_a_long_queue_wants_another_worker(self, settings: Any) -> None:
        with Redis.from_url(settings.CELERY_BROKER_URL) as client:
            client.lpush("ingestion", *["x"] * (work.LONG_QUEUE + 1))
        assert state_of("queues", status=0) == ("warn", "default 0, ingestion 501, long 0, unacknowledged 0")

    def test_a_worker_that_was_not_heard_fails(self, settings: Any) -> None:
        with Redis.from_url(settings.CELERY_BROKER_URL) as client:
            client.delete(health.HEARTBEAT_KEY)
        assert state_of("worker", status=1) == ("fail", "none was heard for 45 s")

    def test_a_turn_that_nobody_took_over_fails(self, home: House) -> None:
        say(home.owner, begin(home.owner), "How do we begin?")
        Interaction.objects.update(lease_until=timezone.now() - timedelta(minutes=5))
        state, finding = state_of("stale rows", status=1)
        assert (state, finding) == ("fail", "turns 1 overdue (of turns 1, handoffs 0, documents 0)")

    def test_a_document_whose_worker_died_fails_and_one_that_waits_does_not(self, home: House) -> None:
        version = add(Shelf(home.organization.pk, None)).version
        assert doctor()[0] == 0
        ledger.claim(version_id=version.pk, now=timezone.now() - timedelta(minutes=10))
        assert IngestionStep.objects.filter(state="running").count() == 1
        assert DocumentVersion.objects.get().state == "processing"
        assert state_of("stale rows", status=1)[1].startswith("documents 1 overdue")

    def test_somebody_who_waits_longer_than_promised_is_no_fault_of_a_process(self, home: House) -> None:
        conversation = begin(home.owner)
        handoff.ask_for_coach(member=home.owner, conversation_id=conversation.pk, now=timezone.now())
        Handoff.objects.update(requested_at=timezone.now() - timedelta(minutes=31))
        assert state_of("stale rows", status=0) == ("warn", "handoffs 1 overdue")

    def test_sessions_that_nobody_tidies_are_noticed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(work, "SWEPT_HOURLY", 2)
        for number in range(3):
            Session.objects.create(
                session_key=f"old-{number}", session_data="", expire_date=timezone.now() - timedelta(days=1)
            )
        assert state_of("sessions", status=0) == ("warn", "3 ended sessions kept")


class TestKeys:
    @isolate_apps("config")
    def test_that_ended_or_end_soon_are_counted(self) -> None:
        class Key(models.Model):
            expires_at = models.DateTimeField()
            revoked_at = models.DateTimeField(null=True)
            last_used_at = models.DateTimeField(null=True)

            class Meta:
                app_label = "config"

        now = timezone.now()
        with connection.schema_editor() as editor:
            editor.create_model(Key)
        ends = {"lasting": 90, "soon": 3, "ended": -3, "long ago": -90}
        for days in ends.values():
            Key._base_manager.create(expires_at=now + timedelta(days=days), last_used_at=now)
        Key._base_manager.create(expires_at=now + timedelta(days=3))
        Key._base_manager.create(expires_at=now + timedelta(days=3), last_used_at=now, revoked_at=now)
        assert credentials._holds_keys(Key)
        finding = credentials.keys_of([Key])
        assert (finding.state, finding.text) == (
            State.WARN,
            "1 key in use ended lately, 1 key will within 14 days",
        )
        Key._base_manager.filter(expires_at__lt=now + timedelta(days=30)).delete()
        assert credentials.keys_of([Key]) == ok("1 key in use")


class TestTenants:
    def test_a_row_that_points_into_another_organization_fails(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        Conversation.objects.filter(pk=conversation.pk).update(coach=cast.away.coach)
        assert state_of("tenants", status=1) == ("fail", "Conversation.coach 1 row")

    def test_so_does_one_that_only_its_parent_places(self, cast: Cast) -> None:
        message = begin(cast.home.owner).messages.create(
            sequence=1, sender_type="client", sender=cast.away.owner, content="Hello"
        )
        assert message.conversation.organization == cast.home.organization
        assert state_of("tenants", status=1) == ("fail", "Message.sender 1 row")

    def test_staff_belong_nowhere_and_disturb_nobody(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        staff = type(cast.home.owner).objects.create_superuser("root@example.org", name="Root")
        Conversation.objects.filter(pk=conversation.pk).update(coach=staff)
        assert state_of("tenants", status=0)[0] == "ok"

    def test_every_model_that_leads_to_an_organization_is_looked_at(self) -> None:
        looked_at = {f"{link[0].__name__}.{link[2]}" for link in tenants.links_of(_ours())}
        assert looked_at >= {
            "Team.coach",
            "TeamMembership.member",
            "Conversation.owner",
            "Conversation.coach",
            "Message.sender",
            "Interaction.reply",
            "Handoff.conversation",
            "Feedback.author",
            "Document.coach",
            "DocumentVersion.document",
            "Passage.version",
            "PassageEmbedding.passage",
            "PromptRun.user",
        }


def _ours() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model._meta.app_label in tenants.ROOMS]


def test_numbers_that_nobody_refreshes_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "refreshed_at", lambda: timezone.now() - timedelta(hours=2, minutes=1))
    assert state_of("analytics", status=0) == ("warn", "2 hours old")


def test_a_record_that_was_edited_fails(home: House) -> None:
    _, edited, _ = (
        audit.record(actor=home.admin, action="person_changed", resource=f"person:{uuid4()}").sequence
        for _ in range(3)
    )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE accounts_auditevent SET action = 'nothing' WHERE sequence = %s", [edited])
        cursor.execute("SET LOCAL session_replication_role = origin")
    state, finding = state_of("record", status=1)
    assert (state, finding) == ("fail", f"event {edited:,} was changed, or the one before it removed")


def test_a_record_whose_newest_rows_are_gone_fails(home: House) -> None:
    chain.verify(now=timezone.now())
    newest = audit.record(actor=home.admin, action="person_changed", resource=f"person:{uuid4()}").sequence
    for _ in range(2):
        chain.verify(now=timezone.now())
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("DELETE FROM accounts_auditevent WHERE sequence = %s", [newest])
            cursor.execute("SET LOCAL session_replication_role = origin")
    state, finding = state_of("record", status=1)
    told_of = "was there when the record was checked, and was changed or removed since"
    assert (state, finding) == ("fail", f"event {newest:,} {told_of}")


@pytest.mark.parametrize(("used", "state", "status"), [(0.81, "warn", 0), (0.96, "fail", 1)])
def test_a_disk_that_fills_is_told_in_time(
    settings: Any, monkeypatch: pytest.MonkeyPatch, used: float, state: str, status: int
) -> None:
    monkeypatch.setattr(disk, "used", lambda: {settings.SIDELINE_DATA: 0.2, settings.MEDIA_ROOT: used})
    found = state_of("disk", status=status)
    assert found[0] == state
    assert f"media {used:.0%}" in found[1]


def test_a_failed_check_ends_with_one_and_says_what_to_do(settings: Any) -> None:
    with Redis.from_url(settings.CELERY_BROKER_URL) as client:
        client.delete(health.HEARTBEAT_KEY)
    table = told()
    assert "fail  worker        none was heard for 45 s\n" in table
    assert "→ Start the worker with beat (celery -A config.celery worker --beat)." in table
    assert table.endswith(f"1 check of {len(CHECKS) + 1} failed.")


def test_queues_are_those_of_the_settings() -> None:
    assert broker.queue_names() == ["default", "ingestion", "long"]


def test_no_finding_names_a_person_or_repeats_what_was_said(home: House) -> None:
    conversation = begin(home.owner)
    say(home.owner, conversation, "I am at my wits' end with this class")
    Conversation.objects.update(title="A-planted-title")
    Interaction.objects.update(lease_until=timezone.now() - timedelta(minutes=5))
    organization = Organization.objects.get(pk=home.organization.pk)
    table = told()
    for word in (
        home.owner.name,
        str(home.owner.email),
        "wits",
        "A-planted-title",
        str(conversation.pk),
        organization.name,
    ):
        assert word not in table
