"""The OpenAI adapter against a server that misbehaves on purpose."""

import asyncio
import gc
import logging
import traceback
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import pytest
from asgiref.sync import async_to_sync

from accounts.tests.waiting import dawdle
from coaching.providers.openai_adapter import OpenAIChat
from coaching.providers.openai_protocol import retry_after_s, status_error
from coaching.providers.pace import Deadlines
from coaching.providers.per_loop import PerLoop
from coaching.providers.ports import (
    ChatMessage,
    ChatRequest,
    Piece,
    ProviderBusy,
    ProviderCut,
    ProviderError,
    ProviderGarbled,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
    Usage,
)
from coaching.providers.streams import closing
from coaching.tests.loopback import Fault, Loopback, Script

KEY = "sk-canary-4f1d"
REQUEST = ChatRequest(purpose="answer", messages=(ChatMessage("user", "How often do teams meet?"),))
IMPATIENT = {
    Fault.nothing: Deadlines(first_token_s=1.0),
    Fault.stall: Deadlines(idle_s=1.0),
}
"""Short where the fault is silence, and then only for the silence: a busy machine is slow elsewhere too."""


@pytest.fixture
async def server() -> AsyncGenerator[Loopback, None]:
    async with Loopback(script=Script(tokens=8)).running() as running:
        yield running


def chat(server: Loopback, deadlines: Deadlines | None = None) -> OpenAIChat:
    return OpenAIChat(model="loopback", api_key=KEY, base_url=server.base_url, deadlines=deadlines)


async def read(model: OpenAIChat, said: list[str] | None = None, *, deadline_s: float = 5) -> list[Piece]:
    """Read to the end; what was said before an error is left in `said`."""
    read_so_far: list[Piece] = []
    async with closing(model.stream(REQUEST, deadline_s=deadline_s)) as pieces:
        async for piece in pieces:
            read_so_far.append(piece)
            if said is not None:
                said.append(piece.text)
    return read_so_far


async def failure_of(model: OpenAIChat) -> ProviderError | None:
    try:
        await read(model)
    except ProviderError as error:
        return error
    return None


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Fault.busy, ProviderBusy),
            (Fault.failing, ProviderUnavailable),
            (Fault.reset, ProviderUnavailable),
            (Fault.refusing, ProviderRefused),
            (Fault.redirect, ProviderRefused),
            (Fault.garbage, ProviderGarbled),
            (Fault.nothing, ProviderTimeout),
        ],
    )
    async def test_before_the_first_token(
        self, server: Loopback, fault: Fault, error: type[ProviderError]
    ) -> None:
        server.always = fault
        said: list[str] = []
        with pytest.raises(error) as caught:
            await read(chat(server, IMPATIENT.get(fault)), said)
        assert type(caught.value) is error
        assert said == []
        assert server.seen.calls == 1
        assert server.seen.redirected == 0

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Fault.half, ProviderCut),
            (Fault.short, ProviderCut),
            (Fault.cut_character, ProviderCut),
            (Fault.garbled_event, ProviderGarbled),
            (Fault.error_event, ProviderUnavailable),
            (Fault.stall, ProviderTimeout),
        ],
    )
    async def test_half_way_what_was_said_is_kept(
        self, server: Loopback, fault: Fault, error: type[ProviderError]
    ) -> None:
        server.always = fault
        server.script.gap_s = 0.005
        said: list[str] = []
        with pytest.raises(error) as caught:
            await read(chat(server, IMPATIENT.get(fault)), said)
        assert type(caught.value) is error
        assert "".join(said) == "Teams that look at "
        assert server.seen.calls == 1

    async def test_a_refused_connection(self) -> None:
        async with Loopback().running() as server:
            gone = chat(server)
        with pytest.raises(ProviderUnavailable):
            await read(gone)

    async def test_the_whole_deadline_ends_a_stream_that_keeps_talking(self, server: Loopback) -> None:
        server.script = Script(tokens=10_000, gap_s=0.01)
        said: list[str] = []
        with pytest.raises(ProviderTimeout):
            await read(chat(server), said, deadline_s=1.5)
        assert said[:2] == ["Teams ", "that "]

    async def test_a_null_character_is_left_out(self, server: Loopback) -> None:
        server.script = Script(reply="Twice\0 a\0\0 year")
        assert "".join(piece.text for piece in await read(chat(server))) == "Twice a year"

    async def test_an_answer_far_beyond_its_limit_is_stopped(self, server: Loopback) -> None:
        server.script = Script(reply="x" * 100 + " " + "y" * 60_000)
        with pytest.raises(ProviderGarbled):
            await read(chat(server))

    async def test_a_slow_reader_is_no_silent_provider(self, server: Loopback) -> None:
        server.script.gap_s = 0.001
        async with closing(chat(server, Deadlines(idle_s=0.6)).stream(REQUEST, deadline_s=5)) as pieces:
            first = await anext(pieces)
            await asyncio.to_thread(dawdle, 0.8)
            rest = [piece.text async for piece in pieces]
        assert first.text + "".join(rest) == "Teams that look at student work together every "


class TestEnd:
    async def test_closing_ends_the_call_at_the_provider(self, server: Loopback) -> None:
        server.script = Script(tokens=1000, gap_s=0.02)
        async with closing(chat(server).stream(REQUEST, deadline_s=60)) as pieces:
            await anext(pieces)
            assert server.seen.open == 1
        await asyncio.wait_for(server.disconnected.wait(), 1)
        assert (server.seen.open, server.seen.finished) == (0, 0)

    async def test_cancelling_before_the_first_token_ends_it_too(self, server: Loopback) -> None:
        server.always = Fault.nothing
        task = asyncio.create_task(read(chat(server)))
        await server.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.disconnected.wait(), 1)

    async def test_a_connection_serves_the_next_answer(self, server: Loopback) -> None:
        model = chat(server)
        for _ in range(5):
            await read(model)
        assert (server.seen.calls, server.seen.connections) == (5, 1)

    async def test_a_server_that_sends_no_done_still_ends(self, server: Loopback) -> None:
        server.script.ends_with_done = False
        *_, last = await read(chat(server))
        assert last.finish_reason == "stop"


