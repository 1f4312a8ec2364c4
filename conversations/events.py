"""What is sent to the sockets of a conversation: typed, small, and only ever a hint.

The database and the sequence number are the truth. Every event may be lost; a client that notices a
gap asks for the rest by the last sequence number and offset that it has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import orjson


@dataclass(frozen=True, slots=True)
class Event:
    """An event on the wire; its field `type` names it."""

    def encode(self) -> bytes:
        """Return the frame as JSON."""
        return orjson.dumps(self)


@dataclass(frozen=True, slots=True)
class Ready(Event):
    """The socket has joined; this is how things stand."""

    conversation: UUID
    sequence: int
    role: Literal["client", "coach"]
    owner_state: str
    epoch: int
    holder: str
    visible_from: int = 0
    """The first sequence number that this reader may read; a page that was made with another loads anew."""
    type: Literal["ready"] = field(default="ready", init=False)


@dataclass(frozen=True, slots=True)
class Acknowledged(Event):
    """The message with this `client_id` is committed; `left` says what may still be asked, once that is little."""

    client_id: UUID
    message: UUID
    sequence: int
    repeated: bool
    left: str = ""
    type: Literal["ack"] = field(default="ack", init=False)


@dataclass(frozen=True, slots=True)
class Refused(Event):
    """The message was not taken; `text` says why and what to do. The draft stays with the sender.

    `seconds` says in how many it can be sent, where that is a matter of time.
    """

    code: str
    text: str
    client_id: UUID | None = None
    seconds: int | None = None
    type: Literal["refused"] = field(default="refused", init=False)


@dataclass(frozen=True, slots=True)
class StudentDataRefused(Refused):
    """The message seems to name a student. Send it again with `student_data`, as it is or with pseudonyms."""

    draft: str = ""
    """The message as it was read; the offsets of the findings (code points) count in it."""
    findings: Sequence[dict[str, Any]] = ()
    """Each with `kind`, `start`, `end`, `why`, `words` and `stand_in`."""
    suggestion: str = ""
    """The draft with pseudonyms."""
    html: str = ""
    """The question to the educator, rendered."""


@dataclass(frozen=True, slots=True)
class MessageChanged(Event):
    """A message as it now is; replaces any earlier form of it. `html` is the rendered message."""

    message: UUID
    sequence: int
    sender_type: str
    state: str
    length: int
    html: str
    type: Literal["message"] = field(default="message", init=False)

    @property
    def is_written(self) -> bool:
        """Whether more text of it is to come."""
        return self.state == "streaming"


@dataclass(frozen=True, slots=True)
class Delta(Event):
    """More text of a reply that is being written, from this character offset (code points) on."""

    message: UUID
    sequence: int
    offset: int
    text: str
    type: Literal["delta"] = field(default="delta", init=False)


@dataclass(frozen=True, slots=True)
class StateChanged(Event):
    """Somebody else holds the conversation now."""

    owner_state: str
    epoch: int
    holder: str
    type: Literal["state"] = field(default="state", init=False)


@dataclass(frozen=True, slots=True)
class Presence(Event):
    """Who is here, and who is typing."""

    people: list[dict[str, Any]] = field(default_factory=list)
    type: Literal["presence"] = field(default="presence", init=False)


@dataclass(frozen=True, slots=True)
class Beat(Event):
    """Nothing has happened for a while, and the connection lives."""

    type: Literal["beat"] = field(default="beat", init=False)


@dataclass(frozen=True, slots=True)
class Reload(Event):
    """This browser may now read more, or less, than it shows; it must load the page again."""

    type: Literal["reload"] = field(default="reload", init=False)


@dataclass(frozen=True, slots=True)
class QueueReady(Event):
    """The socket of a coach's queue has joined."""

    type: Literal["ready"] = field(default="ready", init=False)


@dataclass(frozen=True, slots=True)
class QueueChanged(Event):
    """Somebody waits, or no longer does: look again. No words and no names travel this way."""

    type: Literal["queue"] = field(default="queue", init=False)
