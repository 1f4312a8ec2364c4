"""A plan that travels between two processes: read again only where nobody remembers it."""

from uuid import uuid4

import pytest

from coaching.prompts.compose import PersonaVoice
from conversations.turns import sealing
from conversations.turns.plan import Loaded, Plan, Voice
from conversations.turns.sealing import seal, unseal
from knowledge.retrieved import Retrieval
from knowledge.scope import Scope


@pytest.fixture
def plan() -> Plan:
    """Return the plan of a question for which nothing was found."""
    loaded = Loaded(
        turn_id=uuid4(),
        conversation_id=uuid4(),
        reply_id=uuid4(),
        reply_sequence=2,
        organization_id=uuid4(),
        client_id=uuid4(),
        scope=Scope(uuid4()),
        voice=Voice(PersonaVoice(name="Compass", coach_name="Ben"), 0.2),
        question="How do we begin?",
        search_text="How do we begin?",
        history=(),
        handback="",
    )
    return Plan(loaded, Retrieval(), {})


def test_is_the_same_where_it_was_made_and_an_equal_one_the_second_time(plan: Plan) -> None:
    sealed = seal(plan)
    assert unseal(sealed) is plan
    again = unseal(sealed)
    assert again is not plan
    assert again == plan


def test_is_not_kept_where_it_does_not_come_back_to(plan: Plan) -> None:
    sealed = seal(plan, remember=False)
    assert sealed.id not in vars(sealing)["_made"]
    assert unseal(sealed) == plan


def test_that_nobody_asks_for_is_forgotten_with_the_next(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = seal(plan)
    monkeypatch.setattr(sealing, "REMEMBERED_SECONDS", -1)
    other = seal(plan, remember=False)
    assert vars(sealing)["_made"] == {}
    assert unseal(sealed) == unseal(other) == plan
