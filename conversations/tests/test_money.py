"""Messages of a month and money of a day: set aside before, settled after, given back when nobody works on it."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django.utils import timezone

from accounts import quotas
from accounts.models import MonthlyUse, Organization, User
from accounts.quotas import Kind
from accounts.tests.cast import Cast
from coaching.models import Budget, Reservation
from coaching.providers.scripted import Reply, ScriptedChat
from conversations import acting, allowance, drafting, tasks
from conversations.models import Conversation, Interaction
from conversations.tests.asking import QUESTION, refused, remaining, say
from conversations.tests.doubles import DOUBLES, stage
from conversations.tests.factories import begin
from conversations.turns.accept import Accepted, Refusal
from conversations.turns.record import request_stop
from conversations.turns.run import turns

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("five_an_hour")]
NOTHING = Decimal(0)
LONG_AGO = timedelta(minutes=5)


class TestBeforeItIsUsedUp:
    """The chat says that little is left of the month and of the day."""

    def said(self, member: User, conversation: Conversation) -> str:
        """Return what the chat says of it."""
        client = Client()
        client.force_login(member)
        page = client.get(f"/conversations/{conversation.pk}/")
        words = str(page.context["scarce"])
        assert words in page.content.decode()
        return words

    def test_of_the_month(self, cast: Cast, conversation: Conversation) -> None:
        Organization.objects.update(monthly_message_limit=1_500)
        month = MonthlyUse.objects.create(
            organization=cast.home.organization, month=timezone.localdate().replace(day=1), messages=1_199
        )
        assert self.said(cast.home.owner, conversation) == ""
        MonthlyUse.objects.filter(pk=month.pk).update(messages=1_250)
        left = "Your organization has 250 of its 1,500 messages to the AI left this month."
        assert self.said(cast.home.owner, conversation) == left

    def test_of_the_day(self, cast: Cast, conversation: Conversation) -> None:
        Organization.objects.update(daily_budget_usd=2)
        day = Budget.objects.create(
            user_id=cast.home.owner.pk, day=timezone.localdate(), spent_usd=1, reserved_usd=Decimal("0.5")
        )
        assert self.said(cast.home.owner, conversation) == ""
        Budget.objects.filter(pk=day.pk).update(spent_usd=Decimal("1.25"))
        assert (
            self.said(cast.home.owner, conversation)
            == "About 12 % is left of what the AI may cost you today."
        )

    def test_no_limit_says_nothing(self, cast: Cast, conversation: Conversation) -> None:
        Organization.objects.update(tier="enterprise")
        assert self.said(cast.home.owner, conversation) == ""


class TestTheMonth:
    @pytest.fixture(autouse=True)
    def _three(self, settings: Any) -> None:
        settings.MONTHLY_MESSAGES = {"free": 3, "enterprise": None}

    def test_of_an_organization_ends_for_all_its_people(self, cast: Cast, conversation: Conversation) -> None:
        say(cast.home.owner, conversation)
        for _ in range(2):
            say(cast.home.admin, begin(cast.home.admin))
        refusal = refused(cast.home.owner, conversation)
        assert refusal.code == "monthly_limit"
        assert "its 3 messages to the AI for this month" in refusal.text
        assert MonthlyUse.objects.get().messages == 3
        assert remaining(cast.home.owner) == 4
        say(cast.away.owner, begin(cast.away.owner))

    def test_says_when_the_next_one_begins(self, cast: Cast, conversation: Conversation) -> None:
        cast.home.organization.monthly_message_limit = 0
        cast.home.organization.save()
        end = datetime(2026, 12, 31, 23, 59, 30, tzinfo=UTC)
        with pytest.raises(Refusal) as refusal:
            allowance.accept_within(
                member=cast.home.owner,
                conversation_id=conversation.pk,
                client_id=uuid4(),
                text=QUESTION,
                now=end,
            )
        assert (refusal.value.code, refusal.value.seconds) == ("monthly_limit", 30)

    def test_has_no_end_where_the_tier_has_none(self, cast: Cast, conversation: Conversation) -> None:
        Organization.objects.update(tier="enterprise")
        for _ in range(4):
            say(cast.home.owner, conversation)
        assert MonthlyUse.objects.get().messages == 4

    def test_may_be_another_by_agreement(self, cast: Cast, conversation: Conversation) -> None:
        cast.home.organization.monthly_message_limit = 4
        cast.home.organization.save()
        for _ in range(4):
            say(cast.home.owner, conversation)
        assert refused(cast.home.owner, conversation).code == "monthly_limit"

    def test_that_is_over_still_lets_a_crisis_call_a_coach(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        cast.home.organization.monthly_message_limit = 0
        cast.home.organization.save()
        assert say(cast.home.owner, conversation, "I want to kill myself").called


class TestMoney:
    @pytest.fixture(autouse=True)
    def _priced(self, settings: Any, five_an_hour: None) -> None:
        settings.CHAT_MODEL = f"{DOUBLES}.priced_chat"
        settings.DAILY_BUDGET_USD = Decimal("0.09")

    def test_is_set_aside_before_and_settled_after(self, cast: Cast, conversation: Conversation) -> None:
        accepted = async_to_sync(self.speak)(cast.home.owner, conversation)
        assert accepted.left == ""
        budget = Budget.objects.get()
        assert (budget.user_id, budget.reserved_usd, budget.open_turns) == (cast.home.owner.pk, NOTHING, 0)
        assert Decimal(0) < budget.spent_usd < Decimal("0.01")
        assert not Reservation.objects.exists()

    async def speak(self, member: User, conversation: Conversation) -> Accepted:
        """Say something and let it be answered."""
        accepted = await acting.accept_here(
            member=member, conversation_id=conversation.pk, client_id=uuid4(), text=QUESTION
        )
        reserved = await Reservation.objects.aget()
        assert reserved.amount_usd == Decimal("0.042830")
        assert reserved.subject_id == accepted.turn_id
        turns.start(reserved.subject_id, conversation.pk)
        await turns.finished()
        return accepted

    async def test_is_paid_for_what_a_stopped_answer_had_said(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        reply = Reply("Begin with a question.", until=asyncio.Event(), wait_after=2)
        stage.chat = ScriptedChat(reply)
        accepted = await acting.accept_here(
            member=cast.home.owner, conversation_id=conversation.pk, client_id=uuid4(), text=QUESTION
        )
        assert accepted.turn_id is not None
        turns.start(accepted.turn_id, conversation.pk)
        await reply.reached.wait()
        turns.stop(conversation.pk)
        await turns.finished()
        budget = await Budget.objects.aget()
        assert budget.spent_usd > 0
        assert (budget.reserved_usd, budget.open_turns) == (NOTHING, 0)

    def test_that_is_set_aside_for_two_leaves_none_for_a_third(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        for _ in range(2):
            say(cast.home.owner, conversation)
        refusal = refused(cast.home.owner, conversation)
        assert refusal.code == "budget"
        assert refusal.seconds is not None
        assert 0 < refusal.seconds <= 86_400
        assert Budget.objects.get().open_turns == Reservation.objects.count() == 2
        assert remaining(cast.home.owner) == 3

    def test_of_another_day_is_another_budget(self, cast: Cast, conversation: Conversation) -> None:
        for days in (0, 0, 1):
            allowance.accept_within(
                member=cast.home.owner,
                conversation_id=conversation.pk,
                client_id=uuid4(),
                text=QUESTION,
                now=timezone.now() + timedelta(days=days),
            )
        assert sorted(Budget.objects.values_list("open_turns", flat=True)) == [1, 2]

    def test_is_more_where_the_organization_pays_for_more(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        cast.home.organization.daily_budget_usd = Decimal("0.13")
        cast.home.organization.save()
        for _ in range(3):
            say(cast.home.owner, conversation)
        assert refused(cast.home.owner, conversation).code == "budget"

    def test_comes_back_when_a_waiting_turn_is_stopped(self, cast: Cast, conversation: Conversation) -> None:
        for _ in range(2):
            say(cast.home.owner, conversation)
        request_stop(conversation_id=conversation.pk, now=timezone.now())
        tasks.release_reservations()
        budget = Budget.objects.get()
        assert (budget.open_turns, budget.reserved_usd) == (1, Decimal("0.042830"))
        assert Reservation.objects.count() == 1

    def test_is_kept_for_a_turn_that_another_process_will_take_over(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        say(cast.home.owner, conversation)
        Interaction.objects.update(lease_until=timezone.now() - LONG_AGO)
        Reservation.objects.update(at=timezone.now() - LONG_AGO)
        tasks.release_reservations()
        assert Reservation.objects.count() == 1

    def test_for_a_draft_comes_back_when_its_process_died(self, cast: Cast) -> None:
        for age, subject in ((timedelta(seconds=20), uuid4()), (timedelta(seconds=46), uuid4())):
            allowance.afford_draft(
                coach=cast.home.coach,
                organization_id=cast.home.organization.pk,
                draft_id=subject,
                question=QUESTION,
                now=timezone.now() - age,
            )
        tasks.release_reservations()
        assert Reservation.objects.count() == Budget.objects.get().open_turns == 1


class TestAnswersAtOnce:
    def test_are_as_many_as_the_settings_say(
        self, settings: Any, cast: Cast, conversation: Conversation
    ) -> None:
        settings.AI_TURNS_AT_ONCE = 2
        for _ in range(2):
            say(cast.home.owner, conversation)
        refusal = refused(cast.home.owner, conversation)
        assert (refusal.code, refusal.seconds) == ("quota", 10)
        assert refusal.text.startswith("2 answers to you are still under way.")


class TestADraftForACoach:
    def test_counts_and_is_paid_like_a_question(
        self, settings: Any, cast: Cast, conversation: Conversation
    ) -> None:
        settings.CHAT_MODEL = f"{DOUBLES}.priced_chat"
        say(cast.home.owner, conversation)
        async_to_sync(drafting.draft)(coach=cast.home.coach, conversation_id=conversation.pk)
        assert remaining(cast.home.coach) == 4
        budget = Budget.objects.get(user=cast.home.coach)
        assert (budget.open_turns, budget.reserved_usd) == (0, NOTHING)
        assert budget.spent_usd > 0

    def test_is_refused_in_plain_words_when_nothing_is_left(
        self, cast: Cast, conversation: Conversation
    ) -> None:
        say(cast.home.owner, conversation)
        for _ in range(5):
            quotas.take(member=cast.home.coach, kind=Kind.AI_TURNS)
        with pytest.raises(drafting.NoDraft, match="as often as is possible"):
            async_to_sync(drafting.draft)(coach=cast.home.coach, conversation_id=conversation.pk)
        assert len(stage.chat.asked) == 0
