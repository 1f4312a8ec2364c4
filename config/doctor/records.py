"""Is the record of sensitive acts as it was written?"""

from accounts import audit
from config.doctor.finding import Finding, fail, ok
from config.plural import plural


def chain() -> Finding:
    """Recompute the chain of the record."""
    found = audit.verify()
    if found.intact:
        return ok(f"{plural(found.events, 'event')}, every one as it was written")
    return fail(
        f"event {found.broken_at:,} was changed, or the one before it removed",
        "Keep a copy of the database as it is, and compare with the last backup: somebody edited the record.",
    )
