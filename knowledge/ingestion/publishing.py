"""The one moment at which searches change from the old version of a document to the new one."""

from datetime import datetime

from knowledge.ingestion import ledger
from knowledge.models import DocumentVersion, EmbeddingSpace, IngestionStep, Passage, PassageEmbedding


def publish(version: DocumentVersion, *, space: EmbeddingSpace, now: datetime) -> bool:
    """Make the version ready, and live unless a later one already is; inside a transaction.

    The passages of the version that was live stay, so that old citations still open; its vectors go.
    Nothing is published, and the answer is no, when vectors are missing because the active space changed.
    """
    vectors = PassageEmbedding.objects.filter(passage__version=version)
    if vectors.filter(space=space).count() != version.passages.count():
        ledger.reopen_from(version, IngestionStep.Stage.EMBED)
        return False
    siblings = DocumentVersion.objects.select_for_update().filter(document_id=version.document_id)
    others = [sibling for sibling in siblings if sibling.live and sibling.pk != version.pk]
    later = any(sibling.number > version.number for sibling in others)
    version.state, version.live, version.published_at = DocumentVersion.State.READY, not later, now
    version.cause = version.failed_stage = ""
    if later:
        vectors.delete()
    else:
        for other in others:
            retire(other)
        vectors.update(live=True)
        version.passages.update(live=True)
    version.save(update_fields=["state", "live", "published_at", "cause", "failed_stage"])
    return True


def retire(version: DocumentVersion) -> None:
    """Take a version out of every search; its passages stay for the citations that name them."""
    PassageEmbedding.objects.filter(passage__version=version).delete()
    Passage.objects.filter(version=version).update(live=False)
    version.live = False
    version.save(update_fields=["live"])
