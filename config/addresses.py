"""Where the database and Redis are: from URLs to what Django, Channels and Celery want to be told."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

DATABASE_SCHEMES = frozenset({"postgres", "postgresql"})


def database_from_url(url: str) -> dict[str, Any]:
    """Return Django's description of the PostgreSQL database that the URL names.

    The query of the URL becomes connection options (`?sslmode=require`, `?host=/run/postgresql`).
    Raises ValueError, without repeating the URL, when it is not a PostgreSQL URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in DATABASE_SCHEMES or not parts.path.strip("/"):
        raise ValueError("it must look like postgresql://user:password@host:5432/name")
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": str(options.pop("port", parts.port or "")),
        "OPTIONS": options,
    }


def redis_database(url: str, number: int) -> str:
    """Return the URL of another numbered database of the same Redis server.

    `redis://host:6379/0` has the number in its path, `unix:///path` in its query.
    Raises ValueError, without repeating the URL, when it is not a Redis URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise ValueError("it must look like redis://:password@host:6379/0")
    return urlunsplit(parts._replace(path=f"/{number}"))


def remembered(data: Path) -> dict[str, str]:
    """Return the addresses that the embedded services under `data` wrote down, or nothing."""
    try:
        noted = json.loads((data / "services.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: str(noted[name]) for name in ("DATABASE_URL", "REDIS_URL") if name in noted}
