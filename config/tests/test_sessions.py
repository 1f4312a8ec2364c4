"""Sessions slide without a write for every request, and none lives for ever."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from config.sessions import slide

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def session() -> "SessionStore[Session]":
    """A session that began now."""
    store: SessionStore[Session] = SessionStore()
    store["who"] = "ada"
    slide(store, now=NOW)
    store.modified = False
    return store


def test_a_request_soon_after_writes_nothing(session: "SessionStore[Session]") -> None:
    slide(session, now=NOW + timedelta(minutes=10))
    assert session.modified is False


def test_a_later_request_renews_it(session: "SessionStore[Session]") -> None:
    slide(session, now=NOW + timedelta(minutes=11))
    assert session.modified is True
    session.modified = False
    slide(session, now=NOW + timedelta(minutes=20))
    assert session.modified is False


@pytest.mark.django_db
def test_it_ends_after_a_week_however_much_it_is_used(session: "SessionStore[Session]") -> None:
    slide(session, now=NOW + timedelta(days=7))
    assert session["who"] == "ada"
    slide(session, now=NOW + timedelta(days=7, seconds=1))
    assert session.get("who") is None


@pytest.mark.django_db
def test_its_last_day_is_not_a_whole_one(session: "SessionStore[Session]") -> None:
    session.set_expiry(24 * 3600)
    slide(session, now=NOW + timedelta(days=6))
    assert session.get_expiry_age(modification=NOW) == 24 * 3600
    slide(session, now=NOW + timedelta(days=6, hours=20))
    session.save()
    assert Session.objects.get().expire_date == NOW + timedelta(days=7)


@pytest.mark.django_db
def test_a_row_that_is_saved_between_two_renewals_does_not_outlast_the_week(
    session: "SessionStore[Session]", monkeypatch: pytest.MonkeyPatch
) -> None:
    nearly = NOW + timedelta(days=6) - timedelta(minutes=5)
    slide(session, now=nearly)
    for moment in (nearly + timedelta(minutes=9), nearly + timedelta(minutes=9, seconds=1)):
        session.modified = False
        slide(session, now=moment)
        monkeypatch.setattr(timezone, "now", lambda moment=moment: moment)
        session.save()
        assert Session.objects.get().expire_date == NOW + timedelta(days=7)
    assert session.modified is False
