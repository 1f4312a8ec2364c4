"""What a page has missed of the replies that are being written: told here, or asked for where they are written.

A row has the text of a second ago at most. The process that writes a reply has told more; in another process, the
socket of a page asks for it and gets it alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from conversations import live
from conversations.events import Delta, Event, MessageChanged, StateChanged
from conversations.frames import Hello
from conversations.turns import listening
from conversations.turns.run import turns


@dataclass(slots=True)
class Heard:
    """How far a socket has heard, to notice a hint of another process that was lost."""

    sequence: int
    epoch: int
    _is_behind: bool = False

    def note(self, event: Event) -> None:
        """Take an event as heard, whether its words may be read or not."""
        if isinstance(event, MessageChanged):
            self.sequence = max(self.sequence, event.sequence)
        elif isinstance(event, StateChanged):
            self.epoch = max(self.epoch, event.epoch)

    def misses(self, sequence: int, epoch: int) -> bool:
        """Whether the conversation, which stands there now, was further than this at the look before, too."""
        was_behind, self._is_behind = self._is_behind, sequence > self.sequence or epoch > self.epoch
        return was_behind and self._is_behind


def told_here(conversation_id: UUID, hello: Hello) -> Iterator[Delta]:
    """Yield what the turns of this process have told beyond what a page has."""
    for turn in turns.of(conversation_id):
        rest = turn.rest(hello.offset if turn.reply_id == hello.message else 0)
        if rest is not None:
            yield rest


async def ask_elsewhere(conversation_id: UUID, hello: Hello, shown: Iterable[Event], *, channel: str) -> None:
    """Ask for the rest of each shown reply that another process writes; the channel of the page's socket gets it."""
    here = {turn.reply_id for turn in turns.of(conversation_id)}
    for event in shown:
        if isinstance(event, MessageChanged) and event.is_written and event.message not in here:
            have = max(event.length, hello.offset if event.message == hello.message else 0)
            await live.ask_for_rest(conversation_id, message=event.message, have=have, channel=channel)


async def answer(conversation_id: UUID, asked: Mapping[str, Any]) -> None:
    """Tell the socket that asks, if it does, the rest of a reply that this process writes."""
    for turn in turns.of(conversation_id):
        await listening.answer(turn, asked)
