"""PostgreSQL whose `flush` puts the rows back that the migrations made, triggers notwithstanding.

Tests with real transactions are cleaned up by Django's `flush`, which truncates every table: that would remove
what data migrations wrote, and the audit table refuses it, rightly.
"""

from typing import Any

from django.db.backends.postgresql import base, operations
from typing_extensions import override


class DatabaseOperations(operations.DatabaseOperations):
    """Django's operations with another way to empty the tables."""

    @override
    def sql_flush(
        self, style: Any, tables: Any, *, reset_sequences: bool = False, allow_cascade: bool = False
    ) -> Any:
        """Return the statement that puts every table back as the migrations left it."""
        return ["SELECT suite_reset()"] if tables else []


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's PostgreSQL with these operations."""

    ops_class = DatabaseOperations
