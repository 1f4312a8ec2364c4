"""A coach's program reads and writes the coach's own AI, under the rules of the page."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.account_data import AccountsData
from accounts.models import AuditEvent, User
from accounts.tests.api_caller import as_program
from accounts.tests.cast import House
from accounts.tests.racing import overtaken
from coaching.models import Persona
from coaching.tests.factories import PersonaFactory

pytestmark = pytest.mark.django_db

PATH, PREVIEW = "persona", "persona/preview"
WRITTEN = {
    "name": "Robin",
    "bio": "I help new teams.",
    "tone": "warm and brief",
    "instructions": "Ask one question at a time.",
    "escalation_phrases": ["formal warning", "closing the school"],
    "low_confidence": 35,
}


class TestReading:
    def test_shows_what_an_ai_is_without_a_word_of_its_coach(self, coach: User) -> None:
        reply = as_program(coach, "persona")("GET", PATH)
        assert reply.status == 200
        assert {name: reply.data[name] for name in WRITTEN} == {
            "name": "Sideline",
            "bio": "",
            "tone": "",
            "instructions": "",
            "escalation_phrases": [],
            "low_confidence": 20,
        }
        assert reply.data["preview"]["name"] == "Sideline"
        assert not Persona.objects.exists()

    def test_needs_a_key_that_opens_it(self, coach: User) -> None:
        program = as_program(coach, "read", "write", "account", "coach", "documents")
        assert [program(method, path).status for method, path in CALLS] == [403, 403, 403]

    def test_is_for_coaches(self, owner: User) -> None:
        program = as_program(owner)
        assert [program(method, path).status for method, path in CALLS] == [403, 403, 403]


CALLS = (("GET", PATH), ("PATCH", PATH), ("POST", PREVIEW))


class TestWriting:
    def test_makes_it_and_changes_what_is_named(self, coach: User) -> None:
        program = as_program(coach, "persona")
        made = program("PATCH", PATH, WRITTEN)
        assert made.status == 200
        assert {name: made.data[name] for name in WRITTEN} == WRITTEN
        changed = program("PATCH", PATH, {"tone": "dry"})
        assert {name: changed.data[name] for name in WRITTEN} == {**WRITTEN, "tone": "dry"}
        persona = Persona.objects.get()
        assert (persona.coach, persona.name, persona.tone) == (coach, "Robin", "dry")
        assert persona.low_confidence_below == 0.35
        events = AuditEvent.objects.filter(action="persona_written").order_by("sequence")
        assert [(event.actor_id, event.reason) for event in events] == [
            (coach.pk, "name, bio, tone, instructions, escalation_phrases, low_confidence_below"),
            (coach.pk, "tone"),
        ]

    def test_records_the_first_time_what_it_names_alone(self, coach: User) -> None:
        as_program(coach, "persona")("PATCH", PATH, {"name": "Robin", "bio": ""})
        assert AuditEvent.objects.get(action="persona_written").reason == "name"

    def test_leaves_what_is_not_named_as_it_is_even_where_the_page_would_write_it_otherwise(
        self, coach: User
    ) -> None:
        PersonaFactory.create(coach=coach, name=coach.name, low_confidence_below=0.125)
        assert as_program(coach, "persona")("PATCH", PATH, {"tone": "dry"}).status == 200
        persona = Persona.objects.get()
        assert (persona.name, persona.tone, persona.low_confidence_below) == (coach.name, "dry", 0.125)
        assert AuditEvent.objects.get(action="persona_written").reason == "tone"

    def test_of_nothing_makes_nothing(self, coach: User) -> None:
        assert as_program(coach, "persona")("PATCH", PATH, {"name": "Sideline"}).status == 200
        assert not Persona.objects.exists()
        assert not AuditEvent.objects.filter(action="persona_written").exists()

    def test_reaches_nobody_elses(self, home: House) -> None:
        PersonaFactory.create(coach=home.other_coach, name="Theirs")
        as_program(home.admin)("PATCH", PATH, {"name": "Mine"})
        assert dict(Persona.objects.values_list("coach_id", "name")) == {
            home.other_coach.pk: "Theirs",
            home.admin.pk: "Mine",
        }

    @pytest.mark.parametrize(
        ("wrong", "field", "said"),
        [
            ({"name": "…"}, "name", "A name has at least one letter."),
            ({"name": "ben  HART"}, "name", "This is your own name."),
            ({"bio": "a" * 4001}, "bio", "no more than 4000 characters"),
            ({"escalation_phrases": ["if"]}, "escalation_phrases", "“if” is too short"),
            ({"escalation_phrases": ["layoffs\nif"]}, "escalation_phrases", "“if” is too short"),
            ({"low_confidence": 101}, "low_confidence", "less than or equal to 100"),
            ({"coach": "somebody"}, "coach", "There is no such field."),
        ],
    )
    def test_refuses_what_the_page_refuses(
        self, coach: User, wrong: dict[str, Any], field: str, said: str
    ) -> None:
        reply = as_program(coach, "persona")("PATCH", PATH, wrong)
        assert reply.status == 400
        assert reply.error is not None
        assert list(reply.error["details"]) == [field]
        assert said in str(reply.error["details"][field])
        assert not Persona.objects.exists()


def test_a_preview_keeps_nothing(coach: User) -> None:
    PersonaFactory.create(coach=coach, name="Robin", tone="warm")
    shown = as_program(coach, "persona")("POST", PREVIEW, {"name": "Kim", "instructions": "Name the norm."})
    assert shown.status == 200
    assert (shown.data["name"], shown.data["tone"]) == ("Kim", "warm")
    assert shown.data["preview"]["name"] == "Kim"
    assert "Name the norm." in shown.data["preview"]["wishes"]
    assert Persona.objects.get().name == "Robin"
    assert not AuditEvent.objects.filter(action="persona_written").exists()


@pytest.mark.django_db(transaction=True)
class TestWhileItsCoachIsErased:
    def test_it_is_written_no_more(self, coach: User) -> None:
        program = as_program(coach, "persona")
        reply = overtaken(
            lambda: program("PATCH", PATH, {"name": "Robin"}),
            rows=User.objects.filter(pk=coach.pk),
            by=lambda: AccountsData().erase(coach, now=timezone.now()),
        )
        assert (reply.status, reply.code) == (404, "NOT_FOUND")
        assert not Persona.objects.exists()

    def test_nor_once_the_account_is_closed(self, coach: User) -> None:
        program = as_program(coach, "persona")
        reply = overtaken(
            lambda: program("PATCH", PATH, {"name": "Robin"}),
            rows=User.objects.filter(pk=coach.pk),
            by=lambda: User.objects.filter(pk=coach.pk).update(is_active=False),
        )
        assert reply.status == 404
        assert not Persona.objects.exists()
