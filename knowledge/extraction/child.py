"""The child's half of the conversation: read the request, do the work confined, answer in frames."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from knowledge.extraction import wire
from knowledge.extraction.confinement import allow_writes_only_in, forbid_network_and_programs
from knowledge.extraction.document import Cause, ExtractionError

# What parsers say in their own words when the address space is used up.
MEMORY_WORDS = ("malloc", "calloc", "realloc", "memory", "bad_alloc")
XML_NO_MEMORY = 2  # libxml2's own number


class Channel:
    """The way back to the parent."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def progress(self, done: int, total: int) -> None:
        """Say how many of the pages (or parts) are done."""
        wire.send(self._stream, wire.Kind.progress, wire.PROGRESS.pack(done, total))

    def part(self, payload: bytes) -> None:
        """Hand over a piece that is worth keeping even if the rest fails."""
        wire.send(self._stream, wire.Kind.part, payload)

    def result(self, payload: bytes) -> None:
        """Hand over the whole answer."""
        wire.send(self._stream, wire.Kind.result, payload)

    def error(self, cause: Cause, detail: str) -> None:
        """Say why there is no answer."""
        wire.send(self._stream, wire.Kind.error, orjson.dumps([cause, detail]))


def serve(work: Callable[[dict[str, Any], Channel], None]) -> None:
    """Run `work` on the request from standard input; every exception becomes one error frame."""
    request = orjson.loads(sys.stdin.buffer.read())
    channel = Channel(_private_output())
    allow_writes_only_in(Path.cwd())
    forbid_network_and_programs()
    try:
        work(request, channel)
    except ExtractionError as error:
        channel.error(error.cause, error.detail)
    except MemoryError:
        channel.error(Cause.out_of_memory, "the reader ran out of memory")
    except Exception as error:  # noqa: BLE001 - whatever a parser throws at a hostile file
        channel.error(_cause_of(error), type(error).__name__)


def _private_output() -> BinaryIO:
    """Keep standard output for frames and give libraries that print an empty one."""
    private = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return private


def _cause_of(error: BaseException) -> Cause:
    if isinstance(error, SyntaxError) and getattr(error, "code", None) == XML_NO_MEMORY:
        return Cause.out_of_memory
    message = str(error).lower()
    if isinstance(error, (MemoryError, OSError, RuntimeError)) and any(w in message for w in MEMORY_WORDS):
        return Cause.out_of_memory
    return Cause.malformed
