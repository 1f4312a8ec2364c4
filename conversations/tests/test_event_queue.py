"""What waits for the writer of a socket comes out as it went in, and never too much of it waits."""

import asyncio

import pytest

from conversations.events import Beat, Reload
from conversations.sockets import LONGEST_QUEUE, EventQueue


async def test_events_come_out_in_order_also_to_a_reader_who_waits() -> None:
    queue, first, second, third = EventQueue(), Beat(), Reload(), Beat()
    reading = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not reading.done()
    queue.put_nowait(first)
    queue.put_nowait(second)
    assert await reading is first
    queue.put_nowait(third)
    assert [await queue.get(), await queue.get()] == [second, third]


async def test_a_reader_who_gave_up_takes_nothing_along() -> None:
    queue, event = EventQueue(), Beat()
    reading = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    reading.cancel()
    queue.put_nowait(event)
    assert await queue.get() is event


async def test_one_too_many_is_refused_and_the_others_stay() -> None:
    queue = EventQueue()
    for _ in range(LONGEST_QUEUE):
        queue.put_nowait(Beat())
    with pytest.raises(asyncio.QueueFull):
        queue.put_nowait(Reload())
    assert [await queue.get() for _ in range(LONGEST_QUEUE)] == [Beat()] * LONGEST_QUEUE
