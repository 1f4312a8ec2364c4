"""The suite's databases: migrated once into a template, copied for every run and worker.

The template's name carries a hash of all migrations, so that it is made again when one of them changes. The copy
takes a tenth of a second; what a killed run leaves behind is dropped by a later one.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from config import addresses

STALE = "1 hour"

# Tables that migrations filled are copied once; a reset empties every table and copies them back. Replica mode
# keeps triggers and foreign keys quiet meanwhile.
REMEMBER = """
CREATE SCHEMA suite_seed;
DO $$
DECLARE name text; filled boolean;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM public.%I)', name) INTO filled;
        IF filled AND name <> 'django_migrations' THEN
            EXECUTE format('CREATE TABLE suite_seed.%I AS TABLE public.%I', name, name);
        END IF;
    END LOOP;
END $$;
CREATE FUNCTION suite_reset() RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS $$
DECLARE name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'django_migrations' LOOP
        EXECUTE format('DELETE FROM public.%I', name);
    END LOOP;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'suite_seed' LOOP
        EXECUTE format('INSERT INTO public.%I OVERRIDING SYSTEM VALUE SELECT * FROM suite_seed.%I', name, name);
    END LOOP;
END $$;
"""


@contextmanager
def fresh_database(url: str, *, root: Path, name: str) -> Iterator[str]:
    """Point Django's default database at a new copy of the template, and drop the copy afterwards.

    `url` names any database of a server on which databases may be made. Yields the copy's URL.
    """
    admin = addresses.database_from_url(url)
    _point_at(admin)
    with _server(admin) as server:
        template = _ensure_template(server, admin, root)
        _drop(server, name)
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    _use(name)
    try:
        yield url.rpartition("/")[0] + f"/{name}"
    finally:
        connection.close()
        with _server(admin) as server:
            _drop(server, name)


def _point_at(admin: dict[str, Any]) -> None:
    """Tell Django where the server is; the settings are changed in place, as pytest-django does."""
    default = settings.DATABASES["default"]
    default.update({key: admin[key] for key in ("USER", "PASSWORD", "HOST", "PORT")})


def _use(name: str) -> None:
    """Connect Django to this database from now on."""
    connection.close()
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name


@contextmanager
def _server(admin: dict[str, Any]) -> Iterator[psycopg.Connection]:
    """Connect to the server's own database."""
    with psycopg.connect(
        host=admin["HOST"],
        port=admin["PORT"],
        user=admin["USER"],
        password=admin["PASSWORD"],
        dbname="postgres",
        autocommit=True,
    ) as server:
        yield server


def _ensure_template(server: psycopg.Connection, admin: dict[str, Any], root: Path) -> str:
    """Return the name of the template for the present migrations, making it when it is missing."""
    name = f"suite_template_{_migrations_hash(root)}"
    with (Path(settings.SIDELINE_DATA) / "template.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return name
        _drop_stale(server)
        draft = f"suite_draft_{os.getpid()}"
        _drop(server, draft)
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
        _use(draft)
        call_command("migrate", verbosity=0, interactive=False)
        with connection.cursor() as cursor:
            cursor.execute(REMEMBER)
        connection.close()
        server.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(draft), sql.Identifier(name))
        )
    return name


def _migrations_hash(root: Path) -> str:
    """Return a hash over all migrations, the packages and the list of those whose migrations are applied."""
    found = hashlib.sha256(REMEMBER.encode() + repr(settings.INSTALLED_APPS).encode())
    for path in [root / "uv.lock", *sorted(root.glob("*/migrations/*.py"))]:
        found.update(path.read_bytes() if path.exists() else b"")
    return found.hexdigest()[:16]


def _drop(server: psycopg.Connection, name: str) -> None:
    """Drop a database, whoever is still connected."""
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _drop_stale(server: psycopg.Connection) -> None:
    """Drop old databases of the suite that nobody is connected to."""
    rows = server.execute(
        "SELECT datname FROM pg_database d WHERE datname LIKE 'suite\\_%%'"
        " AND (pg_stat_file('base/' || oid || '/PG_VERSION')).modification < now() - %s::interval"
        " AND NOT EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.datid = d.oid)",
        [STALE],
    ).fetchall()
    for (name,) in rows:
        _drop(server, name)
