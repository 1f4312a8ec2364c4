"""The texts and leases of all turns of a process are kept together, and no turn waits for another's."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.tests.cast import Cast
from conversations.models import Interaction, Message
from conversations.tests.factories import begin
from conversations.turns import recovery
from conversations.turns.accept import LEASE, accept
from conversations.turns.record import request_stop, save_partials

pytestmark = pytest.mark.django_db(transaction=True)

WORKER = "here"


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def running(cast: Cast, *, now: datetime) -> UUID:
    """Ask something in a conversation of its own; return the turn, which runs here."""
    accepted = accept(
        member=cast.home.owner,
        conversation_id=begin(cast.home.owner).pk,
        client_id=uuid4(),
        text="How do we begin?",
        now=now,
        worker=WORKER,
    )
    assert accepted.turn_id is not None
    return accepted.turn_id


def kept(turn_id: UUID) -> tuple[str, datetime | None]:
    """Return the text of the turn's reply, and its lease."""
    turn = Interaction.objects.get(pk=turn_id)
    return Message.objects.get(pk=turn.reply_id).content, turn.lease_until


def test_all_of_them_are_kept_in_one_statement(
    cast: Cast, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    texts = {running(cast, now=now): f"Begin {number}" for number in range(3)}
    later = now + timedelta(seconds=5)
    with django_assert_num_queries(1):
        assert save_partials(texts, worker=WORKER, now=later) == set(texts)
    assert {turn_id: kept(turn_id) for turn_id in texts} == {
        turn_id: (text, later + LEASE) for turn_id, text in texts.items()
    }


def test_one_whose_row_somebody_has_holds_up_no_other_and_is_kept_the_next_time(
    cast: Cast, now: datetime
) -> None:
    had, free = running(cast, now=now), running(cast, now=now)
    texts = {had: "Begin", free: "Begin"}
    before, later = kept(had), now + timedelta(seconds=5)
    somebody = connection.copy()
    somebody.set_autocommit(False)
    try:
        with somebody.cursor() as cursor:
            cursor.execute("SELECT FROM conversations_interaction WHERE id = %s FOR UPDATE", [had])
        assert save_partials(texts, worker=WORKER, now=later) == {had, free}
        assert (kept(had), kept(free)) == (before, ("Begin", later + LEASE))
    finally:
        # A connection that is only closed has its locks until the server notices.
        somebody.rollback()
        somebody.close()
    assert save_partials(texts, worker=WORKER, now=later) == {had, free}
    assert kept(had) == ("Begin", later + LEASE)


@pytest.mark.parametrize("why", ["stopped", "taken over", "settled"])
def test_one_that_is_not_to_go_on_is_named_no_more_and_left_as_it_is(
    cast: Cast, now: datetime, why: str
) -> None:
    gone, going = running(cast, now=now), running(cast, now=now)
    turn = Interaction.objects.filter(pk=gone)
    if why == "stopped":
        request_stop(conversation_id=turn.get().conversation_id, now=now)
    elif why == "taken over":
        turn.update(worker="another")
    else:
        Message.objects.filter(pk=turn.get().reply_id).update(state="complete", content="Whole.")
    before = kept(gone)
    texts = {gone: "Begin", going: "Begin"}
    assert save_partials(texts, worker=WORKER, now=now + timedelta(seconds=5)) == {going}
    assert kept(gone) == before
    assert kept(going)[0] == "Begin"


def test_the_sweep_leaves_what_was_asked_just_now_to_the_message_that_was_sent_for_it(
    cast: Cast, now: datetime
) -> None:
    accept(
        member=cast.home.owner,
        conversation_id=begin(cast.home.owner).pk,
        client_id=uuid4(),
        text="How do we begin?",
        now=now,
        worker="",
    )
    assert recovery.overdue(now=now + timedelta(seconds=1.9)) == []
    assert recovery.overdue(now=now + timedelta(seconds=2.1)) == [Interaction.objects.get().pk]
