"""Is the record of sensitive acts as it was written?"""

from accounts import chain as record
from config.doctor.finding import Finding, fail, ok
from config.plural import plural


def chain() -> Finding:
    """Recompute the chain of the record, and look for every row that a check has seen."""
    found = record.look()
    if found.intact:
        return ok(f"{plural(found.events, 'event')}, every one as it was written")
    what = "was changed, or the one before it removed"
    if found.was_seen:
        what = "was there when the record was checked, and was changed or removed since"
    return fail(
        f"event {found.broken_at:,} {what}",
        "Keep a copy of the database as it is, and compare with the last backup: somebody edited the record.",
    )
