"""The web process and the one that thinks for it, as they run."""

from collections.abc import Callable
from functools import partial

import psutil
import pytest
from asgiref.sync import sync_to_async

from accounts.tests.cast import build_cast
from accounts.tests.waiting import eventually
from config.tests.socket_client import Tab, tab
from config.tests.stack import Stack
from conversations.models import Message
from conversations.tests.factories import begin

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


def thinking_process(stack: Stack) -> psutil.Process | None:
    """Return the child that thinks for the web process, if it has one now."""
    children = psutil.Process(stack.web.pid).children()
    return next((child for child in children if "config.thinking" in child.cmdline()), None)


def count(page: Tab) -> int:
    """Return how many whole answers the tab shows."""
    return sum(message.sender == "ai" and message.state == "complete" for message in page.shown.values())


async def has_ended(process: int) -> bool:
    """Whether there is no such process any more."""
    return not psutil.pid_exists(process)


async def test_a_question_is_answered_also_after_the_thinking_process_was_killed(
    start_stack: Callable[..., Stack],
) -> None:
    stack = await sync_to_async(start_stack)(THINKING_PROCESS="config.thinking")
    house = (await sync_to_async(build_cast)()).home
    conversation = await sync_to_async(begin)(house.owner)
    first = thinking_process(stack)
    assert first is not None
    async with tab(stack, house.owner, conversation.pk) as page:
        await page.say("How often should a team review its norms?")
        await page.until(lambda: count(page) == 1 or None, "the first answer")
        first.kill()
        await page.say("And who begins the meeting of the team?")
        await page.until(lambda: count(page) == 2 or None, "the second answer")
    await eventually(partial(has_ended, first.pid), "the end of the killed process")
    assert await Message.objects.filter(sender_type="ai", state="complete").acount() == 2


async def test_it_ends_with_its_web_process(start_stack: Callable[..., Stack]) -> None:
    stack = await sync_to_async(start_stack)(THINKING_PROCESS="config.thinking")
    for end in (stack.web.terminate, stack.web.kill):
        process = thinking_process(stack)
        assert process is not None
        await sync_to_async(end)()
        await eventually(partial(has_ended, process.pid), "the end of the thinking process")
        await sync_to_async(stack.start_web)()
