"""Every kind of work that waits in rows, by the name under which measures and `doctor` speak of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from accounts import waiting_work
from accounts.backlog import Backlog
from conversations import backlog as conversations
from knowledge.ingestion import backlog as ingestion


class Count(Protocol):
    """Counts the unfinished rows of one kind of work."""

    def __call__(self, *, now: datetime) -> Backlog:
        """Return what waits at `now`."""
        ...


BACKLOGS: Mapping[str, Count] = {
    "turns": conversations.turns,
    "handoffs": conversations.handoffs,
    "documents": ingestion.documents,
    "mails": waiting_work.mails,
    "exports": conversations.exports,
    "copies": waiting_work.copies,
    "erasures": waiting_work.erasures,
}
