"""Work for a thinking process, as its tests need it: functions of a module, which are named across processes."""

import asyncio
import os

from accounts.request_ids import request_id


async def where(words: str) -> tuple[str, int]:
    """Return the words, and the process that did."""
    return words, os.getpid()


async def stumble() -> None:
    """Raise something."""
    raise LookupError("not for the parent's eyes")


async def die_unless_in(process: int) -> str:
    """End the process at once, if it is another one."""
    if os.getpid() != process:
        os._exit(1)
    return "done here"


async def be_silent_unless_in(process: int) -> str:
    """Never answer, if this is another process."""
    if os.getpid() != process:
        await asyncio.Event().wait()
    return "done here"


async def under() -> str:
    """Return the id under which this is thought."""
    return request_id.get()
