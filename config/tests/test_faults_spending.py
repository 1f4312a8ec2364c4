"""Limits over real processes: what a killed answer had set aside, and what is possible while Redis is away."""

import os
import signal
from collections.abc import Callable
from decimal import Decimal

import pytest
from asgiref.sync import sync_to_async

from accounts.tests.cast import build_cast
from accounts.tests.waiting import eventually
from coaching.models import Budget, Reservation
from coaching.tests.loopback import Fault, Script
from config.embedded_redis import Redis
from config.tests.faults import REPLY, Chat
from config.tests.socket_client import tab
from config.tests.stack import Stack
from conversations.models import Handoff
from conversations.tests.factories import begin, spoken

pytestmark = pytest.mark.processes

QUESTION = "How do we begin a team meeting well?"
LONG = " ".join([REPLY] * 3)


async def given_back() -> Budget:
    """Wait until nothing is set aside any more, and return the budget."""

    async def is_all_given_back() -> bool:
        return not await Reservation.objects.aexists()

    await eventually(is_all_given_back, "the end of every reservation")
    return await Budget.objects.aget()


async def test_an_answer_whose_process_was_killed_gives_back_what_was_set_aside(chat: Chat) -> None:
    conversation = await chat.conversation()
    async with chat.model(Script(reply=LONG), faults=[Fault.stall]), chat.tab(conversation.pk) as page:
        await page.acknowledged(await page.say(QUESTION))
        await page.writing(20)
        await sync_to_async(chat.stack.web.kill)()
        assert await Reservation.objects.acount() == 1
        await sync_to_async(chat.stack.start_web)()
        await chat.settled()
    budget = await given_back()
    assert (budget.reserved_usd, budget.open_turns) == (Decimal(0), 0)


async def test_without_redis_the_ai_is_not_asked_and_a_person_is_reached(
    start_stack: Callable[..., Stack], redis_url: str, redis_server: Redis
) -> None:
    stack = await sync_to_async(start_stack)(QUOTAS_URL=redis_url)
    house = (await sync_to_async(build_cast)()).home
    conversation = await sync_to_async(begin)(house.owner)
    async with tab(stack, house.owner, conversation.pk) as page:
        os.kill(redis_server.process_id(), signal.SIGKILL)
        redis_server._reap()
        await page.say(QUESTION)
        refusal = await page.refused()
        assert (refusal["code"], refusal["seconds"]) == ("quota_unavailable", 5)
        await page.acknowledged(await page.say("I want to kill myself"))
        await sync_to_async(redis_server.start)(redis_server.port)
    assert [sender for sender, _ in await sync_to_async(spoken)(conversation)] == ["client", "system"]
    assert (await Handoff.objects.aget()).reason == "crisis"
