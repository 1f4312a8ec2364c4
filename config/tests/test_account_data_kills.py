"""A process that is killed while it erases somebody or makes a copy: the next one ends with the same."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts import data_requests, erasure, export_making, lifecycle
from accounts.lifecycle_models import AccountExport, Erasure
from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast
from accounts.tests.dying import die, in_a_process_that_dies
from config.tests.canaries import CANARY, everywhere, with_canaries
from conversations import account_data, organizing
from conversations.models import Conversation

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

PARTS = [name for name, _ in lifecycle.parts()]


@pytest.fixture(autouse=True)
def _presence(settings: Any, redis_url: str) -> None:
    settings.PRESENCE_URL = redis_url


def asked(cast: Cast) -> Erasure:
    """Return the erasure of Ada, who has left traces everywhere, in time to begin now."""
    with_canaries(cast)
    now = timezone.now()
    for _ in range(3):
        organizing.begin(member=cast.home.owner, now=now)
    return data_requests.ask_for_erasure(
        actor=cast.home.owner, person=cast.home.owner, now=now - timedelta(days=7)
    )


def ends_well(wish: Erasure, *, redis_url: str, media: Path) -> None:
    """Go on as the next worker does, and look everywhere."""
    now = timezone.now()
    assert erasure.due(now=now) == []
    later = now + timedelta(minutes=11)
    assert erasure.due(now=later) == [wish.pk]
    assert erasure.run(erasure_id=wish.pk, now=later)
    assert everywhere(CANARY, redis_url=redis_url, media=media) == {}
    assert not User.objects.filter(pk=wish.person_id).exists()
    assert AuditEvent.objects.filter(action="account_erased").count() == 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("part", PARTS)
def test_an_erasure_killed_around_a_part(
    part: str, when: str, cast: Cast, redis_url: str, settings: Any
) -> None:
    wish = asked(cast)
    data = type(dict(lifecycle.parts())[part])
    erase = data.erase

    def deadly(self: Any, person: User, *, now: Any) -> dict[str, int]:
        if when == "after":
            erase(self, person, now=now)
        die()
        return {}

    def work() -> None:
        data.erase = deadly  # type: ignore[method-assign]  # in the process that dies
        erasure.run(erasure_id=wish.pk, now=timezone.now())

    in_a_process_that_dies(work)
    ends_well(wish, redis_url=redis_url, media=Path(settings.MEDIA_ROOT))


def test_an_erasure_killed_between_two_conversations(cast: Cast, redis_url: str, settings: Any) -> None:
    wish = asked(cast)
    delete = account_data._delete
    deleted: list[int] = []

    def second_is_deadly(*arguments: Any) -> int:
        if deleted:
            die()
        deleted.append(1)
        return delete(*arguments)

    def work() -> None:
        account_data._delete = second_is_deadly  # type: ignore[assignment]  # in the process that dies
        erasure.run(erasure_id=wish.pk, now=timezone.now())

    in_a_process_that_dies(work)
    assert Conversation.objects.count() == 3
    ends_well(wish, redis_url=redis_url, media=Path(settings.MEDIA_ROOT))


def test_a_copy_killed_before_its_row_says_that_it_is_ready(cast: Cast) -> None:
    with_canaries(cast)
    AccountExport.objects.all().delete()
    export = data_requests.ask_for_export(person=cast.home.owner, now=timezone.now())

    def work() -> None:
        export_making.audit.record = die  # type: ignore[attr-defined]  # the last step before the commit
        export_making.make(export_id=export.pk, now=timezone.now())

    in_a_process_that_dies(work)
    later = timezone.now() + timedelta(minutes=6)
    assert export_making.due(now=later) == [export.pk]
    assert export_making.make(export_id=export.pk, now=later)
    export.refresh_from_db()
    assert (export.state, export.attempts) == ("ready", 2)
    assert export.file == f"account-exports/{export.pk}-2.zip"
    left = default_storage.listdir("account-exports")[1]
    assert f"{export.pk}-1.zip" in left  # without a row; the nightly run finds it
