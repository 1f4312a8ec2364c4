"""How long questions about the installation may keep its database busy."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def limited(milliseconds: int) -> Iterator[None]:
    """Have the database cut off each statement inside that takes longer."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])
        yield
