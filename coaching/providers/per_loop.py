"""One resource per event loop, closed when its loop ends.

A connection pool belongs to the loop that opened it, and a process may see many loops: the web server
has one for its whole life, `async_to_sync` makes a new one for every call.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar

Resource = TypeVar("Resource")


class PerLoop(Generic[Resource]):
    """Makes a resource the first time it is asked for in a loop, and closes it with that loop.

    The end is noticed through an async generator that rests at its `yield`: `asyncio.run`,
    `asyncio.Runner` and everything built on them close such generators before the loop.
    """

    def __init__(self, make: Callable[[], Resource], close: Callable[[Resource], Awaitable[None]]) -> None:
        self._make = make
        self._close = close
        self._held: dict[asyncio.AbstractEventLoop, tuple[Resource, AsyncGenerator[Resource, None]]] = {}

    async def get(self) -> Resource:
        """Return the resource of the running loop."""
        loop = asyncio.get_running_loop()
        held = self._held.get(loop)
        if held is None:
            self._drop_closed_loops()
            life = self._life(loop)
            held = (await anext(life), life)
            self._held[loop] = held
        return held[0]

    def __len__(self) -> int:
        """Count the loops that hold a resource now."""
        return len(self._held)

    async def _life(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[Resource, None]:
        resource = self._make()
        try:
            yield resource
        finally:
            self._held.pop(loop, None)
            await self._close(resource)

    def _drop_closed_loops(self) -> None:
        """Let go of loops that were closed without their generators: nothing can be awaited there."""
        for loop in [loop for loop in self._held if loop.is_closed()]:
            del self._held[loop]
