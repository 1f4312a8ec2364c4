"""What it costs to look something up over the API: nothing, or a part of the daily budget."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from accounts.tests.api_caller import as_program
from coaching.models import Budget, PromptRun, Reservation
from conversations.tests import doubles

pytestmark = pytest.mark.django_db

SEARCH = "search?q=How+do+we+begin+a+meeting+well"


@pytest.fixture
def _priced(settings: Any) -> None:
    settings.EMBEDDING_MODEL = "conversations.tests.doubles.priced_embeddings"


@pytest.mark.usefixtures("_priced")
def test_what_the_provider_asks_for_is_spent(owner: User) -> None:
    assert as_program(owner)("GET", SEARCH).status == 200
    budget = Budget.objects.get()
    assert (budget.user_id, budget.reserved_usd, budget.open_turns) == (owner.pk, Decimal(0), 0)
    assert budget.spent_usd == Decimal("0.000001")
    assert PromptRun.objects.get().user_id == owner.pk
    assert not Reservation.objects.exists()


@pytest.mark.usefixtures("_priced")
def test_what_cannot_be_paid_is_refused_like_a_question_and_nobody_is_asked(
    owner: User, settings: Any
) -> None:
    settings.DAILY_BUDGET_USD = Decimal(0)
    asked_before = len(doubles.priced_embeddings().asked)
    found = as_program(owner)("GET", SEARCH)
    assert (found.status, found.code) == (429, "RATE_LIMITED")
    assert found.error is not None
    assert found.error["details"] == {"reason": "budget"}
    assert 0 < int(found.headers["Retry-After"]) <= 86_400
    assert len(doubles.priced_embeddings().asked) == asked_before
    assert not Budget.objects.exists()


def test_what_costs_nothing_needs_no_budget(owner: User, settings: Any) -> None:
    settings.EMBEDDING_MODEL = "conversations.tests.doubles.embeddings"
    settings.DAILY_BUDGET_USD = Decimal(0)
    assert as_program(owner)("GET", SEARCH).status == 200
    assert not Budget.objects.exists()
