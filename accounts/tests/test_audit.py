"""The append-only record."""

import pytest
from django.db import DatabaseError, ProgrammingError, connection, transaction
from django.test import RequestFactory

from accounts import audit
from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast


def _bypassing_triggers(sql: str, *parameters: int) -> None:
    """Do what only a superuser of the database can do."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql, parameters)
        cursor.execute("SET LOCAL session_replication_role = origin")


def _three_events(owner: User) -> list[AuditEvent]:
    return [audit.record(actor=owner, action="looked", resource=f"page:{n}") for n in range(3)]


class TestRecord:
    def test_keeps_who_did_what_to_what_from_where(self, owner: User) -> None:
        request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7", REQUEST_ID="abc-1")
        event = audit.record(actor=owner, action="looked", resource="page:1", reason="asked", request=request)
        event.refresh_from_db()
        assert (event.actor_id, event.organization_id) == (owner.pk, owner.organization_id)
        assert (event.action, event.resource, event.reason) == ("looked", "page:1", "asked")
        assert (event.address, event.request_id) == ("192.0.2.7", "abc-1")
        assert len(event.hash) == 64

    def test_knows_no_actor_when_there_is_none(self, db: None) -> None:
        event = audit.record(actor=None, action="looked", resource=audit.person(None))
        assert (event.actor_id, event.organization_id, event.resource) == (None, None, "person:unknown")

    def test_cuts_a_long_reason(self, owner: User) -> None:
        assert (
            audit.record(actor=owner, action="looked", resource="page:1", reason="x" * 300).reason
            == "x" * 200
        )

    def test_goes_away_with_the_transaction_that_it_tells_about(self, owner: User) -> None:
        with transaction.atomic():
            audit.record(actor=owner, action="looked", resource="page:1")
            transaction.set_rollback(True)
        assert AuditEvent.objects.count() == 0


class TestAppendOnly:
    @pytest.mark.parametrize(
        "sql",
        [
            "UPDATE accounts_auditevent SET action = 'nothing'",
            "DELETE FROM accounts_auditevent",
            "TRUNCATE accounts_auditevent",
        ],
    )
    def test_the_database_refuses_to_change_or_remove_rows(self, owner: User, sql: str) -> None:
        _three_events(owner)
        with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
            connection.cursor().execute(sql)
        assert [event.action for event in AuditEvent.objects.all()] == ["looked"] * 3

    def test_the_orm_is_refused_as_well(self, owner: User) -> None:
        event = _three_events(owner)[0]
        event.action = "nothing"
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            event.save()
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            event.delete()

    def test_nobody_chooses_the_hash_or_the_place_in_the_chain(self, owner: User) -> None:
        first = _three_events(owner)[0]
        forged = AuditEvent.objects.create(
            sequence=first.sequence, action="looked", resource="page:9", hash="f" * 64, previous_hash="f" * 64
        )
        newest = AuditEvent.objects.latest("sequence")
        assert newest.resource == "page:9"
        assert newest.hash != "f" * 64
        assert newest.sequence > first.sequence
        assert forged.resource == "page:9"
        assert audit.verify() == audit.Verification(events=4, broken_at=None)


class TestVerify:
    def test_an_untouched_chain_is_intact(self, cast: Cast) -> None:
        _three_events(cast.home.owner)
        _three_events(cast.away.owner)
        assert audit.verify() == audit.Verification(events=6, broken_at=None)
        assert audit.verify().intact

    @pytest.mark.parametrize(
        "edit",
        [
            "UPDATE accounts_auditevent SET action = 'nothing' WHERE sequence = %s",
            "UPDATE accounts_auditevent SET reason = 'other' WHERE sequence = %s",
            "UPDATE accounts_auditevent SET actor_id = NULL WHERE sequence = %s",
            "UPDATE accounts_auditevent SET at = at + interval '1 second' WHERE sequence = %s",
            "UPDATE accounts_auditevent SET address = '192.0.2.1' WHERE sequence = %s",
            "UPDATE accounts_auditevent SET hash = repeat('0', 64) WHERE sequence = %s",
        ],
    )
    def test_names_the_row_that_somebody_edited(self, owner: User, edit: str) -> None:
        events = _three_events(owner)
        _bypassing_triggers(edit, events[1].sequence)
        assert audit.verify() == audit.Verification(events=3, broken_at=events[1].sequence)
        assert not audit.verify().intact

    def test_names_the_row_after_one_that_was_removed(self, owner: User) -> None:
        events = _three_events(owner)
        _bypassing_triggers("DELETE FROM accounts_auditevent WHERE sequence = %s", events[1].sequence)
        assert audit.verify() == audit.Verification(events=2, broken_at=events[2].sequence)

    def test_an_edit_with_a_matching_hash_breaks_the_next_row(self, owner: User) -> None:
        events = _three_events(owner)
        _bypassing_triggers(
            "UPDATE accounts_auditevent SET action = 'nothing' WHERE sequence = %s", events[1].sequence
        )
        _bypassing_triggers(
            "UPDATE accounts_auditevent e SET hash = audit_event_hash(e) WHERE sequence = %s",
            events[1].sequence,
        )
        assert audit.verify() == audit.Verification(events=3, broken_at=events[2].sequence)
