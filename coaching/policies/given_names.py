"""Given names that often belong to pupils, and the words that look like names and are none: `given_names.toml`."""

import tomllib
from pathlib import Path

_LISTS: dict[str, str] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))

GIVEN = frozenset(_LISTS["given"].split())
"""Noticed beside a word of the classroom, also when written in small letters."""
CAPITAL_ONLY = frozenset(_LISTS["capital_only"].split())
"""Names that are also ordinary words: only with a capital."""
NO_NAMES = frozenset(_LISTS["no_names"].split())
"""Words that begin with a capital for another reason."""
AUTHORS = frozenset(_LISTS["authors"].split())
"""Family names of people whom teachers quote."""
