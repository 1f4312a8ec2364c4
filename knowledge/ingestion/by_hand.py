"""Reading a version to its end in this very process, for commands that need no worker."""

import time
from collections.abc import Callable
from uuid import UUID

from knowledge.ingestion import run
from knowledge.ingestion.ledger import UNFINISHED
from knowledge.ingestion.work import Watch, watch_nothing
from knowledge.models import DocumentVersion

LOOK_EVERY_S = 0.5


def finish(
    *, version_id: UUID, watch: Watch = watch_nothing, sleep: Callable[[float], None] = time.sleep
) -> DocumentVersion:
    """Take the version until it is ready, failed or cancelled, and return it as it is then.

    Where a worker is at it already, wait for that. Raises DocumentVersion.DoesNotExist when it was deleted.
    """
    while True:
        run.ingest(version_id=version_id, at_once=True, watch=watch)
        version = DocumentVersion.objects.select_related("document").get(pk=version_id)
        if version.state not in UNFINISHED:
            return version
        sleep(LOOK_EVERY_S)
