"""A conversation goes to a person and back, and nobody talks over them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.access import NotVisible
from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast
from conversations import access, episodes, escalating, handoff, organizing
from conversations.models import Conversation, Handoff, Interaction, Message
from conversations.tests.factories import begin, say, spoken
from conversations.turns import recovery

NOW = timezone.now


def speak(cast: Cast, conversation: Conversation, text: str = "I am here.") -> handoff.Spoken:
    """Say something as the coach."""
    return handoff.say_as_coach(
        coach=cast.home.coach, conversation_id=conversation.pk, client_id=uuid4(), text=text, now=NOW()
    )


def ask(cast: Cast, conversation: Conversation) -> bool:
    """Ask for a coach as the client."""
    return handoff.ask_for_coach(member=cast.home.owner, conversation_id=conversation.pk, now=NOW())


class TestAskingForACoach:
    def test_queues_the_conversation_and_says_so(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        assert ask(cast, conversation)
        conversation.refresh_from_db()
        assert (conversation.owner_state, conversation.epoch) == ("queued", 1)
        assert spoken(conversation)[0][0] == "system"
        assert "within 30 minutes" in spoken(conversation)[0][1]

    def test_twice_changes_nothing(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        ask(cast, conversation)
        assert not ask(cast, conversation)
        assert Handoff.objects.count() == 1
        assert len(spoken(conversation)) == 1

    def test_can_be_taken_back(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        ask(cast, conversation)
        assert handoff.cancel_request(member=cast.home.owner, conversation_id=conversation.pk, now=NOW())
        conversation.refresh_from_db()
        assert (conversation.owner_state, conversation.epoch) == ("ai", 2)
        assert Handoff.objects.get().state == Handoff.State.CANCELLED

    def test_cannot_be_taken_back_in_a_crisis(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "I want to die")
        assert not handoff.cancel_request(member=cast.home.owner, conversation_id=conversation.pk, now=NOW())
        conversation.refresh_from_db()
        assert conversation.owner_state == "queued"

    def test_in_an_episode_that_waits_a_crisis_raises_its_urgency(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        ask(cast, conversation)
        say(cast.home.owner, conversation, "I want to die")
        assert Handoff.objects.get().reason == "crisis"

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("I want to kill myself", [episodes.IN_DESPAIR]),
            ("A student told me her father hits her", [episodes.IN_DANGER]),
            ("A student told me 'I want to die'", [episodes.IN_DESPAIR, episodes.IN_DANGER]),
            ("My husband beats me, and I want to die", [episodes.IN_DESPAIR, episodes.IN_DANGER]),
            ("A colleague has collapsed and is not breathing", [episodes.IN_DANGER]),
        ],
    )
    def test_is_answered_by_what_the_crisis_is_about(
        self, cast: Cast, text: str, expected: list[str]
    ) -> None:
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, text)
        said = Message.objects.get(conversation=conversation, sender_type="system")
        assert said.metadata["kind"] == "crisis"
        assert said.content == (
            f"Thank you for telling me. {' '.join(expected)} A person should be with you now: these lines answer at "
            "once. Your coach has been told that you may need them."
        )

    @pytest.mark.parametrize("turned", [False, True])
    def test_is_answered_anew_when_another_kind_of_crisis_comes(self, cast: Cast, turned: bool) -> None:
        conversation = begin(cast.home.owner)
        told = [
            ("I want to kill myself", episodes.IN_DESPAIR),
            ("A student told me her father hits her", episodes.IN_DANGER),
        ]
        first, second = reversed(told) if turned else told
        for text, _ in (first, second, first, second):
            say(cast.home.owner, conversation, text)
        answers = [text for sender, text in spoken(conversation) if sender == "system"]
        assert [first[1] in answers[0], second[1] in answers[0]] == [True, False]
        assert [first[1] in answers[1], second[1] in answers[1]] == [False, True]
        assert not any(words in answer for answer in answers[2:] for _, words in told)
        episode = Handoff.objects.get()
        assert (episode.reason, len(episode.rule_trace)) == ("crisis", 2)


class TestACoachWhoIsHere:
    """What the client says to a coach who is here calls nobody else, and promises nobody else."""

    @pytest.mark.parametrize("text", ["I want to talk to a real person", "Should I resign tomorrow?"])
    def test_is_not_announced_again(self, cast: Cast, text: str) -> None:
        conversation = begin(cast.home.owner)
        speak(cast, conversation)
        said = say(cast.home.owner, conversation, text)
        assert spoken(conversation)[2:] == [("client", text)]
        assert Handoff.objects.get().reason != "coach_initiative"
        assert said.called

    def test_does_not_keep_the_help_lines_of_a_crisis_away(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        speak(cast, conversation)
        say(cast.home.owner, conversation, "I want to die")
        assert [sender for sender, _ in spoken(conversation)] == ["system", "human_coach", "client", "system"]


class TestTakingOver:
    def test_is_what_a_coach_s_message_does(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        said = speak(cast, conversation)
        conversation.refresh_from_db()
        assert (conversation.owner_state, conversation.holder) == ("coach", cast.home.coach)
        assert [sender for sender, _ in spoken(conversation)] == ["system", "human_coach"]
        assert said.message.metadata["is_handoff"] is True
        assert said.message.metadata["handoff_reason"] == "coach_initiative"
        assert AuditEvent.objects.filter(action="conversation.taken_over").count() == 1

    def test_ends_the_running_turn_and_keeps_what_it_said(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "How do we start?", worker="here")
        Message.objects.filter(sender_type="ai").update(content="You could")
        speak(cast, conversation)
        reply = Message.objects.get(sender_type="ai")
        assert (reply.state, reply.content) == ("stopped", "You could")
        assert Interaction.objects.get().state == Interaction.State.STOPPED

    def test_twice_by_the_same_coach_changes_nothing(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        first = handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=NOW())
        again = handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=NOW())
        assert (first, again) == (1, None)
        assert len(spoken(conversation)) == 1

    def test_tells_a_second_coach_who_has_it(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        ask(cast, conversation)
        Handoff.objects.update(escalated_at=NOW())
        speak(cast, conversation)
        with pytest.raises(handoff.AlreadyTaken, match="Ben Hart already has this conversation"):
            handoff.take_over(coach=cast.home.other_coach, conversation_id=conversation.pk, now=NOW())
        conversation.refresh_from_db()
        assert conversation.holder == cast.home.coach

    @pytest.mark.parametrize("who", ["other_coach", "admin"])
    def test_by_somebody_whose_client_it_is_not_finds_nothing(self, cast: Cast, who: str) -> None:
        conversation = begin(cast.home.owner)
        for member in (getattr(cast.home, who), getattr(cast.away, who), cast.away.coach):
            with pytest.raises(NotVisible):
                handoff.take_over(coach=member, conversation_id=conversation.pk, now=NOW())
        assert spoken(conversation) == []

    def test_is_held_by_the_database_against_the_ai(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        speak(cast, conversation)
        with pytest.raises(IntegrityError, match="a coach holds this conversation"), transaction.atomic():
            Message.objects.create(
                conversation=conversation, sequence=99, sender_type="ai", content="But I think…"
            )
        assert not Message.objects.filter(sender_type="ai").exists()

    def test_leaves_the_ai_silent_to_what_the_client_says_next(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        speak(cast, conversation)
        accepted = say(cast.home.owner, conversation, "Thank you for coming", worker="here")
        assert accepted.turn_id is None
        assert accepted.reply is None

    def test_sent_twice_is_one_message(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        key = uuid4()
        for _ in range(2):
            handoff.say_as_coach(
                coach=cast.home.coach, conversation_id=conversation.pk, client_id=key, text="Here", now=NOW()
            )
        assert [text for _, text in spoken(conversation)][1:] == ["Here"]

    def test_keeps_how_far_a_draft_was_edited(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        said = handoff.say_as_coach(
            coach=cast.home.coach,
            conversation_id=conversation.pk,
            client_id=uuid4(),
            text="Hello Ada",
            now=NOW(),
            draft="Hello you",
        )
        assert said.message.metadata["drafted_by_ai"] is True
        assert said.message.metadata["edit_distance"] == 3

    @pytest.mark.parametrize(
        ("text", "is_left"),
        [
            ("Norms are reviewed twice a year.", True),
            (
                "Hello Ada! Your team could begin with the first of them. "
                + "I am glad that you ask me. " * 9,
                True,
            ),
            ("Norms are looked at twice each year; a team may begin with the first one of them.", True),
            ("I will call you at four. Until then, take a walk if you can.", False),
        ],
    )
    def test_names_a_draft_while_something_of_it_is_left(self, cast: Cast, text: str, is_left: bool) -> None:
        said = handoff.say_as_coach(
            coach=cast.home.coach,
            conversation_id=begin(cast.home.owner).pk,
            client_id=uuid4(),
            text=text,
            now=NOW(),
            draft="Norms are reviewed twice a year; your team could begin with the first of them.",
        )
        assert said.message.metadata["drafted_by_ai"] is is_left
        assert said.message.metadata["edit_distance"] > 10


class TestHandingBack:
    def test_returns_the_conversation_and_says_how_long_the_person_was_there(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        ask(cast, conversation)
        start = NOW()
        handoff.take_over(coach=cast.home.coach, conversation_id=conversation.pk, now=start)
        message = handoff.hand_back(
            coach=cast.home.coach, conversation_id=conversation.pk, now=start + timedelta(minutes=12)
        )
        conversation.refresh_from_db()
        assert (conversation.owner_state, conversation.holder, conversation.epoch) == ("ai", None, 3)
        assert message.metadata["is_handback"] is True
        assert message.metadata["human_duration_minutes"] == 12.0
        assert Handoff.objects.get().state == Handoff.State.RETURNED

    def test_by_a_coach_who_does_not_have_it_is_refused(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        with pytest.raises(handoff.NotHeld):
            handoff.hand_back(coach=cast.home.coach, conversation_id=conversation.pk, now=NOW())
        conversation.refresh_from_db()
        assert conversation.epoch == 0


class TestAPrivateConversation:
    def test_is_not_found_by_its_coach(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner, visibility="private")
        say(cast.home.owner, conversation, "Between us")
        with pytest.raises(NotVisible):
            access.readable_conversation(cast.home.coach, conversation.pk)

    def test_opens_to_the_coach_whom_the_client_asked_for(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner, visibility="private")
        say(cast.home.owner, conversation, "Between us")
        ask(cast, conversation)
        standing = access.readable_conversation(cast.home.coach, conversation.pk)
        assert standing.visible_from == 0

    def test_in_a_crisis_shows_no_words_until_the_client_agrees(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner, visibility="private")
        say(cast.home.owner, conversation, "I want to die")
        standing = access.readable_conversation(cast.home.coach, conversation.pk)
        assert list(access.readable_messages(standing)) == []
        assert handoff.consent(member=cast.home.owner, conversation_id=conversation.pk, now=NOW())
        standing = access.readable_conversation(cast.home.coach, conversation.pk)
        assert access.readable_messages(standing).count() == 3

    def test_in_a_crisis_shows_a_coach_who_joins_only_what_follows(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner, visibility="private")
        say(cast.home.owner, conversation, "I want to die")
        speak(cast, conversation, "I am here with you.")
        standing = access.readable_conversation(cast.home.coach, conversation.pk)
        seen = [message.content for message in access.readable_messages(standing)]
        assert seen[1:] == ["I am here with you."]
        assert "I want to die" not in " ".join(seen)

    def test_that_was_shared_until_now_is_private_from_a_coach_who_was_asked_too(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "Something private")
        ask(cast, conversation)
        organizing.set_visibility(
            member=cast.home.owner, conversation_id=conversation.pk, visibility="private", now=timezone.now()
        )
        assert access.readable_conversation(cast.home.coach, conversation.pk).visible_from == access.NOTHING
        handoff.consent(member=cast.home.owner, conversation_id=conversation.pk, now=NOW())
        assert access.readable_conversation(cast.home.coach, conversation.pk).visible_from == 0

    def test_closes_again_when_the_episode_ends(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner, visibility="private")
        ask(cast, conversation)
        speak(cast, conversation)
        handoff.hand_back(coach=cast.home.coach, conversation_id=conversation.pk, now=NOW())
        with pytest.raises(NotVisible):
            access.readable_conversation(cast.home.coach, conversation.pk)


class TestNobodyCame:
    def test_offers_the_conversation_to_the_other_coaches_without_its_words(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        ask(cast, conversation)
        assert escalating.escalate(now=NOW() + timedelta(minutes=29)) == []
        assert escalating.escalate(now=NOW() + timedelta(minutes=31)) == [conversation.pk]
        assert escalating.escalate(now=NOW() + timedelta(minutes=32)) == []
        standing = access.readable_conversation(cast.home.other_coach, conversation.pk)
        assert list(access.readable_messages(standing)) == []
        with pytest.raises(NotVisible):
            access.readable_conversation(cast.away.coach, conversation.pk)

    def test_opens_the_words_to_the_other_coach_who_takes_it(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "Could I talk to a real person?")
        escalating.escalate(now=NOW() + timedelta(minutes=31))
        handoff.take_over(coach=cast.home.other_coach, conversation_id=conversation.pk, now=NOW())
        standing = access.readable_conversation(cast.home.other_coach, conversation.pk)
        assert access.readable_messages(standing).first().content == "Could I talk to a real person?"  # type: ignore[union-attr]

    def test_is_noticed_behind_those_who_were_promised_more_time(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(escalating, "AT_ONCE", 1)
        cast.away.organization.response_minutes = 600
        cast.away.organization.save()
        patient, late = begin(cast.away.owner), begin(cast.home.owner)
        handoff.ask_for_coach(member=cast.away.owner, conversation_id=patient.pk, now=NOW())
        ask(cast, late)
        assert escalating.escalate(now=NOW() + timedelta(minutes=31)) == [late.pk]

    def test_and_nobody_will_when_the_coach_has_left(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        ask(cast, conversation)
        User.objects.filter(pk=cast.home.coach.pk).update(is_active=False)
        assert escalating.escalate(now=NOW()) == [conversation.pk]

    @pytest.mark.parametrize("change", [{"is_active": False}, {"role": "educator"}])
    def test_after_a_coach_left_who_had_the_conversation(self, cast: Cast, change: dict[str, object]) -> None:
        conversation = begin(cast.home.owner)
        speak(cast, conversation)
        assert escalating.escalate(now=NOW()) == []
        User.objects.filter(pk=cast.home.coach.pk).update(**change)
        assert escalating.escalate(now=NOW()) == [conversation.pk]
        assert escalating.escalate(now=NOW()) == []
        conversation.refresh_from_db()
        assert (conversation.owner_state, conversation.holder) == ("queued", None)
        assert "Ben Hart can no longer be here" in spoken(conversation)[-1][1]
        handoff.take_over(coach=cast.home.other_coach, conversation_id=conversation.pk, now=NOW())
        conversation.refresh_from_db()
        assert conversation.holder == cast.home.other_coach


class TestDeleting:
    def test_ends_a_request_that_waits(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        ask(cast, conversation)
        organizing.delete(member=cast.home.owner, conversation_id=conversation.pk, now=NOW())
        conversation.refresh_from_db()
        assert Handoff.objects.get().state == Handoff.State.CANCELLED
        assert (conversation.owner_state, conversation.deleted_at is None) == ("ai", False)

    def test_ends_an_episode_with_a_coach(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        speak(cast, conversation)
        organizing.delete(member=cast.home.owner, conversation_id=conversation.pk, now=NOW())
        assert Handoff.objects.get().state == Handoff.State.RETURNED
        with pytest.raises(NotVisible):
            access.readable_conversation(cast.home.coach, conversation.pk)

    def test_ends_the_answer_that_is_being_written(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "How do we begin a team meeting well?", worker="here")
        organizing.delete(member=cast.home.owner, conversation_id=conversation.pk, now=NOW())
        turn = Interaction.objects.select_related("reply").get()
        assert (turn.state, turn.reply.state, turn.lease_until) == ("stopped", "stopped", None)
        assert recovery.overdue(now=NOW() + timedelta(days=1)) == []

    def test_waits_until_somebody_has_been_there_in_a_crisis(self, cast: Cast) -> None:
        conversation = begin(cast.home.owner)
        say(cast.home.owner, conversation, "I want to die")
        with pytest.raises(organizing.StillLookedAfter):
            organizing.delete(member=cast.home.owner, conversation_id=conversation.pk, now=NOW())
        assert access.queue_for(cast.home.coach).count() == 1
        speak(cast, conversation)
        handoff.hand_back(coach=cast.home.coach, conversation_id=conversation.pk, now=NOW())
        organizing.delete(member=cast.home.owner, conversation_id=conversation.pk, now=NOW())
        assert access.queue_for(cast.home.coach).count() == 0
