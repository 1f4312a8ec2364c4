"""Is the database what the code expects: migrations, extensions, indexes?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.apps import apps
from django.db import connection, models

from config import health
from config.doctor.finding import Finding, fail, ok, warn
from config.plural import plural
from knowledge import spaces, vector_search
from knowledge.models import EmbeddingSpace

EXTENSIONS: Mapping[str, tuple[int, int]] = {"vector": (0, 8)}
"""What must be there, with the oldest version that will do: pgvector searches filtered from 0.8 on."""

LARGE_TABLE = 50_000
"""Rows from which reading a whole table hurts."""
OFTEN = 1_000
"""Readings of a whole table from which it is no accident; counted since the statistics were last reset."""

_INVALID = """
    SELECT indexrelid::regclass::text FROM pg_index
    WHERE NOT indisvalid AND indexrelid NOT IN (SELECT index_relid FROM pg_stat_progress_create_index)
    ORDER BY 1
"""
_READ_WHOLE = """
    SELECT relname, n_live_tup, seq_scan, coalesce(idx_scan, 0) FROM pg_stat_user_tables
    WHERE schemaname = current_schema() AND n_live_tup >= %s ORDER BY n_live_tup DESC
"""


@dataclass(frozen=True, slots=True)
class TableUse:
    """How a table was read."""

    name: str
    rows: int
    whole: int
    """How often all of it was read."""
    by_index: int


def migrations() -> Finding:
    """Look whether every migration is applied."""
    waiting = health.unapplied()
    if not waiting:
        return ok("all applied")
    return fail(
        f"{plural(len(waiting), 'migration')} not applied, beginning with {waiting[0]}",
        "Run manage.py migrate.",
    )


def extensions() -> Finding:
    """Look whether PostgreSQL has what the searches need."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extname, extversion FROM pg_extension")
        found = {name: _version(version) for name, version in cursor.fetchall()}
    missing = [name for name in EXTENSIONS if name not in found]
    if missing:
        return fail(
            f"missing: {', '.join(missing)}",
            f'As the owner of the database: CREATE EXTENSION "{missing[0]}".',
        )
    old = [name for name, least in EXTENSIONS.items() if found[name] < least]
    if old:
        return warn(
            f"too old: {', '.join(old)}", f'Install a newer one, then ALTER EXTENSION "{old[0]}" UPDATE.'
        )
    return ok(", ".join(f"{name} {'.'.join(map(str, found[name]))}" for name in EXTENSIONS))


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())


def indexes() -> Finding:
    """Look whether every index that a model declares is there, and none was left half built."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()")
        there = {name for (name,) in cursor.fetchall()}
        cursor.execute(_INVALID)
        invalid = [name for (name,) in cursor.fetchall()]
    if invalid:
        return fail(f"invalid: {', '.join(invalid)}", f"Run REINDEX INDEX CONCURRENTLY {invalid[0]}.")
    missing = sorted(set(_declared(apps.get_models())) - there)
    if missing:
        return fail(
            f"missing: {', '.join(missing)}", "Restore them: manage.py sqlmigrate shows how each was made."
        )
    return ok(f"{plural(len(there), 'index', 'indexes')}, all valid")


def _declared(of: Iterable[type[models.Model]]) -> Iterable[str]:
    """Return the names of the indexes that models declare."""
    for model in of:
        if model._meta.managed and not model._meta.proxy:  # noqa: SLF001 -- Django documents it
            yield from (index.name for index in model._meta.indexes)  # noqa: SLF001
            unique = (each for each in model._meta.constraints if isinstance(each, models.UniqueConstraint))  # noqa: SLF001
            yield from (each.name for each in unique)


def vector_index() -> Finding:
    """Look whether the active embedding space has its HNSW index, where it is large enough to need one."""
    space = EmbeddingSpace.objects.filter(state=EmbeddingSpace.State.ACTIVE).first()
    if space is None:
        return ok("nothing embedded yet")
    if not spaces.needs_index(space):
        return ok("not needed: every scope is small enough to compare all of it")
    name = vector_search.index_name(space)
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
        found = cursor.fetchone()
    if found == (True,):
        return ok(f"{name} is valid")
    return fail(
        f"{name} is {'invalid' if found else 'missing'}: large scopes are searched slowly",
        "The worker builds it within ten minutes (knowledge.tasks.keep_index); see that it runs.",
    )


def index_use() -> Finding:
    """Look whether large tables are read by their indexes."""
    with connection.cursor() as cursor:
        cursor.execute(_READ_WHOLE, [LARGE_TABLE])
        tables = [TableUse(*row) for row in cursor.fetchall()]
    return judge_use(tables)


def judge_use(tables: Iterable[TableUse]) -> Finding:
    """Return what the statistics of large tables tell."""
    large = list(tables)
    read_whole = [table.name for table in large if table.whole >= OFTEN and table.whole > table.by_index]
    if read_whole:
        return warn(
            f"read whole more often than by index: {', '.join(read_whole)}",
            f"Run ANALYZE {read_whole[0]}; if it stays so, find the query in pg_stat_statements.",
        )
    return ok(f"{plural(len(large), 'large table')}, read by index")
