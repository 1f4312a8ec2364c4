"""PostgreSQL whose `flush` puts the rows back that the migrations made, triggers notwithstanding.

Tests with real transactions are cleaned up by Django's `flush`, which truncates every table: that would remove
what data migrations wrote, and the audit table refuses it, rightly.
"""

from typing import Any

from django.db import OperationalError
from django.db.backends.postgresql import base, operations
from psycopg.errors import DeadlockDetected
from typing_extensions import override

ATTEMPTS = 5
"""How often the tables are emptied at most, before a deadlock with a process counts as a fault."""


class DatabaseOperations(operations.DatabaseOperations):
    """Django's operations with another way to empty the tables."""

    @override
    def sql_flush(
        self, style: Any, tables: Any, *, reset_sequences: bool = False, allow_cascade: bool = False
    ) -> list[str]:
        """Return no statement: for any, Django would look up every permission after each test, which are back too."""
        return []

    @override
    def execute_sql_flush(self, sql_list: Any) -> None:
        """Put every table back as the migrations left it, once more where processes still at work stood in the way."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                super().execute_sql_flush(["SELECT suite_reset()"])
            except OperationalError as error:
                if attempt == ATTEMPTS or not isinstance(error.__cause__, DeadlockDetected):
                    raise
            else:
                return


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's PostgreSQL with these operations."""

    ops_class = DatabaseOperations
