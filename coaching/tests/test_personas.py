"""A coach writes their own AI in the dashboard, sees how it begins, and nobody writes another's."""

from html import unescape
from typing import Any

import pytest
from django.test import Client
from lxml import html

from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast
from coaching.models import Persona
from coaching.tests.factories import PersonaFactory

pytestmark = pytest.mark.django_db

PAGE, PREVIEW = "/admin/persona/", "/admin/persona/preview/"
HTMX = {"HX-Request": "true"}
WRITTEN = {
    "name": "Robin",
    "bio": "I help new teams.",
    "tone": "warm and brief",
    "instructions": "Ask one question at a time.\r\nName the norm.",
    "escalation_phrases": "Formal  warning\r\n\r\n“formal warning”\r\nclosing the school",
    "low_confidence": "35",
}


@pytest.fixture
def as_coach(client: Client, coach: User) -> Client:
    """Return a browser in which Ben is signed in."""
    client.force_login(coach)
    return client


def words(response: Any) -> str:
    """Return a page as text."""
    return unescape(response.content.decode())


def filled(page: Any) -> dict[str, str]:
    """Return what the form of a page would send as it stands."""
    document: Any = html.fromstring(page.content.decode())
    return {box.name: box.value or "" for box in document.get_element_by_id("persona-form").inputs}


class TestWriting:
    def test_makes_the_persona_the_first_time(self, as_coach: Client, coach: User) -> None:
        page = words(as_coach.get(PAGE))
        assert 'value="Sideline"' in page
        assert 'value="20"' in page
        saved = as_coach.post(PAGE, WRITTEN, follow=True)
        assert "Saved. It speaks so from its next answer on." in words(saved)
        persona = Persona.objects.get()
        assert (persona.coach, persona.name, persona.bio) == (coach, "Robin", "I help new teams.")
        assert (persona.tone, persona.low_confidence_below) == ("warm and brief", 0.35)
        assert persona.instructions == "Ask one question at a time.\nName the norm."
        assert persona.escalation_phrases == ["“formal warning”", "closing the school"]

    def test_changes_it_the_next_time_and_records_what_without_the_words(
        self, as_coach: Client, coach: User
    ) -> None:
        as_coach.post(PAGE, WRITTEN)
        as_coach.post(PAGE, {**WRITTEN, "tone": "dry", "low_confidence": "0"})
        persona = Persona.objects.get()
        assert (persona.name, persona.tone, persona.low_confidence_below) == ("Robin", "dry", 0.0)
        events = AuditEvent.objects.filter(action="persona_written").order_by("sequence")
        assert [(event.actor_id, event.resource) for event in events] == [
            (coach.pk, f"persona:{persona.pk}")
        ] * 2
        assert [event.reason for event in events] == [
            "name, bio, tone, instructions, escalation_phrases, low_confidence_below",
            "tone, low_confidence_below",
        ]

    def test_leaves_what_was_written_elsewhere_since_the_page_was_opened(
        self, as_coach: Client, coach: User
    ) -> None:
        persona = PersonaFactory.create(coach=coach, bio="Old", low_confidence_below=0.125)
        page = filled(as_coach.get(PAGE))
        Persona.objects.update(bio="Of another tab", escalation_phrases=["formal warning"])
        as_coach.post(PAGE, {**page, "tone": "dry"})
        persona.refresh_from_db()
        assert (persona.tone, persona.bio, persona.low_confidence_below) == ("dry", "Of another tab", 0.125)
        assert persona.escalation_phrases == ["formal warning"]
        assert AuditEvent.objects.get(action="persona_written").reason == "tone"

    def test_takes_a_form_that_does_not_say_what_it_showed_as_it_stands(self, as_coach: Client) -> None:
        as_coach.post(PAGE, WRITTEN)
        as_coach.post(PAGE, {**WRITTEN, "bio": "", "name": "Sideline"})
        assert Persona.objects.values_list("name", "bio").get() == ("Sideline", "")

    def test_after_a_refusal_still_knows_what_was_shown(self, as_coach: Client, coach: User) -> None:
        PersonaFactory.create(coach=coach, bio="Old", tone="warm")
        refused = as_coach.post(PAGE, {**filled(as_coach.get(PAGE)), "tone": "dry", "name": "…"})
        Persona.objects.update(bio="Of another tab")
        as_coach.post(PAGE, {**filled(refused), "name": "Wren"})
        assert Persona.objects.values_list("name", "tone", "bio").get() == ("Wren", "dry", "Of another tab")

    def test_of_what_is_there_already_changes_nothing(self, as_coach: Client) -> None:
        as_coach.post(PAGE, WRITTEN)
        assert "Nothing was changed." in words(as_coach.post(PAGE, WRITTEN, follow=True))
        assert AuditEvent.objects.filter(action="persona_written").count() == 1

    def test_of_what_an_ai_is_anyway_makes_nothing(self, as_coach: Client) -> None:
        anyway = {"name": "Sideline", "low_confidence": "20"}
        assert "Nothing was changed." in words(as_coach.post(PAGE, anyway, follow=True))
        assert not Persona.objects.exists()
        assert not AuditEvent.objects.filter(action="persona_written").exists()

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"name": "  "}, "Give your AI a name."),
            ({"name": "…"}, "A name has at least one letter."),
            ({"name": "ben  HART"}, "This is your own name."),
            ({"name": "a" * 121}, "at most 120 characters (it has 121)"),
            ({"bio": "a" * 4001}, "at most 4000 characters (it has 4001)"),
            ({"tone": "a" * 301}, "at most 300 characters (it has 301)"),
            ({"instructions": "a" * 8001}, "at most 8000 characters (it has 8001)"),
            ({"escalation_phrases": "layoffs\nif"}, "“if” is too short: it would call you all the time."),
            ({"escalation_phrases": "a" * 101}, "has 101 characters; 100 is the limit for a phrase."),
            (
                {"escalation_phrases": "\n".join(f"phrase {number}" for number in range(51))},
                "These are 51 phrases; 50 is the limit.",
            ),
            ({"low_confidence": ""}, "Write a number from 0 to 100."),
            ({"low_confidence": "often"}, "Write a number from 0 to 100."),
            ({"low_confidence": "101"}, "less than or equal to 100"),
            ({"low_confidence": "-1"}, "greater than or equal to 0"),
        ],
    )
    def test_says_what_is_wrong_and_keeps_what_was_typed(
        self, as_coach: Client, wrong: dict[str, str], said: str
    ) -> None:
        refused = as_coach.post(PAGE, {**WRITTEN, "bio": "Half a thought", **wrong})
        assert refused.status_code == 422
        assert said in words(refused)
        assert "Nothing was saved yet." in words(refused)
        assert "bio" in wrong or "Half a thought" in words(refused)
        assert not Persona.objects.exists()

    def test_drops_what_nobody_sees_and_keeps_what_is_one_letter(self, as_coach: Client) -> None:
        as_coach.post(PAGE, {**WRITTEN, "name": "Ro\x07bin\n the  owl 👩\u200d🏫"})
        assert Persona.objects.get().name == "Robin the owl 👩\u200d🏫"