class TestCounts:
    async def test_the_providers_counts_are_taken(self, server: Loopback) -> None:
        *_, last = await read(chat(server))
        assert last.usage == Usage(input_tokens=5, output_tokens=8)

    async def test_a_server_that_ignores_the_wish_gets_an_estimate(self, server: Loopback) -> None:
        server.script.counts_usage = False
        *_, last = await read(chat(server))
        assert last.usage == Usage(input_tokens=10, output_tokens=12)

    @pytest.mark.parametrize("status", [400, 422])
    async def test_a_server_that_rejects_the_wish_is_asked_without_it_from_then_on(
        self, server: Loopback, status: int
    ) -> None:
        server.script.refuses_stream_options = status
        model = chat(server)
        for _ in range(2):
            *_, last = await read(model)
            assert last.usage == Usage(input_tokens=10, output_tokens=12)
        assert ["stream_options" in body for body in server.bodies] == [True, False, False]

    async def test_a_compatible_server_gets_the_older_name_of_the_limit(self, server: Loopback) -> None:
        await read(chat(server))
        (body,) = server.bodies
        assert body == {
            "model": "loopback",
            "messages": [{"role": "user", "content": "How often do teams meet?"}],
            "max_tokens": 1024,
            "stream": True,
            "stream_options": {"include_usage": True},
        }


class TestRetryAfter:
    async def test_it_is_read_from_the_answer(self, server: Loopback) -> None:
        server.always = Fault.busy
        server.script.retry_after = "30"
        with pytest.raises(ProviderBusy) as caught:
            await read(chat(server))
        assert caught.value.retry_after_s == 30

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"retry-after": "1"}, 1.0),
            ({"retry-after": "0.5"}, 0.5),
            ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
            ({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT"}, 30.0),
            ({"retry-after": "Fri, 20 Nov 2026 11:00:00 GMT"}, 0.0),
            ({"retry-after": "soon"}, None),
            ({"retry-after": "-5"}, None),
            ({}, None),
        ],
    )
    def test_seconds_milliseconds_and_dates(self, headers: dict[str, str], seconds: float | None) -> None:
        assert retry_after_s(headers, now=datetime(2026, 11, 20, 12, tzinfo=UTC)) == seconds

    @pytest.mark.parametrize(
        ("status", "body", "error"),
        [
            (429, {"error": {"code": "insufficient_quota"}}, ProviderRefused),
            (429, "slow down", ProviderBusy),
            (529, None, ProviderBusy),
            (408, None, ProviderUnavailable),
            (503, None, ProviderUnavailable),
            (404, {"error": {"code": "model_not_found"}}, ProviderRefused),
            (422, [], ProviderRefused),
        ],
    )
    def test_statuses(self, status: int, body: object, error: type[ProviderError]) -> None:
        assert type(status_error(status, body=body)) is error


class TestKey:
    @pytest.mark.parametrize("fault", [*Fault, None])
    async def test_it_is_in_no_error_no_log_and_no_repr(
        self, server: Loopback, fault: Fault | None, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        server.always = fault
        model = chat(server, IMPATIENT.get(fault) if fault else None)
        told = [repr(model), str(vars(model)), str(vars(vars(model)["_account"]))]
        error = await failure_of(model)
        if error is not None:
            told += [
                str(error),
                repr(error),
                "".join(traceback.format_exception(error)),
                repr(error.__context__),
            ]
            assert error.__cause__ is None
        assert KEY not in "\n".join([*told, caplog.text])

    async def test_two_keys_share_no_connections(self, server: Loopback) -> None:
        await read(chat(server))
        await read(OpenAIChat(model="loopback", api_key="another", base_url=server.base_url))
        await read(chat(server))
        assert server.seen.connections == 2


class TestLoops:
    """Connections belong to a loop, and a worker has a new loop for each job."""

    def test_each_loop_has_its_own_and_closes_it(self) -> None:
        closed: list[str] = []

        async def close(resource: list[str]) -> None:
            closed.extend(resource)

        held = PerLoop(lambda: ["resource"], close)

        async def use() -> tuple[int, bool]:
            return len(held), await held.get() is await held.get()

        assert asyncio.run(use()) == (0, True)
        assert closed == ["resource"]
        assert async_to_sync(use)() == (0, True)
        assert closed == ["resource", "resource"]
        assert len(held) == 0

    def test_a_loop_closed_without_ceremony_is_let_go(self) -> None:
        held = PerLoop(object, lambda _resource: asyncio.sleep(0))
        loop = asyncio.new_event_loop()
        loop.run_until_complete(held.get())
        loop.close()
        assert len(held) == 1
        asyncio.run(_touch(held))
        assert len(held) == 0

    def test_one_model_serves_many_loops(self) -> None:
        model: list[OpenAIChat] = []

        async def turn() -> str:
            async with Loopback(script=Script(tokens=3)).running(model_port(model)) as server:
                if not model:
                    model.append(chat(server))
                return "".join(piece.text for piece in await read(model[0]))

        assert [async_to_sync(turn)() for _ in range(3)] == ["Teams that look "] * 3
        gc.collect()


def model_port(model: list[OpenAIChat]) -> int:
    return int(vars(model[0])["_account"].base_url.rsplit(":", 1)[1].split("/")[0]) if model else 0


async def _touch(held: PerLoop[object]) -> None:
    await held.get()
