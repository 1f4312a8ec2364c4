"""No number of answers at the same time passes a limit that is money or messages."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from accounts.models import MonthlyUse
from accounts.tests.cast import Cast
from coaching import spending
from coaching.models import Budget, Reservation
from coaching.providers.metered import PromptIdentity, RunRecord
from config.tests.racing import Racers
from conversations.tests.factories import begin
from conversations.turns.accept import Accepted, Refusal, accept

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

TRIALS = 20
RUNNERS = 20
EACH = 5
NOTHING = Decimal(0)


def run_of(cost: Decimal) -> RunRecord:
    """Return a call to a provider that cost so much."""
    return RunRecord("answer", "openai", "gpt-4o", PromptIdentity(), 1, 1, False, cost, 1, 1, "ok")


def codes(results: list[Any]) -> Counter[str]:
    """Count what the attempts of all runners came to."""
    return Counter(code for each in results for code in each)


def attempts(ask: Callable[[], Accepted]) -> list[str]:
    """Ask some times, and return what came of each."""

    def attempt() -> str:
        try:
            ask()
        except Refusal as refusal:
            return refusal.code
        return "taken"

    return [attempt() for _ in range(EACH)]


class TestABudgetForTen:
    def test_is_passed_by_no_hundred_questions_at_once(
        self, settings: Any, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.CHAT_MODEL = "conversations.tests.doubles.priced_chat"
        question = "How do we begin?"
        amount = spending.most_an_answer_costs(question)
        settings.DAILY_BUDGET_USD = amount * 10
        with Racers(RUNNERS) as racers:
            for _ in range(TRIALS):
                Reservation.objects.all().delete()
                Budget.objects.all().delete()
                places = [begin(cast.home.owner) for _ in range(RUNNERS)]

                def asks(place: UUID) -> list[str]:
                    return attempts(
                        lambda: accept(
                            member=cast.home.owner,
                            conversation_id=place,
                            client_id=uuid4(),
                            text=question,
                            now=timezone.now(),
                        )
                    )

                ended = racers.race(*(partial(asks, place.pk) for place in places), apart=True)
                assert codes(ended) == {"taken": 10, "budget": RUNNERS * EACH - 10}
                budget = Budget.objects.get()
                assert (budget.reserved_usd, budget.open_turns) == (amount * 10, 10)
                assert Reservation.objects.count() == 10

    def test_is_never_passed_while_answers_end_and_others_begin(self, settings: Any, cast: Cast) -> None:
        settings.DAILY_BUDGET_USD = Decimal("1.00")
        amount, cost = Decimal("0.10"), Decimal("0.09")
        member = cast.home.owner

        def turn() -> list[str]:
            found: list[str] = []
            for _ in range(EACH):
                subject, now = uuid4(), timezone.now()
                short = spending.reserve(
                    organization_id=cast.home.organization.pk,
                    user_id=member.pk,
                    subject_id=subject,
                    amount_usd=amount,
                    messages=0,
                    now=now,
                )
                found.append("taken" if short is None else short.of)
                if short is None:
                    spending.settle(user_id=member.pk, subject_id=subject, runs=[run_of(cost)], now=now)
            return found

        with Racers(RUNNERS) as racers:
            for _ in range(TRIALS):
                Budget.objects.all().delete()
                taken = codes(racers.race(*[turn] * RUNNERS, apart=True))["taken"]
                budget = Budget.objects.get()
                assert (budget.reserved_usd, budget.open_turns) == (NOTHING, 0)
                assert budget.spent_usd == cost * taken
                assert budget.spent_usd <= Decimal("1.00")
                assert taken in {10, 11}

    def test_is_given_back_once_by_a_sweep_that_meets_the_end_of_the_answer(self, cast: Cast) -> None:
        member = cast.home.owner
        with Racers(3) as racers:
            for _ in range(TRIALS * 5):
                Budget.objects.all().delete()
                subject, now = uuid4(), timezone.now()
                short = spending.reserve(
                    organization_id=cast.home.organization.pk,
                    user_id=member.pk,
                    subject_id=subject,
                    amount_usd=Decimal("0.10"),
                    messages=0,
                    now=now,
                )
                assert short is None
                sweep = partial(spending.release, subject_ids=[subject])
                settle = partial(
                    spending.settle,
                    user_id=member.pk,
                    subject_id=subject,
                    runs=[run_of(Decimal("0.03"))],
                    now=now,
                )
                assert racers.race(sweep, settle, sweep, apart=True) == [None, None, None]
                budget = Budget.objects.get()
                assert (budget.spent_usd, budget.reserved_usd, budget.open_turns) == (
                    Decimal("0.03"),
                    NOTHING,
                    0,
                )


class TestAMonthForThirty:
    def test_is_passed_by_no_hundred_messages_of_many_people(self, settings: Any, cast: Cast) -> None:
        settings.MONTHLY_MESSAGES = {"free": 30}
        people = [cast.home.owner, cast.home.coach, cast.home.other_coach, cast.home.admin]
        with Racers(RUNNERS) as racers:
            for _ in range(TRIALS):
                MonthlyUse.objects.all().delete()
                places = [
                    (person, begin(person).pk) for person in people for _ in range(RUNNERS // len(people))
                ]

                def asks(place: tuple[Any, UUID]) -> list[str]:
                    return attempts(
                        lambda: accept(
                            member=place[0],
                            conversation_id=place[1],
                            client_id=uuid4(),
                            text="How do we begin?",
                            now=timezone.now(),
                        )
                    )

                ended = racers.race(*(partial(asks, place) for place in places), apart=True)
                assert codes(ended) == {"taken": 30, "monthly_limit": RUNNERS * EACH - 30}
                assert MonthlyUse.objects.get().messages == 30
