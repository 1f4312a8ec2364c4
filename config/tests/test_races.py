"""Races that must end one way: many trials against a real database, every runner on a connection of its own."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError
from django.db.models import F
from django.utils import timezone

from accounts.models import AuditEvent, Team, User
from accounts.tests.cast import Cast
from accounts.tests.factories import UserFactory
from coaching.tests.factories import PersonaFactory
from config.tests.racing import (
    Racers,
    assert_nobody_talks_over_a_coach,
    assert_sequences_have_no_hole,
)
from conversations import handoff
from conversations.models import Conversation, Handoff, Interaction, Message, Session
from conversations.tests.factories import begin
from conversations.turns import recovery
from conversations.turns.accept import Accepted, Refusal, accept, retry
from conversations.turns.plan import Plan, load
from conversations.turns.record import Outcome, record, request_stop, save_partials
from knowledge.retrieved import Retrieval

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

TRIALS = 200
MANY_TRIALS = 500
QUESTION = "How do we begin a team meeting well?"
ANSWER = "Begin with a question that everybody answers."


@dataclass
class Field:
    """The people of a race."""

    owner: User
    coach: User
    others: list[User]

    def conversation(self) -> Conversation:
        """Begin a conversation of the owner."""
        return begin(self.owner)


@pytest.fixture
def people(cast: Cast) -> Field:
    """Return the owner, her coach, and nine more coaches of the organization."""
    PersonaFactory.create(coach=cast.home.coach, low_confidence_below=0.0)
    more = [
        UserFactory.create(
            email=f"coach{number}@riverside.example", organization=cast.home.organization, role="coach"
        )
        for number in range(8)
    ]
    return Field(cast.home.owner, cast.home.coach, [cast.home.other_coach, *more])


def sending(
    people: Field, conversation: Conversation, *, client_id: UUID | None = None, worker: str = "here"
) -> Callable[[], Accepted]:
    """Return what sends a message of the owner."""
    return partial(
        accept,
        member=people.owner,
        conversation_id=conversation.pk,
        client_id=client_id or uuid4(),
        text=QUESTION,
        now=timezone.now(),
        worker=worker,
    )


def taking(coach: User, conversation: Conversation) -> Callable[[], int | None]:
    """Return what takes a conversation over."""
    return partial(handoff.take_over, coach=coach, conversation_id=conversation.pk, now=timezone.now())


def answered(turn_id: UUID) -> Plan:
    """Return the plan of a running turn for which nothing was looked up."""
    loaded = load(turn_id)
    assert loaded is not None
    return Plan(loaded, Retrieval(), {})


def running_turn(people: Field, conversation: Conversation, *, now: datetime | None = None) -> Accepted:
    """Say something whose turn is claimed by a process called "here"."""
    accepted = accept(
        member=people.owner,
        conversation_id=conversation.pk,
        client_id=uuid4(),
        text=QUESTION,
        now=now or timezone.now(),
        worker="here",
    )
    assert accepted.turn_id is not None
    assert accepted.reply is not None
    return accepted


class TestTakeover:
    def test_by_ten_coaches_has_one_holder_and_one_entry_in_the_record(self, people: Field) -> None:
        coaches = [people.coach, *people.others]
        winners: Counter[UUID] = Counter()
        with Racers(10) as racers:
            for _ in range(TRIALS):
                conversation = people.conversation()
                Conversation.objects.filter(pk=conversation.pk).update(coach=None)
                handoff.ask_for_coach(
                    member=people.owner, conversation_id=conversation.pk, now=timezone.now()
                )
                ended = racers.race(*(taking(coach, conversation) for coach in coaches))
                losers = [each for each in ended if isinstance(each, handoff.AlreadyTaken)]
                conversation.refresh_from_db()
                assert len(losers) == 9, ended
                assert conversation.holder_id == coaches[ended.index(2)].pk
                assert {each.holder for each in losers} == {coaches[ended.index(2)].name}
                assert conversation.epoch == 2
                winners[conversation.holder_id] += 1
        assert AuditEvent.objects.filter(action="conversation.taken_over").count() == TRIALS
        assert Message.objects.filter(metadata__kind="takeover").count() == TRIALS
        assert Handoff.objects.filter(state="taken", coach=F("conversation__holder")).count() == TRIALS
        assert winners.total() == TRIALS

    def test_against_a_client_who_sends_leaves_either_the_ai_or_the_coach(
        self, people: Field, two: Racers
    ) -> None:
        answering = 0
        for _ in range(MANY_TRIALS):
            conversation = people.conversation()
            accepted, taken = two.race(
                sending(people, conversation), taking(people.coach, conversation), apart=True
            )
            assert isinstance(accepted, Accepted), accepted
            assert isinstance(taken, int), taken
            answering += accepted.turn_id is not None
        assert_nobody_talks_over_a_coach()
        assert_sequences_have_no_hole()
        assert Message.objects.filter(sender_type="client", content=QUESTION).count() == MANY_TRIALS
        assert Interaction.objects.filter(state="stopped").count() == answering
        assert Interaction.objects.count() == answering
        # Both orders were seen, else this proves nothing.
        assert 0 < answering < MANY_TRIALS

    def test_against_the_end_of_an_answer_lets_nothing_become_complete_afterwards(
        self, people: Field, two: Racers
    ) -> None:
        whole = 0
        for _ in range(TRIALS):
            conversation = people.conversation()
            accepted = running_turn(people, conversation)
            plan = answered(plan_turn(accepted))
            recorded, taken = two.race(
                partial(
                    record, plan=plan, outcome=Outcome("complete", ANSWER), worker="here", now=timezone.now()
                ),
                taking(people.coach, conversation),
                apart=True,
            )
            assert not isinstance(recorded, Exception), recorded
            reply = Message.objects.get(pk=plan.loaded.reply_id)
            # The takeover returns the first sequence number that it changed: the reply's, if that was unfinished.
            assert (reply.state, reply.content) == (
                ("stopped", "") if taken == reply.sequence else ("complete", ANSWER)
            )
            whole += reply.state == "complete"
        assert_nobody_talks_over_a_coach()
        assert 0 < whole < TRIALS

    def test_against_an_ai_message_written_past_every_lock_is_held_by_the_database(
        self, people: Field, two: Racers
    ) -> None:
        refused = 0
        for _ in range(TRIALS):
            conversation = people.conversation()
            forgotten = Message(
                conversation=conversation, sequence=900, sender_type="ai", state="complete", content=ANSWER
            )
            written, taken = two.race(
                partial(forgotten.save, force_insert=True),
                taking(people.coach, conversation),
                apart=True,
            )
            assert isinstance(taken, int), taken
            if written is not None:
                assert isinstance(written, IntegrityError), written
                assert "a coach holds this conversation" in str(written)
                refused += 1
                assert not Message.objects.filter(pk=forgotten.pk).exists()
        assert 0 < refused < TRIALS

    def test_against_handing_back_has_one_holder_or_none(self, people: Field, two: Racers) -> None:
        ends: Counter[str] = Counter()
        # The coach of the owner's team comes while another holds the conversation, and has it after the hand-back.
        Team.objects.filter(memberships__member=people.owner).update(coach=people.others[0])
        for _ in range(TRIALS):
            conversation = people.conversation()
            Conversation.objects.filter(pk=conversation.pk).update(coach=None)
            handoff.ask_for_coach(member=people.owner, conversation_id=conversation.pk, now=timezone.now())
            taking(people.coach, conversation)()
            Conversation.objects.filter(pk=conversation.pk).update(coach=people.others[0])
            back, taken = two.race(
                partial(
                    handoff.hand_back,
                    coach=people.coach,
                    conversation_id=conversation.pk,
                    now=timezone.now(),
                ),
                taking(people.others[0], conversation),
                apart=True,
            )
            assert isinstance(back, Message), back
            conversation.refresh_from_db()
            ends[conversation.owner_state] += 1
            if isinstance(taken, handoff.AlreadyTaken):
                assert (conversation.owner_state, conversation.holder_id) == ("ai", None)
            else:
                assert (conversation.owner_state, conversation.holder_id) == ("coach", people.others[0].pk)
        assert_sequences_have_no_hole()
        assert set(ends) == {"ai", "coach"}
        assert not Handoff.objects.filter(state="taken").exclude(coach=F("conversation__holder")).exists()


def plan_turn(accepted: Accepted) -> UUID:
    """Return the number of the turn that was claimed."""
    assert accepted.turn_id is not None
    return accepted.turn_id


class TestTheSameMessage:
    def test_sent_by_four_at_once_is_one_message_and_one_turn(self, people: Field) -> None:
        with Racers(4) as racers:
            for _ in range(TRIALS):
                conversation = people.conversation()
                key = uuid4()
                ended = racers.race(*[sending(people, conversation, client_id=key)] * 4)
                assert all(isinstance(each, Accepted) for each in ended), ended
                assert len({each.message.pk for each in ended}) == 1
                assert sorted(each.repeated for each in ended) == [False, True, True, True]
                assert sum(each.turn_id is not None for each in ended) == 1
        assert Message.objects.count() == 2 * TRIALS
        assert Interaction.objects.count() == TRIALS
        assert Session.objects.count() == TRIALS

    def test_asked_again_by_two_tabs_is_answered_once(self, people: Field, two: Racers) -> None:
        for _ in range(TRIALS):
            conversation = people.conversation()
            first = running_turn(people, conversation)
            plan = answered(plan_turn(first))
            record(plan=plan, outcome=Outcome("failed", ""), worker="here", now=timezone.now())
            again = partial(
                retry,
                member=people.owner,
                conversation_id=conversation.pk,
                reply_id=plan.loaded.reply_id,
                now=timezone.now(),
                worker="here",
            )
            ended = two.race(again, again)
            assert sorted(type(each).__name__ for each in ended) == ["Accepted", "Refusal"], ended
            assert {each.code for each in ended if isinstance(each, Refusal)} == {"not_retryable"}
        assert Interaction.objects.count() == 2 * TRIALS

    def test_different_ones_from_two_tabs_are_both_kept_and_answered_in_turn(
        self, people: Field, two: Racers
    ) -> None:
        for _ in range(TRIALS):
            conversation = people.conversation()
            ended = two.race(sending(people, conversation), sending(people, conversation))
            assert all(isinstance(each, Accepted) for each in ended), ended
            assert sorted(each.turn_id is None for each in ended) == [False, True]
        assert_sequences_have_no_hole()
        assert Message.objects.filter(sender_type="client").count() == 2 * TRIALS
        assert Interaction.objects.filter(state="running").count() == TRIALS
        assert Interaction.objects.filter(state="waiting").count() == TRIALS
        assert Session.objects.count() == TRIALS


class TestTheEndOfAnAnswer:
    def test_against_a_stop_is_settled_once(self, people: Field, two: Racers) -> None:
        for _ in range(TRIALS):
            conversation = people.conversation()
            plan = answered(plan_turn(running_turn(people, conversation)))
            recorded, stopped = two.race(
                partial(
                    record, plan=plan, outcome=Outcome("complete", ANSWER), worker="here", now=timezone.now()
                ),
                partial(request_stop, conversation_id=conversation.pk, now=timezone.now()),
                apart=True,
            )
            assert not isinstance(recorded, Exception), recorded
            assert stopped in ([], [plan.loaded.turn_id])
        assert set(Message.objects.filter(sender_type="ai").values_list("state", "content")) == {
            ("complete", ANSWER)
        }
        assert set(Interaction.objects.values_list("state", flat=True)) == {"done"}

    def test_against_the_next_question_leaves_no_turn_without_a_process(
        self, people: Field, two: Racers
    ) -> None:
        claimed_by: Counter[str] = Counter()
        for _ in range(TRIALS):
            conversation = people.conversation()
            plan = answered(plan_turn(running_turn(people, conversation)))
            recorded, accepted = two.race(
                partial(
                    record, plan=plan, outcome=Outcome("complete", ANSWER), worker="here", now=timezone.now()
                ),
                sending(people, conversation),
                apart=True,
            )
            assert not isinstance(recorded, Exception), recorded
            assert not isinstance(accepted, Exception), accepted
            # Whoever comes second runs the new turn; never both, never neither.
            assert (recorded.next_turn_id is None) != (accepted.turn_id is None)
            claimed_by["record" if recorded.next_turn_id else "accept"] += 1
        assert Interaction.objects.filter(state="running").count() == TRIALS
        assert set(claimed_by) == {"record", "accept"}


class TestRecovery:
    def test_by_two_sweepers_runs_a_turn_once(self, people: Field, two: Racers) -> None:
        long_ago = timezone.now() - timedelta(minutes=1)
        for _ in range(TRIALS):
            conversation = people.conversation()
            turn_id = plan_turn(running_turn(people, conversation, now=long_ago))
            sweeps = [
                partial(recovery.take, turn_id=turn_id, worker=name, now=timezone.now())
                for name in ("first", "second")
            ]
            ended = two.race(*sweeps, apart=True)
            found = [each for each in ended if each is not None]
            assert [each.run for each in found] == [True], ended
            turn = Interaction.objects.get(pk=turn_id)
            assert (turn.state, turn.attempts) == ("running", 2)
            assert turn.worker == ("first" if ended[0] else "second")

    def test_against_the_process_that_was_only_slow_lets_one_of_them_write(
        self, people: Field, two: Racers
    ) -> None:
        long_ago = timezone.now() - timedelta(minutes=1)
        kept: Counter[bool] = Counter()
        for _ in range(TRIALS):
            conversation = people.conversation()
            accepted = running_turn(people, conversation, now=long_ago)
            assert accepted.reply is not None
            turn_id = plan_turn(accepted)
            now = timezone.now()
            save = partial(save_partials, {turn_id: "Begin with"}, worker="here", now=now)
            saved, found = two.race(
                save,
                partial(recovery.take, turn_id=turn_id, worker="sweeper", now=now),
                apart=True,
            )
            reply = Message.objects.get(pk=accepted.reply.pk)
            turn = Interaction.objects.get(pk=turn_id)
            if found is not None and found.run:
                assert (turn.worker, reply.content) == ("sweeper", "")
                # Asked while the sweeper had the row, it is left in doubt; not longer than until it asks again.
                assert saved in (set(), {turn_id})
                assert save() == set()
            else:
                assert (reply.content, saved) == ("Begin with", {turn_id})
            kept[reply.content != ""] += 1
        assert set(kept) == {True, False}


def test_says_of_one_conversation_never_wait_for_another(people: Field) -> None:
    """Twenty conversations at once: each takes its message, in its own order."""
    with Racers(20) as racers:
        conversations = [people.conversation() for _ in range(20)]
        for _ in range(10):
            ended = racers.race(*(sending(people, conversation) for conversation in conversations))
            assert all(isinstance(each, Accepted) for each in ended), ended
    assert_sequences_have_no_hole()
    assert Message.objects.filter(sender_type="client").count() == 200
