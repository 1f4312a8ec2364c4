"""Two changes of the same rows at the same moment, in the one order that tells whether something is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.tests.waiting import until

T = TypeVar("T")

WAITS_FOR_ME = "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def overtaken(call: Callable[[], T], *, rows: QuerySet[Any], by: Callable[[], object]) -> T:
    """Return what a call returns that waits for these rows while something else is done to them."""

    def called() -> T:
        try:
            return call()
        finally:
            connection.close()

    def comes_to_wait() -> bool:
        with connection.cursor() as cursor:
            return cursor.execute(WAITS_FOR_ME).fetchone() is not None or late.done()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert list(rows.select_for_update())
            late = pool.submit(called)
            until(comes_to_wait, "somebody who waits for the rows")
            assert not late.done()
            by()
        return late.result()
