"""How an account ends, for tests that look at what is left of it."""

from datetime import UTC, datetime, timedelta

from accounts import data_requests, erasure
from accounts.lifecycle_models import Erasure
from accounts.models import User

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=7)
"""When the week in which an erasure can be taken back has gone by."""


def erased(person: User) -> Erasure:
    """Ask for an erasure and let its time come."""
    asked = data_requests.ask_for_erasure(actor=person, person=person, now=NOW)
    assert erasure.run(erasure_id=asked.pk, now=LATER)
    asked.refresh_from_db()
    return asked
