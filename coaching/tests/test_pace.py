"""How long a read of an answer may take, and what becomes of the task that waits."""

import asyncio

import pytest

from coaching.providers.pace import Deadlines, Pace

SHORT = Deadlines(first_token_s=0.05, idle_s=0.05)


async def nothing() -> None:
    """Wait for what never comes."""
    await asyncio.Event().wait()


async def at_once() -> str:
    """Be there already."""
    return "word"


async def later(seconds: float) -> str:
    """Come after a while."""
    came = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, came.set)
    await came.wait()
    return "word"


async def test_a_read_that_takes_too_long_ends_and_the_task_goes_on() -> None:
    pace = Pace(SHORT, deadline_s=60)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await pace.wait(nothing())
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    pace.spoke()
    assert await pace.wait(at_once()) == "word"
    pace.close()


async def test_a_read_is_not_ended_by_what_the_one_before_it_was_allowed() -> None:
    pace = Pace(Deadlines(first_token_s=0.05, idle_s=60), deadline_s=60)
    assert await pace.wait(at_once()) == "word"
    pace.spoke()
    assert await pace.wait(later(0.1)) == "word"
    pace.close()


async def test_the_whole_answer_has_a_deadline_that_no_word_moves() -> None:
    pace = Pace(Deadlines(first_token_s=5, idle_s=5), deadline_s=0.05)
    pace.spoke()
    with pytest.raises(TimeoutError):
        await pace.wait(nothing())
    pace.close()


async def test_a_finished_answer_waits_less_for_its_counts() -> None:
    pace = Pace(Deadlines(first_token_s=60, idle_s=60), deadline_s=60)
    assert await pace.wait(at_once()) == "word"
    pace.finished()
    assert pace.due() <= asyncio.get_running_loop().time() + 1.0
    waiting = asyncio.create_task(pace.wait(nothing()))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(waiting, timeout=30)
    pace.close()


async def test_who_ends_the_task_ends_the_read_as_what_it_is() -> None:
    pace = Pace(Deadlines(first_token_s=60), deadline_s=60)
    reading = asyncio.create_task(pace.wait(nothing()))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    pace.close()


async def test_an_end_from_outside_is_not_taken_for_a_late_read() -> None:
    """Both in one turn of the loop: the timer has fired, and somebody ends the task before it has noticed."""
    pace = Pace(SHORT, deadline_s=60)
    reading = asyncio.create_task(pace.wait(nothing()))

    def end_when_late() -> None:
        if reading.cancelling():
            reading.cancel()
        else:
            asyncio.get_running_loop().call_soon(end_when_late)

    end_when_late()
    with pytest.raises(asyncio.CancelledError):
        await reading
    pace.close()


async def test_nothing_is_ended_between_two_reads() -> None:
    pace = Pace(SHORT, deadline_s=60)
    assert await pace.wait(at_once()) == "word"
    assert await later(0.1) == "word"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    pace.close()
