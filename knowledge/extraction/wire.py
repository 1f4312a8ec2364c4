"""Frames between a child process and its parent: one letter, a length, the bytes."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO

HEADER = struct.Struct(">cI")
PROGRESS = struct.Struct(">II")


class Kind(Enum):
    """What a frame carries."""

    progress = b"P"
    part = b"A"
    result = b"R"
    error = b"E"


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of a child."""

    kind: Kind
    payload: bytes


def send(stream: BinaryIO, kind: Kind, payload: bytes) -> None:
    """Write one frame and hand it to the operating system at once."""
    stream.write(HEADER.pack(kind.value, len(payload)) + payload)
    stream.flush()


class FrameReader:
    """Puts frames together from the pieces in which a pipe delivers them."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that are complete now; raises ValueError for an unknown kind."""
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            letter, length = HEADER.unpack_from(self._buffer)
            end = HEADER.size + length
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[HEADER.size : end])
            del self._buffer[:end]
            yield Frame(Kind(letter), payload)
