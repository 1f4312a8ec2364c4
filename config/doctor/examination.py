"""The checks in their order, each given a few seconds and no more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, OperationalError, connection
from psycopg.errors import QueryCanceled

from config import patience
from config.doctor import credentials, machine, people, records, schema, tenants, work
from config.doctor.finding import Finding, Look, fail, ok, warn

PATIENCE_MS = 10_000
"""How long one statement of a check may take. Redis is given a second (`config.broker`)."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its name in the table, and what it does."""

    name: str
    look: Look
    asks_database: bool = True


CHECKS: Sequence[Check] = (
    Check("migrations", schema.migrations),
    Check("extensions", schema.extensions),
    Check("indexes", schema.indexes),
    Check("vector index", schema.vector_index),
    Check("index use", schema.index_use),
    Check("queues", work.queues, asks_database=False),
    Check("worker", work.worker, asks_database=False),
    Check("stale rows", work.rows),
    Check("keys", credentials.keys),
    Check("mails", people.mails),
    Check("exports", people.exports),
    Check("erasures", people.erasures),
    Check("reservations", people.reservations),
    Check("domains", people.domains),
    Check("sessions", work.sessions),
    Check("analytics", work.analytics),
    Check("tenants", tenants.scope),
    Check("record", records.chain),
    Check("disk", machine.disks, asks_database=False),
)


def examine(checks: Sequence[Check] = CHECKS) -> Iterator[tuple[str, Finding]]:
    """Do the checks and yield what each found; without a database those that need it are not tried."""
    database = _database()
    yield "database", database
    for check in checks:
        if not check.asks_database:
            yield check.name, check.look()
        elif database.next_step:
            yield check.name, fail("not looked at: the database is away", "Bring the database back first.")
        else:
            yield check.name, _within_patience(check)


def _database() -> Finding:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            (version,) = cursor.fetchone()
    except (DatabaseError, InterfaceError) as error:
        return fail(
            f"does not answer ({type(error).__name__})", "Look at PostgreSQL, its log and DATABASE_URL."
        )
    return ok(f"PostgreSQL {version}")


def _within_patience(check: Check) -> Finding:
    """Do a check whose statements are cut off when they take too long."""
    try:
        with patience.limited(PATIENCE_MS):
            return check.look()
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            return warn(
                f"gave up after {PATIENCE_MS / 1000:g} s", "Try again when the database has less to do."
            )
        return fail(f"broke off ({type(error).__name__})", "Look at PostgreSQL and its log.")
    except (DatabaseError, InterfaceError) as error:
        return fail(f"broke off ({type(error).__name__})", "Run manage.py migrate, then look again.")
