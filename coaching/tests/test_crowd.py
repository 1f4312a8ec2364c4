"""While many answers are being prepared, those that have begun are read less often."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack

import pytest

from coaching.providers.crowd import FEW, LONGEST_SECONDS, STEP_SECONDS, Crowd, crowd
from coaching.providers.openai_adapter import OpenAIChat
from coaching.providers.pace import Deadlines
from coaching.providers.ports import ChatMessage, ChatRequest, ProviderCut, ProviderError, ProviderTimeout
from coaching.providers.streams import closing
from coaching.tests.loopback import Fault, Loopback, Script

REQUEST = ChatRequest(purpose="answer", messages=(ChatMessage("user", "How often do teams meet?"),))
HALF = "Teams that look at "
"""What the server says before it fails half way."""


@pytest.fixture
def many() -> Iterator[None]:
    """Let so many others be prepared in this process that words wait for a tenth of a second."""
    with ExitStack() as others:
        for _ in range(FEW + round(0.1 / STEP_SECONDS)):
            others.enter_context(crowd.waiting())
        yield


@pytest.fixture
async def server() -> AsyncGenerator[Loopback, None]:
    """Run a model that says a word every five milliseconds."""
    async with Loopback(script=Script(tokens=8, gap_s=0.005)).running() as running:
        yield running


def chat(server: Loopback, *, idle_s: float = 15.0) -> OpenAIChat:
    return OpenAIChat(
        model="loopback", api_key="sk", base_url=server.base_url, deadlines=Deadlines(idle_s=idle_s)
    )


async def told(model: OpenAIChat, said: list[str]) -> None:
    """Read an answer to its end; what was said before an error is left in `said`."""
    async with closing(model.stream(REQUEST, deadline_s=20)) as pieces:
        async for piece in pieces:
            said += [piece.text]


def test_nobody_waits_while_it_is_small_and_nobody_for_long() -> None:
    here = Crowd()
    assert here.patience_seconds() == 0
    with ExitStack() as others:
        for _ in range(FEW):
            others.enter_context(here.waiting())
        assert here.patience_seconds() == 0
        others.enter_context(here.waiting())
        assert here.patience_seconds() == STEP_SECONDS
        for _ in range(1_000):
            others.enter_context(here.waiting())
        assert here.patience_seconds() == LONGEST_SECONDS
    assert (here.size, here.patience_seconds()) == (0, 0)


@pytest.mark.usefixtures("many")
class TestAnAnswerAmongMany:
    async def test_begins_with_its_first_word_and_goes_on_in_few_pieces(self, server: Loopback) -> None:
        server.script.tokens = 40
        said: list[str] = []
        await told(chat(server), said)
        assert "".join(said) == "".join(server.script.words())
        assert said[0] == "Teams "
        assert len(said) <= 6

    @pytest.mark.parametrize("fault", [Fault.half, Fault.short, Fault.cut_character])
    async def test_keeps_every_word_that_was_sent_before_the_line_broke(
        self, server: Loopback, fault: Fault
    ) -> None:
        server.always = fault
        for _ in range(5):
            said: list[str] = []
            with pytest.raises(ProviderCut):
                await told(chat(server), said)
            assert "".join(said) == HALF

    @pytest.mark.parametrize(
        ("fault", "error"), [(Fault.stall, ProviderTimeout), (Fault.error_event, ProviderError)]
    )
    async def test_fails_as_it_would_alone(
        self, server: Loopback, fault: Fault, error: type[ProviderError]
    ) -> None:
        server.always = fault
        said: list[str] = []
        with pytest.raises(error):
            await told(chat(server, idle_s=1.0), said)
        assert "".join(said) == HALF

    async def test_is_stopped_while_nothing_is_read(self, server: Loopback) -> None:
        server.script.tokens = 1_000
        said: list[str] = []
        reading = asyncio.create_task(told(chat(server), said))
        await asyncio.wait_for(server.arrived.wait(), 5)
        while not said:  # noqa: ASYNC110 -- the first word is no event
            await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await asyncio.wait_for(server.disconnected.wait(), 5)
        assert (server.seen.open, server.seen.finished) == (0, 0)

    async def test_gives_its_connection_on_to_the_next(self, server: Loopback) -> None:
        model = chat(server)
        for _ in range(3):
            said: list[str] = []
            await told(model, said)
            assert "".join(said) == "".join(server.script.words())
        assert (server.seen.calls, server.seen.connections) == (3, 1)
