"""Races of what a coach writes about their own AI: two programs at once, the first time and later."""

from collections.abc import Mapping
from functools import partial

import pytest

from accounts.models import AuditEvent
from accounts.tests.api_caller import Api, Reply, key_of
from accounts.tests.cast import Cast
from coaching.models import Persona
from coaching.tests.factories import PersonaFactory
from config.tests.racing import Racers

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

TRIALS = 200


@pytest.fixture
def programs(cast: Cast) -> tuple[Api, Api]:
    """Return two programs of a coach."""
    key = key_of(cast.home.coach, "persona")
    return Api(key), Api(key)


def written(racers: Racers, programs: tuple[Api, Api], *changes: Mapping[str, object]) -> list[str]:
    """Write each change by a program of its own; return what the record then says was written, in alphabetical order."""
    known = AuditEvent.objects.filter(action="persona_written").count()
    calls = [
        partial(call, "PATCH", "persona", change) for call, change in zip(programs, changes, strict=True)
    ]
    replies: list[Reply] = racers.race(*calls, apart=True)
    assert [reply.status for reply in replies] == [200, 200], replies
    events = AuditEvent.objects.filter(action="persona_written").order_by("sequence")
    return sorted(event.reason for event in events[known:])


def test_two_changes_at_once_both_stay_and_the_record_names_each_alone(
    cast: Cast, two: Racers, programs: tuple[Api, Api]
) -> None:
    persona = PersonaFactory.create(coach=cast.home.coach)
    for trial in range(TRIALS):
        changes = {"bio": f"About {trial}"}, {"tone": f"tone {trial}"}
        assert written(two, programs, *changes) == ["bio", "tone"]
        persona.refresh_from_db()
        assert (persona.bio, persona.tone) == (f"About {trial}", f"tone {trial}")


def test_two_first_changes_at_once_make_one_ai_with_both(
    cast: Cast, two: Racers, programs: tuple[Api, Api]
) -> None:
    for trial in range(TRIALS):
        # Every other time one of them changes nothing, and must take nothing back with the row it did not need.
        name, says = (("Sideline", []), ("Robin", ["name"]))[trial % 2]
        reasons = written(two, programs, {"name": name}, {"low_confidence": 35})
        assert reasons == ["low_confidence_below", *says]
        persona = Persona.objects.get()
        assert (persona.name, persona.low_confidence_below) == (name, 0.35)
        persona.delete()
