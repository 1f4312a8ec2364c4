"""What a coach writes of their AI is what their clients meet from the next message on."""

import pytest
from django.test import Client

from accounts.tests.cast import Cast
from conversations.models import Handoff
from conversations.tests.factories import begin, say
from conversations.turns.plan import load

pytestmark = pytest.mark.django_db(transaction=True)


def test_its_name_its_wishes_and_the_words_that_call_its_coach(client: Client, cast: Cast) -> None:
    conversation = begin(cast.home.owner)
    client.force_login(cast.home.coach)
    written = {"name": "Robin", "instructions": "Be brief.", "escalation_phrases": "closing the school"}
    client.post("/admin/persona/", {**written, "low_confidence": "35"})
    turn = say(cast.home.owner, conversation, "How do we begin a meeting?", worker="here").turn_id
    assert turn is not None
    loaded = load(turn)
    assert loaded is not None
    assert (loaded.voice.persona.name, loaded.voice.persona.instructions) == ("Robin", "Be brief.")
    assert loaded.voice.low_confidence_below == 0.35
    assert not Handoff.objects.exists()
    say(cast.home.owner, conversation, "They talk of CLOSING the\nschool.")
    assert Handoff.objects.get().reason == "escalation_rule"
    client.force_login(cast.home.owner)
    assert "Write to Robin" in client.get(f"/conversations/{conversation.pk}/").content.decode()
