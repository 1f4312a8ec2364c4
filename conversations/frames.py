"""What a browser may send over its socket, checked before anything is done."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson


class Malformed(Exception):
    """The frame is not one of ours; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Hello:
    """I have everything before `sequence`, and `offset` characters of `message`."""

    sequence: int
    message: UUID | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Say:
    """Take this message; `client_id` makes a second sending harmless."""

    client_id: UUID
    text: str
    draft: str = ""
    student_data: str = ""
    """What the educator has decided about student data in the text: `send`, `pseudonyms`, or nothing."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the answer that is being written."""


@dataclass(frozen=True, slots=True)
class Typing:
    """Somebody types, or no longer does."""

    typing: bool


@dataclass(frozen=True, slots=True)
class Retry:
    """Answer again the question behind this reply."""

    message: UUID


Frame = Hello | Say | Stop | Typing | Retry


def parse(text: str) -> Frame:
    """Return the frame in `text`.

    Raises:
        Malformed: it is not JSON, not a frame that exists, or a field is missing or of another type.
    """
    values = _json(text)
    if not isinstance(values, dict):
        raise Malformed("A frame is an object.")
    match values.get("type"):
        case "hello":
            return Hello(
                _count(values, "sequence"), _id(values, "message", optional=True), _count(values, "offset")
            )
        case "say":
            return Say(
                _required_id(values, "client_id"),
                _text(values, "text"),
                _text(values, "draft"),
                _text(values, "student_data"),
            )
        case "stop":
            return Stop()
        case "typing":
            return Typing(bool(values.get("typing")))
        case "retry":
            return Retry(_required_id(values, "message"))
        case _:
            raise Malformed("There is no such frame.")


def _json(text: str) -> Any:
    """Read JSON; half a character, which a browser may send and `clean` drops, is not a reason to refuse."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed("This is not JSON.") from error


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name, "")
    if not isinstance(value, str):
        raise Malformed(f"{name} is text.")
    return value


def _count(values: dict[str, Any], name: str) -> int:
    value = values.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise Malformed(f"{name} is a number from 0 on.")
    return value


def _required_id(values: dict[str, Any], name: str) -> UUID:
    value = _id(values, name)
    if value is None:
        raise Malformed(f"{name} is missing.")
    return value


def _id(values: dict[str, Any], name: str, *, optional: bool = False) -> UUID | None:
    value = values.get(name)
    if value is None and optional:
        return None
    try:
        return UUID(str(value))
    except ValueError as error:
        raise Malformed(f"{name} is a UUID.") from error
