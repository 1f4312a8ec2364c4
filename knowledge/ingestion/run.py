"""Taking one version as far as it goes: claim a stage, do it, write its result, next."""

import logging
from uuid import UUID

from django.utils import timezone

from coaching.providers.ports import ProviderError
from knowledge.extraction.document import Cause, ExtractionError
from knowledge.ingestion import ledger, measures
from knowledge.ingestion.stages import STAGES
from knowledge.ingestion.work import Clock, Watch, Work, watch_nothing
from knowledge.ingestion_errors import INTERNAL, PROVIDER, StageFailed
from knowledge.models import DocumentVersion

logger = logging.getLogger(__name__)


def ingest(
    *, version_id: UUID, clock: Clock = timezone.now, at_once: bool = False, watch: Watch = watch_nothing
) -> None:
    """Do the stages of a version that are left, until it is ready, failed, pausing or somebody else's.

    Safe to call at any time, any number of times, in parallel. With `at_once` a stage that failed does not
    pause before its next attempt.
    """
    while claimed := ledger.claim(version_id=version_id, now=clock(), at_once=at_once):
        version = DocumentVersion.objects.select_related("document").filter(pk=version_id).first()
        if version is None:
            return
        try:
            _advance(Work(claimed, version, clock, watch))
        except ledger.Stopped:
            return


def _advance(work: Work) -> None:
    """Do the claimed stage; whatever goes wrong is written into its row."""
    try:
        _attempt(work)
        measures.stage_ended(work.claim, "done", now=work.clock())
    except StageFailed as error:
        logger.warning("A stage of ingestion failed", extra=_facts(work, error.cause))
        measures.stage_ended(work.claim, "failed", now=work.clock())
        ledger.give_back(work.claim, cause=error.cause, now=work.clock())


def _attempt(work: Work) -> None:
    """Run the stage, write its result, and translate what others raise into StageFailed."""
    try:
        write = STAGES[work.claim.stage](work)
        with ledger.holding(work.claim) as version:
            write(version)
            ledger.finish(work.claim, done=work.done, now=work.clock())
    except (StageFailed, ledger.Stopped):
        raise
    except ExtractionError as error:
        if error.cause == Cause.cancelled:
            raise ledger.Stopped from error
        raise StageFailed(error.cause, error.detail) from error
    except ProviderError as error:
        raise StageFailed(PROVIDER, type(error).__name__) from error
    except Exception as error:
        logger.exception("A stage of ingestion broke", extra=_facts(work, INTERNAL))
        raise StageFailed(INTERNAL, type(error).__name__) from error


def _facts(work: Work, cause: str) -> dict[str, str]:
    return {"version_id": str(work.claim.version_id), "stage": work.claim.stage.value, "cause": cause}
