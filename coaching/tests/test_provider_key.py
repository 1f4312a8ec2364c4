"""The key of a provider through every way in which a call can fail: it is in nothing that anybody could read."""

import logging
import traceback
from collections.abc import Awaitable, Callable

import pytest
from pydantic import BaseModel

from coaching.providers.openai_adapter import OpenAIChat, OpenAIEmbedding
from coaching.providers.pace import Deadlines
from coaching.providers.ports import ChatMessage, ChatRequest, ProviderError
from coaching.providers.streams import closing
from coaching.tests.loopback import Fault, Loopback, Script

KEY = "sk-canary-8c2e"
QUICK = Deadlines(first_token_s=0.3, idle_s=0.3)
DEADLINE_S = 1.0
REQUEST = ChatRequest(purpose="answer", messages=(ChatMessage("user", "How often do teams meet?"),))

Call = Callable[[str], Awaitable[object]]


class Answer(BaseModel):
    """What is asked for as JSON."""

    text: str


def chat(base_url: str) -> OpenAIChat:
    return OpenAIChat(model="loopback", api_key=KEY, base_url=base_url, deadlines=QUICK)


async def stream(base_url: str) -> object:
    async with closing(chat(base_url).stream(REQUEST, deadline_s=DEADLINE_S)) as pieces:
        return [piece async for piece in pieces]


async def structured(base_url: str) -> object:
    return await chat(base_url).structured(REQUEST, schema=Answer, deadline_s=DEADLINE_S)


async def embed(base_url: str) -> object:
    model = OpenAIEmbedding(model="loopback", dimensions=384, api_key=KEY, base_url=base_url, deadlines=QUICK)
    return await model.embed(["How often do teams meet?"], deadline_s=DEADLINE_S)


CALLS: tuple[Call, ...] = (stream, structured, embed)
UNREACHABLE = "unreachable"
UNREACHABLE_URL = "http://127.0.0.1:1/v1"
"""A port that nobody listens on."""
WAYS = [(call, fault) for call in CALLS for fault in (*Fault, UNREACHABLE)]


def told_by(error: BaseException) -> str:
    """Return everything that an error says, shows and carries."""
    chain = []
    each: BaseException | None = error
    while each is not None:
        chain += [str(each), repr(each), str(vars(each)), repr(each.args)]
        each = each.__cause__ or each.__context__
    return "\n".join([*chain, "".join(traceback.format_exception(error))])


def test_there_are_forty_ways_to_fail() -> None:
    assert len(WAYS) >= 40


@pytest.mark.parametrize(
    ("call", "fault"), WAYS, ids=[f"{getattr(call, '__name__', '')}-{fault}" for call, fault in WAYS]
)
async def test_it_is_in_no_error_and_no_line(
    call: Call, fault: Fault | str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = []
    async with Loopback(script=Script(tokens=8)).running() as server:
        if isinstance(fault, Fault):
            server.always = fault
        address = server.base_url if isinstance(fault, Fault) else UNREACHABLE_URL
        try:
            told.append(repr(await call(address)))
        except ProviderError as error:
            told.append(told_by(error))
        assert server.seen.redirected == 0
    assert KEY not in "\n".join([*told, caplog.text])
    assert KEY[-4:] not in caplog.text