class TestThePreview:
    def test_shows_the_name_and_how_the_prompt_begins(self, as_coach: Client) -> None:
        fragment = words(as_coach.post(PREVIEW, WRITTEN, headers=HTMX))
        assert "Robin</span>" in fragment
        assert "You are Robin, the AI assistant of Ben Hart." in fragment
        assert "About you: I help new teams.\nTone: warm and brief</pre>" in fragment
        assert "Ask one question at a time.\nName the norm.</pre>" in fragment
        assert "<form" not in fragment
        assert not Persona.objects.exists()

    def test_shows_wishes_with_headings_of_their_own_to_their_end(self, as_coach: Client) -> None:
        headed = {**WRITTEN, "instructions": "# Wishes\r\nName the norm.\r\n# What is known\r\nOne question."}
        fragment = words(as_coach.post(PREVIEW, headed, headers=HTMX))
        assert "above.\n# Wishes\nName the norm.\n# What is known\nOne question.</pre>" in fragment

    def test_without_a_script_keeps_what_was_typed_in_its_boxes(self, as_coach: Client) -> None:
        page = words(as_coach.post(PREVIEW, {**WRITTEN, "name": "Wren"}))
        assert 'value="Wren"' in page
        assert "You are Wren, the AI assistant of Ben Hart." in page
        assert not Persona.objects.exists()

    def test_shows_markup_as_text(self, as_coach: Client) -> None:
        shown = as_coach.post(PREVIEW, {**WRITTEN, "bio": "<script>alert(1)</script>"}, headers=HTMX)
        assert b"<script>" not in shown.content


class TestWhose:
    def test_is_each_coachs_own_and_an_administrators_is_no_other(self, client: Client, cast: Cast) -> None:
        PersonaFactory.create(coach=cast.home.coach, name="Robin", bio="SECRET-BIO")
        for member in (cast.home.other_coach, cast.home.admin, cast.away.coach):
            client.force_login(member)
            assert "SECRET-BIO" not in words(client.get(PAGE))
            client.post(PAGE, {**WRITTEN, "name": "Wren", "coach": str(cast.home.coach.pk)})
        assert Persona.objects.get(coach=cast.home.coach).name == "Robin"
        assert Persona.objects.filter(name="Wren").count() == 3

    def test_is_no_page_for_an_educator(self, client: Client, owner: User) -> None:
        client.force_login(owner)
        assert client.get(PAGE).status_code == 404
        assert client.post(PAGE, WRITTEN).status_code == 404
        assert client.post(PREVIEW, WRITTEN).status_code == 404
