"""What a stage is given: the claim that it works under, and a way to report and to learn that it should stop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from knowledge.ingestion import ledger
from knowledge.ingestion.ledger import Claim
from knowledge.models import DocumentVersion, IngestionStep

REPORT_EVERY = timedelta(seconds=1)

Clock = Callable[[], datetime]
Watch = Callable[[IngestionStep.Stage, int, int], None]
"""Told (stage, done, total) whenever something was done."""
Write = Callable[[DocumentVersion], None]
"""What a stage wants to have written, applied to the locked version when the stage is finished."""


def watch_nothing(_stage: IngestionStep.Stage, _done: int, _total: int) -> None:
    """Nobody is watching."""


@dataclass(slots=True)
class Work:
    """One attempt at one stage of one version. The database hears of progress once a second at most."""

    claim: Claim
    version: DocumentVersion
    clock: Clock
    watch: Watch = watch_nothing
    done: int = 0
    total: int = 0
    _reported_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._reported_at = self.claim.taken_at

    def progress(self, done: int, total: int) -> None:
        """Note how far the stage is, in pages or passages."""
        self.done, self.total = done, total
        self.watch(self.claim.stage, done, total)

    def cancelled(self) -> bool:
        """Whether to stop now; asking also reports the progress and keeps the lease."""
        now = self.clock()
        if now - self._reported_at < REPORT_EVERY:
            return False
        self._reported_at = now
        try:
            ledger.report(self.claim, done=self.done, total=self.total, now=now)
        except ledger.Stopped:
            return True
        return False

    @contextmanager
    def writing(self) -> Iterator[DocumentVersion]:
        """Open a transaction for a part of the result that is worth keeping; raises Stopped when not ours."""
        with ledger.holding(self.claim) as version:
            yield version
            now = self.clock()
            ledger.report(self.claim, done=self.done, total=self.total, now=now)
            self._reported_at = now
