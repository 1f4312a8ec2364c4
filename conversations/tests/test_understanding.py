"""What a question is about: decided here, and by a model where that is not clear."""

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from accounts.tests.cast import Cast
from coaching.providers import registry
from coaching.providers.breaker import CONSECUTIVE_FAILURES
from coaching.providers.metered import MemorySink
from coaching.providers.ports import ProviderBusy
from coaching.providers.scripted import Reply, ScriptedChat
from conversations.tests.doubles import stage
from conversations.tests.factories import begin
from conversations.tests.test_turns import reply_of, say
from conversations.turns import understand as understanding
from conversations.turns.run import turns
from conversations.turns.understand import Understood, understand
from knowledge.routing import Routing
from knowledge.tests.shelf import put

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("scripted")]

QUESTION = "How do we keep going after the first weeks?"


@pytest.fixture(autouse=True)
def patience(settings: Any) -> None:
    """Give the model long enough on any machine."""
    settings.ROUTING_MODEL_MS = 20_000


def routed(monkeypatch: pytest.MonkeyPatch, routing: Routing) -> None:
    """Let the router of this process decide so."""

    class Decided:
        def route(self, **_: object) -> Routing:
            return routing

    async def router_for(*_: object) -> Decided:
        return Decided()

    monkeypatch.setattr(understanding, "router_for", router_for)


@pytest.fixture
def unsure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the router be unsure."""
    routed(monkeypatch, Routing(primary="assessment", confidence=0.4))


def says(*subjects: str) -> ScriptedChat:
    """Put a model on the stage that names subjects."""
    stage.chat = ScriptedChat(json.dumps({"subjects": subjects}))
    return stage.chat


async def domains_of(question: str = QUESTION) -> tuple[str, ...]:
    understood = await understand(question)
    assert isinstance(understood, Understood)
    assert understood.vector is not None
    return understood.domains


@pytest.mark.usefixtures("unsure")
class TestAModelIsAsked:
    async def test_and_what_it_says_of_domains_that_there_are_counts(self) -> None:
        model = says("leadership", "astrology", "leadership", "school_culture", "curriculum")
        sink = MemorySink()
        assert (await understand(QUESTION, sink)).domains == ("leadership", "school_culture")
        (asked,) = model.asked
        assert (asked.purpose, asked.question) == ("routing", QUESTION)
        assert "- leadership: " in asked.messages[0].content
        assert asked.messages[1].content == f"<question>\n{QUESTION}\n</question>"
        assert [(run.purpose, run.status) for run in sink.runs] == [("embedding", "ok"), ("routing", "ok")]
        assert sink.runs[-1].prompt.name == "routing"

    async def test_and_may_say_that_it_is_about_none_of_them(self) -> None:
        says()
        assert await domains_of() == ()

    async def test_and_a_long_question_is_cut_in_its_middle(self) -> None:
        model = says("leadership")
        await domains_of("How? " + "word " * 4_000 + "Why?")
        told = model.asked[0].messages[1].content
        assert len(told) < 2_500
        assert "How? word" in told
        assert "Why?" in told

    async def test_and_an_answer_that_comes_too_late_is_not_waited_for(self, settings: Any) -> None:
        settings.ROUTING_MODEL_MS = 50
        stage.chat = ScriptedChat(Reply('{"subjects": ["leadership"]}', until=asyncio.Event()))
        assert await domains_of() == ()

    @pytest.mark.parametrize(
        "reply", [ProviderBusy("much to do"), "leadership", '{"subjects": "leadership"}']
    )
    async def test_and_one_that_fails_leaves_the_search_without_a_preference(self, reply: Any) -> None:
        stage.chat = ScriptedChat(reply)
        assert await domains_of() == ()

    async def test_and_its_failures_say_nothing_of_answers(self) -> None:
        stage.chat = ScriptedChat(*[ProviderBusy("much to do")] * 40, otherwise="{}")
        for _ in range(CONSECUTIVE_FAILURES + 1):
            await domains_of()
        (model,) = registry.chat_chain()
        breakers = registry._breakers()
        named = {"provider": model.provider, "model": model.model}
        assert breakers.of(**named, key_owner="platform, decisions").is_open
        assert not breakers.of(**named, key_owner="platform").is_open


class TestNoModelIsAsked:
    @pytest.mark.parametrize(
        ("routing", "expected"),
        [
            (
                Routing(primary="assessment", secondary=("curriculum",), confidence=0.5),
                ("assessment", "curriculum"),
            ),
            (Routing(primary="assessment", confidence=0.4, needs_clarification=True), ()),
            (Routing(primary=None), ()),
        ],
    )
    async def test_where_it_is_clear_too_vague_or_about_nothing(
        self, monkeypatch: pytest.MonkeyPatch, routing: Routing, expected: tuple[str, ...]
    ) -> None:
        routed(monkeypatch, routing)
        model = says("leadership")
        assert await domains_of() == expected
        assert model.asked == []

    @pytest.mark.usefixtures("unsure")
    async def test_where_nobody_is_to_wait_for_it(self, settings: Any) -> None:
        settings.ROUTING_MODEL_MS = 0
        model = says("leadership")
        assert await domains_of() == ()
        assert model.asked == []

    @pytest.mark.usefixtures("unsure")
    async def test_where_there_is_only_one_that_quotes(self, settings: Any) -> None:
        settings.CHAT_MODEL = ""
        sink = MemorySink()
        assert (await understand(QUESTION, sink)).domains == ()
        assert [run.purpose for run in sink.runs] == ["embedding"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Begin with one question [1].", ["assessment", "curriculum"]),
        ("I could not find this.", ["leadership"]),
    ],
)
async def test_an_answer_has_the_domains_of_what_it_cites_else_those_of_the_question(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, answer: str, expected: list[str]
) -> None:
    routed(monkeypatch, Routing(primary="leadership", confidence=0.9))
    conversation = await sync_to_async(begin)(cast.home.owner)
    text = f"{QUESTION} Begin with one question."
    await sync_to_async(put)(cast.home.organization, text, domains=["assessment", "curriculum"])
    stage.chat = ScriptedChat(answer)
    await say(cast, conversation, QUESTION)
    await turns.finished()
    assert (await sync_to_async(reply_of)(conversation)).domains == expected
