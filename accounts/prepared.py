"""Statements that the database plans once a connection: those that run for every message.

Written into the text of a statement, as Django does it, values make each one new to the server, which spends more
time on reading and planning it than on running it. Here they travel beside it, and the fifth time a connection
meets a text it has the server keep the plan. So the text must be the same each time, however the values differ.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import NotSupportedError, connection
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper


@contextmanager
def cursor() -> Iterator[CursorWrapper]:
    """Open a cursor whose statements are prepared by the server, in the caller's transaction if there is one."""
    connection.ensure_connection()
    session = connection.connection
    usual, session.cursor_factory = session.cursor_factory, ServerBindingCursor
    try:
        opened = connection.cursor()
    finally:
        session.cursor_factory = usual
    with opened:
        try:
            yield opened
        except NotSupportedError:
            _forget()
            raise


def _forget() -> None:
    """Have the connection forget the plans it keeps: a migration has changed the type of what one of them returns.

    The server refuses such a plan each time. In a transaction its end, a rollback, forgets them.
    """
    if not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")
