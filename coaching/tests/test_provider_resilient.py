"""Asking again, turning to the cheaper model, and never saying anything twice."""

import asyncio

import pytest

from coaching.providers.breaker import CircuitBreaker
from coaching.providers.ports import (
    ChatMessage,
    ChatModel,
    ChatRequest,
    EmbeddingModel,
    ProviderBusy,
    ProviderCut,
    ProviderError,
    ProviderGarbled,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from coaching.providers.resilient import Leg, ResilientChat, ResilientEmbedding, Surroundings
from coaching.providers.scripted import Reply, ScriptedChat, ScriptedEmbedding
from coaching.providers.streams import closing

REQUEST = ChatRequest(purpose="answer", messages=(ChatMessage("user", "How do I begin?"),))


class World:
    """A clock that only sleeping moves, and dice that always show 0.5."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    @property
    def around(self) -> Surroundings:
        return Surroundings(clock=self.clock, sleep=self.sleep, random_unit=lambda: 0.5)


@pytest.fixture
def world() -> World:
    return World()


def chain(world: World, *models: ChatModel) -> ResilientChat:
    legs = [Leg(model=model, breaker=CircuitBreaker(clock=world.clock)) for model in models]
    return ResilientChat(legs, around=world.around)


async def text_of(model: ChatModel, *, deadline_s: float = 60) -> str:
    async with closing(model.stream(REQUEST, deadline_s=deadline_s)) as pieces:
        return "".join([piece.text async for piece in pieces])


class TestRetries:
    async def test_a_busy_provider_is_asked_again_after_a_random_pause(self, world: World) -> None:
        main = ScriptedChat(ProviderBusy(), ProviderUnavailable(), "Begin small.")
        assert await text_of(chain(world, main)) == "Begin small."
        assert len(main.asked) == 3
        assert world.pauses == [0.25, 0.5]

    async def test_two_retries_are_the_end(self, world: World) -> None:
        main = ScriptedChat(ProviderBusy(), ProviderBusy(), ProviderBusy("third"), "never said")
        with pytest.raises(ProviderBusy, match="third"):
            await text_of(chain(world, main))
        assert len(main.asked) == 3

    async def test_retry_after_is_honoured_where_it_fits(self, world: World) -> None:
        main = ScriptedChat(ProviderBusy(retry_after_s=1), "Yes.")
        assert await text_of(chain(world, main)) == "Yes."
        assert world.pauses == [1]

    @pytest.mark.parametrize("retry_after_s", [3.5, 30, 120])
    async def test_a_longer_retry_after_goes_straight_to_the_fallback(
        self, world: World, retry_after_s: float
    ) -> None:
        main = ScriptedChat(ProviderBusy(retry_after_s=retry_after_s), "late")
        cheaper = ScriptedChat("Cheaper.")
        assert await text_of(chain(world, main, cheaper)) == "Cheaper."
        assert len(main.asked) == 1
        assert world.pauses == []

    async def test_pauses_stay_within_three_seconds_in_all(self, world: World) -> None:
        main = ScriptedChat(ProviderBusy(retry_after_s=2), ProviderBusy(retry_after_s=2), "late")
        with pytest.raises(ProviderBusy):
            await text_of(chain(world, main))
        assert len(main.asked) == 2
        assert world.pauses == [2]

    @pytest.mark.parametrize(
        "error", [ProviderTimeout(), ProviderGarbled(), ProviderCut(), ProviderRefused()]
    )
    async def test_what_asking_again_cannot_help_is_not_asked_again(
        self, world: World, error: ProviderError
    ) -> None:
        main = ScriptedChat(error, "never said")
        cheaper = ScriptedChat("Cheaper.")
        assert await text_of(chain(world, main, cheaper)) == "Cheaper."
        assert (len(main.asked), len(cheaper.asked)) == (1, 1)

    async def test_a_turn_costs_at_most_four_calls(self, world: World) -> None:
        main = ScriptedChat(*[ProviderBusy() for _ in range(9)])
        cheaper = ScriptedChat(*[ProviderBusy() for _ in range(9)])
        with pytest.raises(ProviderBusy):
            await text_of(chain(world, main, cheaper))
        assert (len(main.asked), len(cheaper.asked)) == (3, 1)

    async def test_nothing_is_asked_after_the_deadline(self, world: World) -> None:
        main = ScriptedChat(ProviderBusy(retry_after_s=1), "late")
        with pytest.raises(ProviderBusy):
            await text_of(chain(world, main), deadline_s=0.5)
        assert len(main.asked) == 1
        assert world.pauses == []


class TestAfterTheFirstToken:
    async def test_an_answer_begun_is_never_begun_again(self, world: World) -> None:
        main = ScriptedChat(Reply("Half an", error=ProviderUnavailable()), "A second answer.")
        cheaper = ScriptedChat("A third answer.")
        async with closing(chain(world, main, cheaper).stream(REQUEST, deadline_s=60)) as pieces:
            assert [(await anext(pieces)).text for _ in range(2)] == ["Half ", "an"]
            with pytest.raises(ProviderUnavailable):
                await anext(pieces)
        assert (len(main.asked), len(cheaper.asked)) == (1, 0)

    async def test_closing_early_closes_the_adapter_and_blames_nobody(self, world: World) -> None:
        main = ScriptedChat("One two three")
        breaker = CircuitBreaker(clock=world.clock)
        model = ResilientChat([Leg(model=main, breaker=breaker)], around=world.around)
        async with closing(model.stream(REQUEST, deadline_s=60)) as pieces:
            assert (await anext(pieces)).text == "One "
        assert main.abandoned == 1
        assert breaker == CircuitBreaker(clock=world.clock)


class TestBreaker:
    async def test_an_open_circuit_is_not_asked(self, world: World) -> None:
        main = ScriptedChat(*[ProviderTimeout() for _ in range(5)], "Back.")
        cheaper = ScriptedChat(otherwise="Cheaper.")
        model = chain(world, main, cheaper)
        assert [await text_of(model) for _ in range(8)] == ["Cheaper."] * 8
        assert len(main.asked) == 5
        world.now += 30
        assert await text_of(model) == "Back."
        assert len(main.asked) == 6

    async def test_when_every_model_rests_the_wait_is_told(self, world: World) -> None:
        model = chain(world, ScriptedChat(*[ProviderTimeout() for _ in range(5)]))
        for _ in range(5):
            with pytest.raises(ProviderTimeout):
                await text_of(model)
        world.now += 10
        with pytest.raises(ProviderUnavailable) as caught:
            await text_of(model)
        assert caught.value.retry_after_s == 20

    async def test_a_refused_request_says_nothing_about_the_provider(self, world: World) -> None:
        main = ScriptedChat(*[ProviderRefused() for _ in range(30)], "Fine.")
        model = chain(world, main)
        for _ in range(30):
            with pytest.raises(ProviderRefused):
                await text_of(model)
        assert await text_of(model) == "Fine."

    async def test_while_failing_at_most_one_probe_goes_every_thirty_seconds(self, world: World) -> None:
        main = ScriptedChat(*[ProviderTimeout() for _ in range(50)])
        model = chain(world, main, ScriptedChat(otherwise="Cheaper."))
        for _ in range(600):
            assert await text_of(model) == "Cheaper."
            world.now += 0.1
        assert len(main.asked) == 5 + 1


class TestStructured:
    async def test_a_structured_answer_is_retried_once(self, world: World) -> None:
        main = ScriptedChat(ProviderBusy(), ProviderBusy(), "[1]")
        cheaper = ScriptedChat("[2]")
        answer = await chain(world, main, cheaper).structured(REQUEST, schema=list[int], deadline_s=9)
        assert answer.value == [2]
        assert (len(main.asked), len(cheaper.asked)) == (2, 1)

    async def test_a_garbled_one_was_repaired_already_and_ends_it(self, world: World) -> None:
        main, cheaper = ScriptedChat("not JSON"), ScriptedChat("[2]")
        with pytest.raises(ProviderGarbled):
            await chain(world, main, cheaper).structured(REQUEST, schema=list[int], deadline_s=9)
        assert (len(main.asked), len(cheaper.asked)) == (1, 0)


class TestEmbedding:
    async def test_a_failing_embedding_model_is_asked_three_times(self, world: World) -> None:
        inner = ScriptedEmbedding(error=ProviderBusy())
        leg: Leg[EmbeddingModel] = Leg(model=inner, breaker=CircuitBreaker(clock=world.clock))
        with pytest.raises(ProviderBusy):
            await ResilientEmbedding(leg, around=world.around).embed(["a"], deadline_s=9)
        assert inner.asked == [("a",)] * 3


async def test_the_deadline_of_a_leg_is_what_is_left(world: World) -> None:
    never = asyncio.Event()
    main = ScriptedChat(ProviderBusy(retry_after_s=2), Reply("late", until=never))
    with pytest.raises(ProviderTimeout):
        await text_of(chain(world, main), deadline_s=2.01)
    assert len(main.asked) == 2


def test_a_chain_without_models_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one model"):
        ResilientChat([])
