"""Authors, languages and years as documents state them."""

import re
from collections.abc import Iterable

LANGUAGE_TAG = re.compile(r"^(?!utf)[a-z]{2,3}(?:[-_][a-z0-9]{2,8}){0,3}$", re.IGNORECASE)
COPYRIGHT_YEAR = re.compile(r"(?:©|\(c\)|copyright)\D{0,40}((?:19|20)\d\d)\b", re.IGNORECASE)


def authors_of(names: str) -> tuple[str, ...]:
    """Names out of one field, divided by semicolons, "and" or, when each part is a full name, commas."""
    parts = re.split(r"\s*;\s*|\s+(?:and|&)\s+", names)
    if len(parts) == 1 and all(" " in part.strip() for part in names.split(",")):
        parts = names.split(",")
    return tuple(part.strip()[:120] for part in parts if part.strip())[:20]


def language_of(tag: str) -> str:
    """A language tag such as "en" or "pt-BR"; "" for anything else."""
    return tag.strip() if LANGUAGE_TAG.match(tag.strip()) else ""


def year_of(texts: Iterable[str]) -> int | None:
    """The year of a copyright notice. A file's own dates say when it was made, not when it was written."""
    found = (COPYRIGHT_YEAR.search(text) for text in texts)
    return next((int(match[1]) for match in found if match), None)
