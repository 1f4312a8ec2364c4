"""Thinking in a process of its own, beside the one whose event loop passes words on.

Python lets one thread of a process run at a time. A question is embedded and looked up in several milliseconds of
threads; while they run, every word of every other answer waits for its turn, and so does the next question. So a
web process hands such work to a child: a function by its name and plain values there, plain values back, over a
pair of sockets that nobody else has. The child ends with its parent. Where there is none, or it does not answer,
the work is done here.
"""

import asyncio
import logging
import pickle
import socket
import struct
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from itertools import count
from typing import Any, TypeVar, TypeVarTuple, cast

from django.conf import settings

from accounts import request_ids
from accounts.request_ids import request_id

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 8.0
"""Work that takes longer is done here as well; a child that answers nobody for so long is ended.

A question is embedded within five seconds or not at all.
"""
BEGINNING_SECONDS = 60.0
"""So long it may take to load its models; what is asked meanwhile is done here once patience is over."""
REST_SECONDS = 5.0
"""After one has gone, so long nobody tries to have another."""

_LENGTH = struct.Struct("!I")

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class Gone(Exception):
    """The child has ended, or answers nobody."""


class Late(Exception):
    """This one answer does not come in time, though others do."""


class WorkFailed(Exception):
    """The work raised something in the child, whose log has it; the text is the name of its class."""


class Child:
    """The process, as its parent sees it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs, ExitStack() as undoing:
            undoing.enter_context(ours)
            number = theirs.fileno()
            self.process = subprocess.Popen(  # noqa: S603 -- our own program
                [sys.executable, "-m", settings.THINKING_PROCESS, str(number)],
                pass_fds=[number],
                cwd=settings.BASE_DIR,
                stdin=subprocess.DEVNULL,
            )
            undoing.pop_all()
        self._socket = ours
        self._waiting: dict[int, asyncio.Future[tuple[bool, Any]]] = {}
        self._numbers = count()
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._heard_at = 0.0
        """When it last answered; before its first answer, until when it may be loading."""
        self._gone = False

    async def open(self) -> None:
        """Begin to listen to it."""
        reader, self._writer = await asyncio.open_connection(sock=self._socket)
        self._heard_at = asyncio.get_running_loop().time() + BEGINNING_SECONDS
        self._listening = asyncio.create_task(self._listen(reader))

    async def ask(self, work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Have `work(*arguments)` done there.

        Raises:
            Gone: it ended before it had answered, or it answers nobody.
            Late: it answers others, and this not in time.
            WorkFailed: the work raised something.
        """
        if self._writer is None or self._gone:
            raise Gone
        loop = asyncio.get_running_loop()
        number = next(self._numbers)
        answer = self._waiting[number] = loop.create_future()
        self._writer.write(_frame((number, request_id.get(), work, arguments)))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                failed, value = await answer
        except TimeoutError:
            if loop.time() - self._heard_at < PATIENCE_SECONDS:
                raise Late from None
            self.end()
            raise Gone from None
        finally:
            del self._waiting[number]
        if failed:
            raise WorkFailed(value)
        return value

    def end(self) -> None:
        """End it for good."""
        self.process.kill()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                number, failed, value = await _read(reader)
                self._heard_at = asyncio.get_running_loop().time()
                answer = self._waiting.get(number)
                if answer is not None and not answer.done():
                    answer.set_result((failed, value))
        except (asyncio.IncompleteReadError, OSError):
            logger.warning("thinking_process_gone")
        finally:
            self._gone = True
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(Gone())
            if self._writer is not None:
                self._writer.close()
            # It has closed its end, so it is ending: this reaps it.
            await asyncio.get_running_loop().run_in_executor(None, self.process.wait)


class Apart:
    """The child of this process, if it is to have one: it belongs to the loop that asked first."""

    def __init__(self) -> None:
        self._child: Child | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rests_until = 0.0
        self._beginning = asyncio.Lock()

    async def begin(self) -> None:
        """Have the child at hand before it is needed."""
        await self._present()

    async def call(
        self, work: Callable[[*Arguments], Awaitable[Result]], *arguments: *Arguments
    ) -> tuple[Result, bool]:
        """Return what `work(*arguments)` returns, and whether another process did it.

        `work` is a function of a module; its arguments and its result are plain values. It may be done twice: once
        there, and here when no answer came.

        Raises:
            WorkFailed: it raised something there. Done here, it raises whatever it raises.
        """
        child = await self._present()
        if child is not None:
            try:
                return cast(Result, await child.ask(work, arguments)), True
            except Late:
                logger.warning("thinking_process_late")
            except Gone:
                self._rest()
                if self._child is child:
                    self._child = None
        return await work(*arguments), False

    def _rest(self) -> None:
        self._rests_until = asyncio.get_running_loop().time() + REST_SECONDS

    async def _present(self) -> Child | None:
        if not settings.THINKING_PROCESS:
            return None
        loop = asyncio.get_running_loop()
        if self._child is not None:
            return self._child if loop is self._loop else None
        if loop.time() < self._rests_until:
            return None
        async with self._beginning:
            if self._child is None:
                try:
                    child = Child()
                except OSError:
                    logger.exception("thinking_process_not_begun")
                    self._rest()
                    return None
                await child.open()
                self._child, self._loop = child, loop
        return self._child


apart = Apart()


async def serve(descriptor: int) -> None:
    """Do in this process what its parent asks at the other end of a socket, until that is closed."""
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=descriptor))
    working: set[asyncio.Task[None]] = set()
    try:
        while True:
            number, cause, work, arguments = await _read(reader)
            # The task that does it inherits the id.
            request_ids.begin(cause)
            task = asyncio.create_task(_answer(writer, number, work, arguments))
            working.add(task)
            task.add_done_callback(working.discard)
    except (asyncio.IncompleteReadError, OSError):
        writer.close()


async def _answer(
    writer: asyncio.StreamWriter, number: int, work: Callable[..., Awaitable[Any]], arguments: tuple[Any, ...]
) -> None:
    try:
        answer = _frame((number, False, await work(*arguments)))
    except Exception as error:
        logger.exception("thinking_failed")
        answer = _frame((number, True, type(error).__name__))
    writer.write(answer)


def _frame(values: tuple[Any, ...]) -> bytes:
    packed = pickle.dumps(values, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(packed)) + packed


async def _read(reader: asyncio.StreamReader) -> Any:
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    return pickle.loads(await reader.readexactly(length))  # noqa: S301 -- both ends are ours alone
